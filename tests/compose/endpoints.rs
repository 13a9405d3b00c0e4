//! The published endpoints: the page, the websocket, and the operators' API, which requires its secret.

use super::calls::{Call, end, pairs};
use super::cluster::{Cluster, compose};
use testkit::http;

#[tokio::test]
async fn calls_go_through_the_load_balancer() {
    let cluster = Cluster::one_of_each().await;
    let call = Call::between_browsers(&cluster).await;
    call.expect_media().await;
    end(pairs(&cluster, 10).await).await;
    call.expect_media().await;
    call.end().await;
}

#[tokio::test]
async fn addresses_are_printed_and_the_api_requires_its_secret() {
    let cluster = Cluster::one_of_each().await;
    let printed = compose(&["logs", "--no-color", "lb"]).await;
    for address in [cluster.page(), cluster.websocket()] {
        assert!(printed.contains(address), "{address} is not in {printed}");
    }
    let url = cluster.page().replace("localhost", "127.0.0.1");
    assert_eq!(http::get(&format!("{url}/")).await.status, 200);
    assert_eq!(http::get(&format!("{url}/api/v1/cluster")).await.status, 401);
    assert_eq!(cluster.request("/api/v1/cluster").await.unwrap().status, 200);
}
