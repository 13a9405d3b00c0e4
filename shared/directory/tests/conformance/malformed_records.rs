//! Records that others wrote and that cannot be read. A list leaves them out, counts them, and has all others. On Redis
//! only, where other programs can write.

use crate::services::service;
use crate::support::{RedisServer, backend, call, edge, owner, policy, register_now};
use directory::Directory;
use directory::listing::Cursor;
use directory::record::FencingToken;
use protocol::SessionId;
use redis::TypedCommands;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(60);

fn malformed(directory: &Directory, list: &str) -> usize {
    let lists = directory.malformed_records();
    lists.iter().find(|(name, _)| *name == list).map_or(0, |(_, count)| *count)
}

#[tokio::test]
async fn page_leaves_out_malformed_records_and_counts_them() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    register_now(&directory, "alice", &owner(1)).await;
    let known = call(("alice", 1), ("bob", 2));
    directory.open_call(&known).await.unwrap();
    directory.open_session(SessionId(5), &edge(1), &policy()).await.unwrap();
    for prefix in ["januscloud:videocall_users:", "sb:session:", "sb:call:"] {
        raw.set(format!("{prefix}77"), "another type").unwrap();
    }
    raw.hset_multiple(
        "januscloud:videocall_users:b",
        &[("sb_edge", "e"), ("sb_handle", "x"), ("proxy_uuid", "switchboard")],
    )
    .unwrap();
    raw.hset("sb:session:no-number", "edge", "e").unwrap();
    raw.hset("sb:session:78", "edge", "e").unwrap();
    raw.hset("sb:session:78", "away", "yesterday").unwrap();
    raw.hset("sb:call:x", "record", "{").unwrap();
    let at = Cursor::default();
    let users = directory.users_page(at, 10).await.unwrap();
    assert_eq!((users.items.len(), users.malformed), (1, 2));
    let sessions = directory.sessions_page(at, 10).await.unwrap();
    assert_eq!((sessions.items.len(), sessions.malformed), (1, 3));
    let calls = directory.calls_page(at, 10).await.unwrap();
    assert_eq!((calls.items, calls.malformed), (vec![known], 2));
}

#[tokio::test]
async fn list_leaves_out_malformed_records_and_counts_them() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    for number in 1..=3 {
        directory.announce_service(&service(&edge(number), 0), TTL).await.unwrap();
    }
    raw.set("sb:service:edge-00000001", "{").unwrap();
    raw.del("sb:service:edge-00000002").unwrap();
    raw.hset("sb:service:edge-00000002", "a", "b").unwrap();
    assert_eq!(directory.services().await.unwrap(), [service(&edge(3), 0)]);
    assert_eq!(malformed(&directory, "services"), 2);

    for name in ["a", "b", "c", "d"] {
        directory.announce_backend(&backend(name), TTL).await.unwrap();
    }
    raw.hset("januscloud:backend_servers:a", "status", "x").unwrap();
    raw.del("januscloud:backend_servers:b").unwrap();
    raw.set("januscloud:backend_servers:b", "another type").unwrap();
    raw.set("sb:served:c", "another type").unwrap();
    assert_eq!(directory.backends().await.unwrap(), [backend("d")]);
    assert_eq!(malformed(&directory, "backends"), 3);
    assert_eq!(directory.discovered_backends().await.unwrap(), []);
    assert_eq!(malformed(&directory, "discovered backends"), 2);

    raw.set("sb:calls_on:d", "another type").unwrap();
    raw.set("sb:lease:w", "another type").unwrap();
    assert_eq!(directory.count_calls(&["d".into(), "e".into()]).await.unwrap(), [0, 0]);
    assert_eq!(malformed(&directory, "calls of backends"), 1);
    assert_eq!(directory.lease_holders(&["w".to_owned()]).await.unwrap(), [None]);

    directory.announce_service(&service(&edge(1), 0), TTL).await.unwrap();
    raw.del("sb:service:edge-00000002").unwrap();
    assert_eq!(directory.services().await.unwrap().len(), 2);
    assert_eq!(malformed(&directory, "services"), 0);
}

#[tokio::test]
async fn recovery_leaves_out_malformed_records() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    let (good, bad) = (call(("alice", 1), ("bob", 2)), call(("carol", 3), ("dave", 4)));
    for opened in [&good, &bad] {
        directory.open_call(opened).await.unwrap();
    }
    directory.save_calls(FencingToken(7), &[(good.id, String::new())]).await.unwrap();
    raw.hset(format!("sb:call:{}", bad.id), "record", "{").unwrap();
    raw.sadd(format!("sb:calls_on:{}", good.backend), "no-id").unwrap();
    let orphaned = directory.orphaned_calls(&good.backend).await.unwrap();
    assert_eq!(orphaned.into_iter().map(|it| it.call).collect::<Vec<_>>(), [good]);

    directory.open_session(SessionId(5), &edge(1), &policy()).await.unwrap();
    let owned = "sb:owned:edge-00000001";
    raw.sadd(owned, &["h:x", "s:y", "z"][..]).unwrap();
    let (handles, sessions) = directory.owned_by(&edge(1)).await.unwrap();
    assert_eq!((handles.len(), sessions.len()), (0, 1));
}
