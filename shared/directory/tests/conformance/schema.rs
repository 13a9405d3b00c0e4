//! The exact fields in Redis, for janus-cloud's proxies and for operators with redis-cli.

use crate::support::{
    RedisServer, backend, call, edge, handle, owner, place, policy, register_now, saved, texts,
};
use common::BackendName;
use directory::record::{BacklogUpdate, FencingToken, SaveRequest, SessionPolicy};
use directory::{CONNECTOR_RECORD_TTL, ENDED_TTL, Error};
use redis::TypedCommands;
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

type Fields = BTreeMap<String, String>;

fn fields(redis: &mut redis::Connection, key: &str) -> Fields {
    redis.hgetall(key).unwrap().into_iter().collect()
}

/// Whether the text is a unix time of this century with a fraction, as Python prints it.
fn is_time(text: &str) -> bool {
    let (seconds, fraction) = text.split_once('.').unwrap();
    seconds.len() == 10 && fraction.len() == 6 && text.parse::<f64>().unwrap() > 1.7e9
}

fn without_times(mut fields: Fields, names: &[&str]) -> Vec<(String, String)> {
    for name in names {
        assert!(is_time(&fields.remove(*name).unwrap()), "{name}");
    }
    fields.into_iter().collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn user_has_janus_cloud_fields() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    register_now(&directory, "alice b", &owner(1)).await;
    let user = fields(&mut server.raw(), "januscloud:videocall_users:alice b");
    let expected = [
        ("incall", ""),
        ("peer_name", ""),
        ("proxy_uuid", "switchboard"),
        ("sb_edge", "edge-00000001"),
        ("sb_handle", "1001:9007199254740001"),
        ("username", "alice b"),
    ];
    assert_eq!(without_times(user, &["ctime", "utime"]), pairs(&expected));
    assert_eq!(redis::cmd("TTL").arg("januscloud:videocall_users:alice b").query(&mut server.raw()), Ok(-1));
}

#[tokio::test]
async fn backend_has_janus_cloud_fields() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    directory.announce_backend(&backend("a"), Duration::from_millis(59_500)).await.unwrap();
    let key = "januscloud:backend_servers:a";
    let expected = [
        ("expire", "60"),
        ("handle_num", "7"),
        ("isp", ""),
        ("location", ""),
        ("name", "a"),
        ("sb_health", r#"{"breaker":"closed","failed_percent":0,"setup_ms":0}"#),
        ("sb_probe_ms", "12"),
        ("session_num", "0"),
        ("session_timeout", "60"),
        ("status", "0"),
        ("url", "ws://a.example:8188"),
    ];
    let mut record = fields(&mut server.raw(), key);
    let until = Duration::from_millis(record.remove("sb_until").unwrap().parse().unwrap());
    let left = until - UNIX_EPOCH.elapsed().unwrap();
    assert!(left > Duration::from_secs(50) && left < Duration::from_secs(61), "{left:?}");
    assert_eq!(without_times(record, &["ctime", "start_time", "utime"]), pairs(&expected));
    let ttl: i64 = redis::cmd("PTTL").arg(key).query(&mut server.raw()).unwrap();
    assert!((50_000..=59_500).contains(&ttl));
}

#[tokio::test]
async fn announcement_keeps_sentinel_fields() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let key = "januscloud:backend_servers:a";
    let known =
        [("location", "berlin"), ("isp", "x"), ("session_num", "4"), ("ctime", "1.5"), ("url", "ws://old")];
    server.raw().hset_multiple(key, &known).unwrap();
    directory.announce_backend(&backend("a"), Duration::from_secs(60)).await.unwrap();
    let record = fields(&mut server.raw(), key);
    let of = |name: &str| record[name].as_str();
    assert_eq!((of("location"), of("isp"), of("session_num"), of("ctime")), ("berlin", "x", "4", "1.5"));
    assert_eq!(of("url"), "ws://a.example:8188");
}

