//! The round trips of an operation, counted by Redis' own read events.

use crate::support::{RedisServer, call, edge, handle, owner, policy, register_now, request, saved};
use common::{BackendName, ServiceId};
use directory::Directory;
use directory::record::FencingToken;
use protocol::SessionId;
use std::time::Duration;

/// Counts the reads during one operation; the query of the count is a read too.
struct Reads(redis::Connection);

impl Reads {
    fn now(&mut self) -> u64 {
        let info: String = redis::cmd("INFO").arg("stats").query(&mut self.0).unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
        line.unwrap().parse().unwrap()
    }

    async fn of<T>(&mut self, operation: impl Future<Output = directory::Result<T>>) -> u64 {
        let before = self.now();
        operation.await.unwrap();
        self.now() - before - 1
    }
}

/// Loads the scripts into Redis.
async fn warm_up(directory: &Directory) {
    register_now(directory, "alice", &owner(1)).await;
    register_now(directory, "bob", &owner(2)).await;
    directory.acquire_lease("w", &ServiceId::from("x"), Duration::from_secs(60)).await.unwrap();
    let call = call(("alice", 1), ("bob", 2));
    crate::support::place(directory, &call).await;
    directory.save_calls(FencingToken(7), &[(call.id, String::new())]).await.unwrap();
    directory.release_call(call.id).await.unwrap();
    directory.renew_proxy().await.unwrap();
}

#[tokio::test]
async fn call_path_round_trips() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    warm_up(&directory).await;
    let mut reads = Reads(server.raw());
    let backends = ["a", "b", "c"].map(BackendName::from);
    let call = call(("alice", 1), ("bob", 2));
    assert_eq!(reads.of(directory.claim_name(&owner(3), "carol", request())).await, 1);
    assert_eq!(reads.of(directory.grant_name("carol", &owner(3), None)).await, 1);
    assert_eq!(reads.of(directory.handle_and_user(handle(1), "bob")).await, 1);
    assert_eq!(reads.of(directory.count_calls(&backends)).await, 1);
    assert_eq!(reads.of(directory.begin_call(&call)).await, 2);
    assert_eq!(reads.of(directory.open_call(&call)).await, 1);
    assert_eq!(reads.of(directory.acquire_handle(handle(1), "alice", call.id, "peer")).await, 1);
    assert_eq!(reads.of(directory.acquire_handle(handle(2), "bob", call.id, "peer")).await, 1);
    assert_eq!(reads.of(directory.save_calls(FencingToken(7), &[(call.id, String::new())])).await, 1);
    assert_eq!(reads.of(directory.orphaned_calls(&call.backend)).await, 2);
    assert_eq!(reads.of(directory.end_call(call.id, Some(FencingToken(7)), None)).await, 2);
    assert_eq!(
        reads.of(directory.acquire_lease("w", &ServiceId::from("x"), Duration::from_secs(60))).await,
        1
    );
    assert_eq!(reads.of(directory.renew_proxy()).await, 1);
    assert_eq!(reads.of(directory.proxy_url("x")).await, 1);
    assert_eq!(reads.of(directory.discovered_backends()).await, 2);
}

#[tokio::test]
async fn edge_round_trips() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let sessions = (1..=100).map(SessionId);
    for session in sessions.clone() {
        directory.open_session(session, &edge(1), &policy()).await.unwrap();
    }
    let saves: Vec<_> = sessions.map(saved).collect();
    let mut reads = Reads(server.raw());
    assert_eq!(reads.of(directory.save_sessions(&edge(1), &saves)).await, 1);
    assert_eq!(reads.of(directory.save_sessions(&edge(1), &[])).await, 0);
    assert_eq!(reads.of(directory.session(SessionId(1))).await, 1);
    assert_eq!(reads.of(directory.claim_session(SessionId(1), &edge(1), &edge(2))).await, 2);
    register_now(&directory, "alice", &owner(1)).await;
    assert_eq!(reads.of(directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2))).await, 4);
    assert_eq!(reads.of(directory.heartbeat(&edge(1))).await, 1);
    assert_eq!(reads.of(directory.router_heartbeat(&edge(1))).await, 1);
    assert_eq!(reads.of(directory.since_heartbeat(&edge(1))).await, 1);
}
