//! A road between services that is blocked while Redis answers as ever: `/readyz` names it.

use crate::fixture::redis_connection;
use bus::topic::Queue;
use redis::cmd;
use testkit::{Cluster, Redis, eventually, http};

#[tokio::test]
async fn the_queue_for_peers() {
    let redis = Redis::start().await;
    let mut cluster = Cluster::new(&redis).edges(0).routers(0).connectors(0).rests(2).start().await;
    let mut redis = redis_connection(&redis.url()).await;
    // No stream stands there any more, and none can be made.
    let _: () = cmd("SET").arg(Queue::Proxies.key()).arg("blocked").query_async(&mut redis).await.unwrap();
    for rest in &cluster.rests {
        let readyz = format!("{}/readyz", rest.admin_url());
        eventually("it names the road", async || {
            let answer = http::get(&readyz).await;
            answer.status == 503 && answer.body.contains("\"canary peers\":\"nothing heard for")
        })
        .await;
    }
    let _: () = cmd("DEL").arg(Queue::Proxies.key()).query_async(&mut redis).await.unwrap();
    cluster.wait_ready().await;
}
