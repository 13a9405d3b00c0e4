//! The number of connections, and how a lost one is replaced.

use crate::redis_server::Server;
use crate::support::*;
use bus::SendError;
use redis::aio::MultiplexedConnection;
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn total_connections(connection: &mut MultiplexedConnection) -> u64 {
    let info: String = redis::cmd("INFO").arg("stats").query_async(connection).await.unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_readers_keep_their_connections() {
    let server = Server::start();
    let mut raw = server.raw().await;
    let before = total_connections(&mut raw).await;
    let bus = server.bus().await;
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    let mut notices = bus.subscribe().await;
    let waited = timeout(Duration::from_secs(5), async {
        tokio::select! {
            _ = worker.next() => {}
            _ = reader.next() => {}
            _ = notices.next() => {}
        }
    });
    assert!(waited.await.is_err(), "a message arrived");
    let opened = total_connections(&mut raw).await - before;
    assert_eq!(opened, 4, "one is shared, and each reader has one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_lost_while_idle_fails_no_send() {
    let server = Server::start();
    let bus = server.bus().await;
    bus.ping().await.unwrap();
    let mut raw = server.raw().await;
    let before = total_connections(&mut raw).await;
    let mut kill = redis::cmd("CLIENT");
    let _: i64 = kill.arg("KILL").arg("TYPE").arg("normal").query_async(&mut raw).await.unwrap();
    eventually("the bus has reconnected", async || total_connections(&mut raw).await > before).await;
    bus.enqueue(QUEUE, &numbered(0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_send_after_an_outage_succeeds() {
    let mut server = Server::start();
    let bus = server.bus().await;
    server.kill();
    for _ in 0..2 {
        let refused = bus.enqueue(QUEUE, &numbered(0)).await;
        assert!(matches!(refused, Err(SendError::Unavailable(_))), "{refused:?}");
    }
    // Longer than the attempt to connect that is under way.
    sleep(Duration::from_secs(1)).await;
    server.restart();
    bus.enqueue(QUEUE, &numbered(1)).await.unwrap();
}
