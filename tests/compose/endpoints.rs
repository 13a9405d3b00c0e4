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

/// Runs a shell command in the container of a service; returns its output.
async fn shell(service: &str, command: &str) -> String {
    compose(&["exec", "-T", service, "sh", "-c", command]).await
}

#[tokio::test]
async fn redis_needs_its_password_and_is_out_of_reach_of_janus_and_the_load_balancer() {
    let _cluster = Cluster::one_of_each().await;
    assert!(shell("redis", "redis-cli ping 2>&1").await.contains("NOAUTH"));
    let password = shell("rest", "cat /run/redis-secret/redis-password").await;
    assert!(password.trim().len() >= 32, "{} bytes", password.len());
    let processes = shell("redis", "tr '\\0' ' ' </proc/1/cmdline").await;
    assert!(processes.contains("redis-server") && !processes.contains(password.trim()), "{processes}");
    for (service, expected) in [("edge", "reached"), ("janus", "refused"), ("lb", "refused")] {
        let command = "bash -c '</dev/tcp/redis/6379' 2>/dev/null && echo reached || echo refused";
        assert_eq!(shell(service, command).await.trim(), expected, "{service}");
    }
}

#[tokio::test]
async fn janus_may_drain_itself_only() {
    let cluster = Cluster::one_of_each().await;
    let backends = cluster.open_backends().await;
    let own = &backends.first().unwrap().0;
    let ask = async |path: &str| {
        let send = "curl -s -o /dev/null -w '%{http_code}' -X POST -H \"Authorization: Bearer $(cat /var/lib/switchboard/drain-secret)\"";
        shell("janus", &format!("{send} http://rest:8080/api/v1{path}")).await
    };
    assert_eq!(ask("/users/alice/disconnect").await, "401");
    assert_eq!(ask("/backends/none/drain").await, "404");
    assert_eq!(ask(&format!("/backends/{own}/undrain")).await, "200");
    let elsewhere = "curl -s -o /dev/null -w '%{http_code}' http://rest:8080/api/v1/cluster";
    assert_eq!(shell("janus", elsewhere).await, "401");
}
