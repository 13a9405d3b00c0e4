//! What stopped half-way in Redis: others see it for what it is, and the next try finishes it.

use crate::support::{RedisServer, call, calls_of_both, gives, handle, owner, place};
use common::BackendName;
use directory::Directory;
use directory::record::{Call, EndOutcome, FencingToken};
use redis::TypedCommands;

const TOKEN: FencingToken = FencingToken(7);

/// A call that somebody marked as ended and did no more about.
async fn half_freed(server: &RedisServer, directory: &Directory) -> Call {
    gives(directory, "alice", &owner(1)).await;
    gives(directory, "bob", &owner(2)).await;
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(directory, &call).await);
    server.raw().hset(format!("sb:call:{}", call.id), "ended", "1").unwrap();
    call
}

#[tokio::test]
async fn a_call_that_is_being_freed_is_neither_saved_nor_left() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let call = half_freed(&server, &directory).await;
    assert_eq!(directory.save_calls(TOKEN, &[(call.id, "late".to_owned())]).await.unwrap(), [false]);
    assert_eq!(directory.orphaned_calls(&call.backend).await.unwrap(), vec![]);
    assert_eq!(directory.calls_on(&call.backend).await.unwrap(), vec![call.id]);
    assert_eq!(directory.end_call(call.id, Some(TOKEN), None).await.unwrap(), EndOutcome::Ended(call));
    assert_eq!(calls_of_both(&directory).await, [None, None]);
}

#[tokio::test]
async fn a_call_that_is_being_freed_is_not_restored() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let call = half_freed(&server, &directory).await;
    directory.remove_handle(handle(2)).await.unwrap();
    directory.restore_call(&call, TOKEN, "late").await.unwrap();
    gives(&directory, "bob", &owner(2)).await;
    assert_eq!(calls_of_both(&directory).await, [None, None]);
    assert_eq!(directory.orphaned_calls(&call.backend).await.unwrap(), vec![]);
    assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call.clone()));
    assert_eq!(directory.calls_on(&call.backend).await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_call_that_only_the_index_names_is_not_left() {
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
