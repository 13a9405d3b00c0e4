//! What is released leaves no key.

use crate::support::{RedisServer, backend, call, edge, gives, handle, owner, place, request};
use directory::Directory;
use protocol::{BackendName, ServiceId};
use std::time::Duration;

const LIFE: Duration = Duration::from_secs(60);

fn keys(server: &RedisServer) -> Vec<String> {
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.raw()).unwrap();
    keys.sort();
    keys
}

async fn live(directory: &Directory) {
    directory.edge_alive(&edge(1)).await.unwrap();
    directory.announce_backend(&backend("a"), LIFE).await.unwrap();
    directory.lease("backend:a", &ServiceId::from("x"), LIFE).await.unwrap();
    for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        directory.open_session(handle(number).session, &edge(1), &terms()).await.unwrap();
        gives(directory, name, &owner(number)).await;
    }
    gives(directory, "alice", &owner(4)).await;
    directory.claim_name(&owner(4), "again", request()).await.unwrap();
    directory.open_session(handle(1).session, &edge(2), &terms()).await.unwrap();
    for _ in 0..3 {
        let call = call(("bob", 2), ("carol", 3));
        assert!(place(directory, &call).await);
        assert!(!place(directory, &crate::support::call(("alice", 4), ("bob", 2))).await);
        directory.free_call(call.id).await.unwrap();
        directory.take(handle(2), "bob", call.id).await.unwrap();
    }
}

async fn release_handles(directory: &Directory) {
    for number in 1..=4 {
        let removed = directory.remove_handle(handle(number)).await.unwrap().unwrap();
        if let Some(name) = removed.username {
            assert!(directory.free_name(&name, handle(number)).await.unwrap());
        }
        directory.close_session(handle(number).session, &edge(1)).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_released_leaves_no_key() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    live(&directory).await;
    release_handles(&directory).await;
    let services = ["januscloud:backend_servers:a", "sb:backends", "sb:edges"];
    let leased = ["sb:{lease:backend:a}", "sb:{lease:backend:a}:fence"];
    assert_eq!(keys(&server), [&services[..], &leased[..]].concat());
    directory.remove_backend(&BackendName::from("a")).await.unwrap();
    directory.forget_edge(&edge(1)).await.unwrap();
    directory.release_lease("backend:a", &ServiceId::from("x")).await.unwrap();
    assert_eq!(keys(&server), ["sb:{lease:backend:a}:fence"]);
    let left: i64 = redis::cmd("TTL").arg("sb:{lease:backend:a}:fence").query(&mut server.raw()).unwrap();
    assert!((86_000..=86_400).contains(&left));
}

#[tokio::test]
async fn a_forgotten_edge_leaves_no_list() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    directory.edge_alive(&edge(1)).await.unwrap();
    directory.open_session(handle(1).session, &edge(1), &terms()).await.unwrap();
    directory.forget_edge(&edge(1)).await.unwrap();
    assert_eq!(keys(&server), ["sb:session:1001"]);
}
