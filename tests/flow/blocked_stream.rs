//! A stream that is blocked while Redis answers as usual: `/readyz` names it.

use crate::fixture::redis_connection;
use bus::topic::Queue;
use redis::cmd;
use testkit::{Cluster, Redis, eventually, http};

#[tokio::test]
async fn blocked_proxy_queue_is_named_by_readyz() {
    let redis = Redis::start().await;
    let mut cluster = Cluster::new(&redis).edges(0).routers(0).connectors(0).rests(2).start().await;
    let mut redis = redis_connection(&redis.url()).await;
    // The key holds no stream any more, and none can be created.
    let _: () = cmd("SET").arg(Queue::Proxies.key()).arg("blocked").query_async(&mut redis).await.unwrap();
    for rest in &cluster.rests {
        let readyz = format!("{}/readyz", rest.admin_url());
        eventually("/readyz names the stream", async || {
            let answer = http::get(&readyz).await;
            answer.status == 503 && answer.body.contains("\"canary proxies\":\"nothing received for")
        })
        .await;
    }
    let _: () = cmd("DEL").arg(Queue::Proxies.key()).query_async(&mut redis).await.unwrap();
    cluster.wait_ready().await;
}
