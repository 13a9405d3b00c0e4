//! Released records leave no key.

use crate::support::{
    RedisServer, backend, call, edge, handle, owner, place, policy, register_now, request, saved, texts,
};
use common::{BackendName, ServiceId};
use directory::Directory;
use directory::record::{BacklogUpdate, FencingToken, SaveRequest};
use std::time::Duration;

const TTL: Duration = Duration::from_secs(60);

/// All keys except those of ended calls, which expire (`schema.rs` checks that).
fn keys(server: &RedisServer) -> Vec<String> {
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.raw()).unwrap();
    keys.retain(|key| !key.starts_with("sb:ended:"));
    keys.sort();
    keys
}

async fn use_every_operation(directory: &Directory) {
    directory.heartbeat(&edge(1)).await.unwrap();
    directory.announce_backend(&backend("a"), TTL).await.unwrap();
    directory.acquire_lease("backend:a", &ServiceId::from("x"), TTL).await.unwrap();
    for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        directory.open_session(handle(number).session, &edge(1), &policy()).await.unwrap();
        register_now(directory, name, &owner(number)).await;
    }
    register_now(directory, "alice", &owner(4)).await;
    directory.claim_name(&owner(4), "again", request()).await.unwrap();
    directory.open_session(handle(1).session, &edge(2), &policy()).await.unwrap();
    for _ in 0..3 {
        let call = call(("bob", 2), ("carol", 3));
        assert!(place(directory, &call).await);
        assert!(!place(directory, &crate::support::call(("alice", 4), ("bob", 2))).await);
        directory.release_call(call.id).await.unwrap();
        directory.acquire_handle(handle(2), "bob", call.id, "peer").await.unwrap();
    }
}

async fn release_handles(directory: &Directory) {
    for number in 1..=4 {
        let removed = directory.remove_handle(handle(number)).await.unwrap().unwrap();
        if let Some(name) = removed.username {
            assert!(directory.release_name(&name, handle(number)).await.unwrap());
        }
        directory.close_session(handle(number).session, &edge(1)).await.unwrap();
    }
}

#[tokio::test]
async fn released_records_leave_no_key() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    use_every_operation(&directory).await;
    release_handles(&directory).await;
    let services = ["januscloud:backend_servers:a", "sb:backends", "sb:edges"];
    let leased = ["sb:{lease:backend:a}", "sb:{lease:backend:a}:fence"];
    assert_eq!(keys(&server), [&services[..], &leased[..]].concat());
    directory.remove_backend(&BackendName::from("a")).await.unwrap();
    directory.remove_edge(&edge(1)).await.unwrap();
    directory.release_lease("backend:a", &ServiceId::from("x")).await.unwrap();
    assert_eq!(keys(&server), ["sb:{lease:backend:a}:fence"]);
    let left: i64 = redis::cmd("TTL").arg("sb:{lease:backend:a}:fence").query(&mut server.raw()).unwrap();
    assert!((86_000..=86_400).contains(&left));
}

#[tokio::test]
async fn claimed_session_leaves_no_key() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let session = handle(1).session;
    directory.open_session(session, &edge(1), &policy()).await.unwrap();
    register_now(&directory, "alice", &owner(1)).await;
    let save = SaveRequest { backlog: BacklogUpdate::Replace(texts(1..=3)), ..saved(session) };
    directory.save_sessions(&edge(1), &[save, saved(handle(2).session)]).await.unwrap();
    for (from, to) in [(1, 2), (1, 3), (2, 2)] {
        directory.claim_session(session, &edge(from), &edge(to)).await.unwrap();
        directory.move_handle(handle(1), Some("alice"), &edge(from), &edge(to)).await.unwrap();
        directory.move_handle(handle(2), Some("bob"), &edge(from), &edge(to)).await.unwrap();
    }
    directory.remove_handle(handle(1)).await.unwrap();
    directory.release_name("alice", handle(1)).await.unwrap();
    directory.close_session(session, &edge(2)).await.unwrap();
    assert_eq!(keys(&server), ["sb:owned:edge-00000003"], "for its late claim");
    directory.remove_edge(&edge(3)).await.unwrap();
    assert_eq!(keys(&server), [""; 0]);
}

#[tokio::test]
async fn restored_call_leaves_no_key() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let call = call(("alice", 1), ("bob", 2));
    for _ in 0..2 {
        directory.restore_call(&call, FencingToken(7), "running").await.unwrap();
        directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2)).await.unwrap();
        directory.release_call(call.id).await.unwrap();
        assert_eq!(keys(&server), [""; 0]);
        directory.restore_call(&call, FencingToken(7), "running").await.unwrap();
        register_now(&directory, "alice", &owner(1)).await;
        directory.end_call(call.id, Some(FencingToken(8)), None).await.unwrap();
        directory.remove_handle(handle(1)).await.unwrap();
        directory.release_name("alice", handle(1)).await.unwrap();
        assert_eq!(keys(&server), [""; 0]);
    }
}

#[tokio::test]
async fn refused_operations_leave_no_key() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let call = call(("alice", 1), ("bob", 2));
    let backend = BackendName::from("a");
    directory.save_sessions(&edge(1), &[saved(handle(1).session)]).await.unwrap();
    directory.claim_session(handle(1).session, &edge(1), &edge(2)).await.unwrap();
    directory.save_calls(FencingToken(7), &[(call.id, "running".to_owned())]).await.unwrap();
    directory.end_call(call.id, Some(FencingToken(7)), None).await.unwrap();
    directory.drain_backend(&backend).await.unwrap();
    directory.undrain_backend(&backend).await.unwrap();
    directory.deregister_edge(&edge(2)).await.unwrap();
    directory.remove_edge(&edge(2)).await.unwrap();
    assert_eq!(keys(&server), [""; 0]);
}

#[tokio::test]
async fn removed_edge_leaves_no_index() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    directory.heartbeat(&edge(1)).await.unwrap();
    directory.open_session(handle(1).session, &edge(1), &policy()).await.unwrap();
    directory.remove_edge(&edge(1)).await.unwrap();
    assert_eq!(keys(&server), ["sb:session:1001"]);
}
