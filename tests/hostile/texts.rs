//! Long texts that clients choose and the cluster keeps: the reasons of hangups.

use super::harness::Fixture;
use crate::fixture::redis_connection;
use std::time::Duration;
use testkit::{Client, http};
use tokio::time::sleep;

const LENGTH: usize = 200_000;
/// The attacker makes at most this many calls a second.
const RATE: u32 = 16;
/// What the log and the view of the cluster may take after the attack.
const MAX_LOG: u64 = 1 << 20;
const MAX_VIEW: usize = 64 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_reasons_are_not_kept() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut mallory = Client::registered(&fixture.edge_url(0), "mallory").await;
        let mut accomplice = Client::registered(&fixture.edge_url(1), "accomplice").await;
        for number in 0.. {
            mallory.call("accomplice").await;
            accomplice.expect_event("incomingcall").await;
            mallory.hangup_with_reason(&format!("{number}{}", "x".repeat(LENGTH))).await;
            let (hangup, _) = accomplice.expect_event("hangup").await;
            assert_eq!(hangup["reason"].as_str().unwrap().len(), 255);
            tokio::join!(mallory.expect_core("hangup"), accomplice.expect_core("hangup"));
            mallory.clear_inbox().await;
            accomplice.clear_inbox().await;
            sleep(Duration::from_secs(1) / RATE).await;
        }
    };
    fixture.withstand("long reasons", attack).await;
    let mut connection = redis_connection(&fixture.redis.url()).await;
    let log: u64 =
        redis::cmd("MEMORY").arg("USAGE").arg("sb:calls").query_async(&mut connection).await.unwrap();
    assert!(log < MAX_LOG, "the log takes {log} bytes");
    let view = http::get(&format!("{}/api/v1/cluster", fixture.cluster.rest_url(0))).await;
    assert!(view.status == 200 && view.body.len() < MAX_VIEW, "the view takes {} bytes", view.body.len());
}
