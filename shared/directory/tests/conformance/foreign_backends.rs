//! Backend records in Redis, written by us or by sentinels and other proxies.

use crate::support::{RedisServer, backend, eventually};
use common::BackendName;
use directory::Directory;
use directory::record::{BackendRegistration, BackendStatus, DiscoveredBackend};
use redis::TypedCommands;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(10);

async fn only(directory: &Directory) -> DiscoveredBackend {
    let mut found = directory.discovered_backends().await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

const KEY: &str = "januscloud:backend_servers:a";

#[tokio::test]
async fn registration_has_janus_cloud_fields() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let ttl = || redis::cmd("TTL").arg(KEY).query::<i64>(&mut server.raw()).unwrap();
    directory
        .register_backend(&BackendRegistration::new("a", "ws://a", BackendStatus::Normal))
        .await
        .unwrap();
    let record = server.raw().hgetall(KEY).unwrap();
    assert_eq!(record.len(), 12);
    let of = |field: &str| record[field].as_str();
    assert_eq!((of("name"), of("url"), of("status"), of("expire")), ("a", "ws://a", "0", "60"));
    assert_eq!((of("session_timeout"), of("session_num"), of("handle_num")), ("0", "0", "0"));
    assert_eq!((of("location"), of("isp"), of("start_time")), ("", "", "0.0"));
    assert!((58..=60).contains(&ttl()));
    let endless = BackendRegistration {
        expire: Some(0),
        start_time: Some(1.5),
        ..BackendRegistration::new("a", "ws://a", BackendStatus::Normal)
    };
    directory.register_backend(&endless).await.unwrap();
    assert_eq!((ttl(), server.raw().hget(KEY, "start_time").unwrap().as_deref()), (-1, Some("1.5")));
}

#[tokio::test]
async fn foreign_record_is_discovered_and_unchanged() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let now = redis::cmd("TIME").query::<(u64, u64)>(&mut server.raw()).unwrap().0;
    let utime = format!("{now}.2547772");
    let theirs = [
        ("name", "a"),
        ("url", "ws://a.example:8188"),
        ("status", "0"),
        ("session_timeout", "0"),
        ("location", ""),
        ("isp", ""),
        ("session_num", "2"),
        ("handle_num", "3"),
        ("expire", "0"),
        ("start_time", "0.0"),
        ("utime", utime.as_str()),
        ("ctime", utime.as_str()),
    ];
    server.raw().hset_multiple(KEY, &theirs).unwrap();
    let before = server.raw().hgetall(KEY).unwrap();
    assert_eq!(only(&directory).await.handle_num, 3);
    directory.announce_discovered(&backend("a"), TTL).await.unwrap();
    assert_eq!(directory.backends().await.unwrap(), [backend("a")]);
    directory.remove_backend(&BackendName::from("a")).await.unwrap();
    assert_eq!(server.raw().hgetall(KEY).unwrap(), before);
    for (field, value) in [("status", "many"), ("utime", "never")] {
        server.raw().hset(KEY, field, value).unwrap();
        assert_eq!(directory.discovered_backends().await.unwrap(), [], "{field} is malformed");
        server.raw().hset_multiple(KEY, &theirs).unwrap();
    }
    for (expire, old) in [("5", format!("{}.5", now - 100)), ("1", "1.5".to_owned())] {
        server.raw().hset_multiple(KEY, &[("expire", expire), ("utime", old.as_str())]).unwrap();
        assert_eq!(directory.discovered_backends().await.unwrap(), [], "expired, although its key exists");
    }
    server.raw().hset_multiple(KEY, &theirs).unwrap();
    only(&directory).await;
    server.raw().del(KEY).unwrap();
    assert_eq!(directory.discovered_backends().await.unwrap(), []);
}

#[tokio::test]
async fn backend_is_discovered_among_many_keys() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut pipe = redis::pipe();
    for number in 0..60_000 {
        pipe.set(format!("other:{number}"), "x").ignore();
    }
    let () = pipe.query(&mut server.raw()).unwrap();
    let now = redis::cmd("TIME").query::<(u64, u64)>(&mut server.raw()).unwrap().0.to_string();
    let theirs =
        [("name", "b"), ("url", "ws://b"), ("status", "0"), ("expire", "0"), ("utime", now.as_str())];
    server.raw().hset_multiple("januscloud:backend_servers:b", &theirs).unwrap();
    directory
        .register_backend(&BackendRegistration::new("a", "ws://a", BackendStatus::Normal))
        .await
        .unwrap();
    let mut attempts = 0;
    while directory.discovered_backends().await.unwrap().len() < 2 {
        attempts += 1;
        assert!(attempts < 5);
        let found = directory.discovered_backends().await.unwrap();
        assert!(
            found.iter().any(|found| found.name == BackendName::from("a")),
            "one registered through us is returned at once"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn backend_registered_again_during_a_lookup_stays_registered() {
    let server = RedisServer::start();
    let (directory, other) = (server.directory().await, server.directory().await);
    let registration = BackendRegistration::new("a", "ws://a", BackendStatus::Normal);
    let lookups = tokio::spawn(async move {
        loop {
            other.discovered_backends().await.unwrap();
        }
    });
    let mut raw = server.raw();
    for round in 0..200 {
        directory.register_backend(&registration).await.unwrap();
        raw.del(KEY).unwrap();
        directory.register_backend(&registration).await.unwrap();
        let is_registered = async || raw.sismember("sb:registered", "a").unwrap();
        eventually(&format!("it is registered, round {round}"), is_registered).await;
    }
    lookups.abort();
}
