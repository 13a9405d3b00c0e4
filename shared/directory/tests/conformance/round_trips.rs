//! How many round trips an operation costs, by how often Redis had something to read.

use crate::support::{RedisServer, call, gives, handle, owner, request};
use directory::Directory;
use protocol::{BackendName, ServiceId};
use std::time::Duration;

/// Counts while the directory runs one operation; the count itself is a read too.
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

/// Each operation once, so that Redis knows the scripts.
async fn warm_up(directory: &Directory) {
    gives(directory, "alice", &owner(1)).await;
    gives(directory, "bob", &owner(2)).await;
    directory.lease("w", &ServiceId::from("x"), Duration::from_secs(60)).await.unwrap();
    let call = call(("alice", 1), ("bob", 2));
    crate::support::place(directory, &call).await;
    directory.free_call(call.id).await.unwrap();
}

#[tokio::test]
async fn the_path_of_a_call_costs_what_it_should() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    warm_up(&directory).await;
    let mut reads = Reads(server.raw());
    let backends = ["a", "b", "c"].map(BackendName::from);
    let call = call(("alice", 1), ("bob", 2));
    assert_eq!(reads.of(directory.claim_name(&owner(3), "carol", request())).await, 1);
    assert_eq!(reads.of(directory.give_name("carol", &owner(3), None)).await, 1);
    assert_eq!(reads.of(directory.handle_and_user(handle(1), "bob")).await, 1);
    assert_eq!(reads.of(directory.live_calls(&backends)).await, 1);
    assert_eq!(reads.of(directory.open_call(&call)).await, 1);
    assert_eq!(reads.of(directory.take(handle(1), "alice", call.id)).await, 1);
    assert_eq!(reads.of(directory.take(handle(2), "bob", call.id)).await, 1);
    assert_eq!(reads.of(directory.free_call(call.id)).await, 2);
    assert_eq!(reads.of(directory.lease("w", &ServiceId::from("x"), Duration::from_secs(60))).await, 1);
}
