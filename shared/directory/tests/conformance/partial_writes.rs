//! Interrupted operations in Redis: readers recognise them, and the next attempt finishes them.

use crate::support::{RedisServer, call, calls_of_both, edge, handle, owner, place, policy, register_now};
use common::BackendName;
use directory::Directory;
use directory::record::{Call, EndOutcome, FencingToken};
use redis::TypedCommands;

const TOKEN: FencingToken = FencingToken(7);

/// A call that was marked as ended, with its handles still in it.
async fn half_released(server: &RedisServer, directory: &Directory) -> Call {
    register_now(directory, "alice", &owner(1)).await;
    register_now(directory, "bob", &owner(2)).await;
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(directory, &call).await);
    server.raw().hset(format!("sb:call:{}", call.id), "ended", "1").unwrap();
    call
}

/// Redis without memory refuses to add, and still removes. Each record stays in the index of its owner.
#[tokio::test]
async fn records_stay_in_the_index_when_a_move_is_refused() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    register_now(&directory, "alice", &owner(1)).await;
    let session = handle(1).session;
    directory.open_session(session, &edge(1), &policy()).await.unwrap();
    // Loads the scripts.
    directory.claim_session(session, &edge(1), &edge(1)).await.unwrap();
    directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(1)).await.unwrap();
    set_max_memory(&server, 1);
    assert!(directory.claim_session(session, &edge(1), &edge(2)).await.is_err());
    assert!(directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2)).await.is_err());
    set_max_memory(&server, 0);
    assert_eq!(directory.owned_by(&edge(1)).await.unwrap(), (vec![handle(1)], vec![session]));
    assert_eq!(directory.session(session).await.unwrap().unwrap().edge, edge(1));
    assert!(directory.claim_session(session, &edge(1), &edge(2)).await.unwrap().is_some());
    directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2)).await.unwrap();
    assert_eq!(directory.owned_by(&edge(1)).await.unwrap(), (vec![], vec![]));
    assert_eq!(directory.owned_by(&edge(2)).await.unwrap(), (vec![handle(1)], vec![session]));
}

fn set_max_memory(server: &RedisServer, bytes: u64) {
    let set = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).to_owned();
    set.exec(&mut server.raw()).unwrap();
}

#[tokio::test]
async fn ending_call_is_neither_saved_nor_orphaned() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let call = half_released(&server, &directory).await;
    assert_eq!(directory.save_calls(TOKEN, &[(call.id, "late".to_owned())]).await.unwrap(), [false]);
    assert_eq!(directory.orphaned_calls(&call.backend).await.unwrap(), vec![]);
    assert_eq!(directory.calls_on(&call.backend).await.unwrap(), vec![call.id]);
    assert_eq!(directory.end_call(call.id, Some(TOKEN), None).await.unwrap(), EndOutcome::Ended(call));
    assert_eq!(calls_of_both(&directory).await, [None, None]);
}

#[tokio::test]
async fn ending_call_is_not_restored() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let call = half_released(&server, &directory).await;
    directory.remove_handle(handle(2)).await.unwrap();
    directory.restore_call(&call, TOKEN, "late").await.unwrap();
    register_now(&directory, "bob", &owner(2)).await;
    assert_eq!(calls_of_both(&directory).await, [None, None]);
    assert_eq!(directory.orphaned_calls(&call.backend).await.unwrap(), vec![]);
    assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call.clone()));
    assert_eq!(directory.calls_on(&call.backend).await.unwrap(), vec![]);
}

#[tokio::test]
async fn stale_index_entry_is_no_orphan() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let elsewhere = Call { backend: BackendName::from("b"), ..call(("alice", 1), ("bob", 2)) };
    directory.open_call(&elsewhere).await.unwrap();
    for id in [elsewhere.id, call(("carol", 3), ("dave", 4)).id] {
        server.raw().sadd("sb:calls_on:a", id.to_string()).unwrap();
    }
    assert_eq!(directory.orphaned_calls(&BackendName::from("a")).await.unwrap(), vec![]);
    assert_eq!(directory.orphaned_calls(&elsewhere.backend).await.unwrap().len(), 1);
}