#[tokio::test]
async fn handle_call_and_session_records() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "bob", &owner(2)).await;
    directory.open_session(handle(1).session, &edge(1), &policy()).await.unwrap();
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(&directory, &call).await);
    let mut raw = server.raw();
    let mut of_handle = fields(&mut raw, "sb:handle:1001:9007199254740001");
    assert!(of_handle.remove("request").is_some());
    let id = call.id.to_string();
    let expected = [("call", id.as_str()), ("edge", "edge-00000001"), ("username", "alice")];
    assert_eq!(of_handle.into_iter().collect::<Vec<_>>(), pairs(&expected));
    let of_session = fields(&mut raw, "sb:session:1001").into_iter().collect::<Vec<_>>();
    let digest = policy().token_digest.unwrap();
    assert_eq!(
        of_session,
        pairs(&[("edge", "edge-00000001"), ("grace", "30000"), ("token_digest", &digest)])
    );
    assert_eq!(
        directory.save_calls(FencingToken(7), &[(call.id, "running".to_owned())]).await.unwrap(),
        [true]
    );
    let mut of_call = fields(&mut raw, &format!("sb:call:{id}"));
    let record = of_call.remove("record").unwrap();
    assert_eq!(serde_json::from_str::<directory::record::Call>(&record).unwrap(), call);
    assert_eq!(of_call.into_iter().collect::<Vec<_>>(), pairs(&[("state", "running"), ("term", "7")]));
    let owned: Vec<String> = raw.smembers("sb:owned:edge-00000001").unwrap().into_iter().collect();
    assert!(owned.contains(&"s:1001".to_owned()) && owned.contains(&"h:1001:9007199254740001".to_owned()));
}

#[tokio::test]
async fn saved_session_fields() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let session = handle(1).session;
    directory
        .open_session(session, &edge(1), &SessionPolicy { token_digest: None, ..policy() })
        .await
        .unwrap();
    let away = Some(Duration::from_secs(5));
    for (backlog, expected) in [
        (BacklogUpdate::Append(vec![]), &[][..]),
        (BacklogUpdate::Append(texts(1..=1)), &[("m:1", "text 1"), ("backlog", "1")]),
        (BacklogUpdate::Append(texts(2..=2)), &[("m:1", "text 1"), ("m:2", "text 2"), ("backlog", "2")]),
        (BacklogUpdate::Replace(texts(3..=3)), &[("m:1", "text 3"), ("backlog", "1")]),
        (BacklogUpdate::Replace(vec![]), &[]),
    ] {
        let save = SaveRequest { state: "state".to_owned(), backlog, away, ..saved(session) };
        directory.save_sessions(&edge(1), &[save]).await.unwrap();
        let mut of_session = fields(&mut server.raw(), "sb:session:1001");
        let gone = Duration::from_millis(of_session.remove("away").unwrap().parse().unwrap());
        let ago = UNIX_EPOCH.elapsed().unwrap() - gone;
        assert!(ago >= Duration::from_secs(5) && ago < Duration::from_secs(10), "{ago:?}");
        let always = [("edge", "edge-00000001"), ("grace", "30000"), ("state", "state")];
        let mut all = [&always, expected].concat();
        all.sort_unstable();
        assert_eq!(of_session.into_iter().collect::<Vec<_>>(), pairs(&all));
    }
}

#[tokio::test]
async fn connector_record_has_ttl_and_drain_has_none() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let name = BackendName::from("a");
    directory.put_connector_record(&name, FencingToken(7), "sessions").await.unwrap();
    directory.drain_backend(&name).await.unwrap();
    let mut raw = server.raw();
    let of_record = fields(&mut raw, "sb:connector:a").into_iter().collect::<Vec<_>>();
    assert_eq!(of_record, pairs(&[("record", "sessions"), ("term", "7")]));
    let left = Duration::from_millis(redis::cmd("PTTL").arg("sb:connector:a").query(&mut raw).unwrap());
    assert!(left <= CONNECTOR_RECORD_TTL && left > CONNECTOR_RECORD_TTL - Duration::from_secs(5), "{left:?}");
    assert!(raw.sismember("sb:drained", "a").unwrap());
    assert_eq!(redis::cmd("TTL").arg("sb:drained").query(&mut raw), Ok(-1));
}

#[tokio::test]
async fn foreign_value_under_our_key_is_malformed() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    raw.set("januscloud:videocall_users:text", "not a hash").unwrap();
    let bad = [("sb_edge", "e"), ("sb_handle", "no"), ("proxy_uuid", "switchboard")];
    raw.hset_multiple("januscloud:videocall_users:bad", &bad).unwrap();
    for name in ["text", "bad"] {
        let key = format!("januscloud:videocall_users:{name}");
        let error = directory.user(name).await.unwrap_err();
        assert!(matches!(&error, Error::Malformed { key: about, .. } if *about == key), "{error}");
    }
    let error = directory.grant_name("text", &owner(1), None).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    directory.ping().await.unwrap();
}

#[tokio::test]
async fn ended_call_key_has_ttl() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let call = call(("alice", 1), ("bob", 2));
    directory.open_call(&call).await.unwrap();
    directory.end_call(call.id, Some(FencingToken(7)), None).await.unwrap();
    let key = format!("sb:ended:{}", call.id);
    let left = Duration::from_millis(redis::cmd("PTTL").arg(key).query(&mut server.raw()).unwrap());
    assert!(left <= ENDED_TTL && left > ENDED_TTL - Duration::from_secs(5), "{left:?}");
}
