//! The index of names in Redis, and the search for names that proxies wrote.

use crate::support::{RedisServer, owner};
use redis::TypedCommands;

#[tokio::test]
async fn names_without_a_record_leave_the_index() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    directory.grant_name("alice", &owner(1), None).await.unwrap();
    server.raw().del("januscloud:videocall_users:alice").unwrap();
    assert_eq!(directory.usernames().await.unwrap(), [""; 0]);
    let keys: Vec<String> = redis::cmd("KEYS").arg("sb:names:*").query(&mut server.raw()).unwrap();
    assert_eq!(keys, [""; 0]);
}

/// Of many other keys, which no list has to read.
#[tokio::test]
async fn names_of_proxies_are_found_among_many_keys() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut pipe = redis::pipe();
    for number in 0..20_000 {
        pipe.set(format!("other:{number}"), 1).ignore();
    }
    () = pipe.query(&mut server.raw()).unwrap();
    server.raw().hset("januscloud:videocall_users:bob", "proxy_uuid", "p").unwrap();
    directory.grant_name("alice", &owner(1), None).await.unwrap();
    let mut lists = 0;
    loop {
        let mut names = directory.usernames().await.unwrap();
        names.sort();
        lists += 1;
        if names == ["alice", "bob"] {
            break;
        }
        assert_eq!(names, ["alice"]);
        assert!(lists < 20, "the scan reads 2,000 keys a list");
    }
    server.raw().del("januscloud:videocall_users:bob").unwrap();
    assert_eq!(directory.usernames().await.unwrap(), ["alice"]);
}
