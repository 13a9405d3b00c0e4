//! Failures of the Redis directory, and its recovery.

use crate::support::{
    RedisServer, backend, call, edge, eventually, handle, owner, place, policy, register_now, request, saved,
    texts,
};
use common::{BackendName, CallId, ServiceId};
use directory::record::{BackendRegistration, BackendStatus, BacklogUpdate, FencingToken, SaveRequest};
use directory::{Directory, Error, Result};
use protocol::SessionId;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const TTL: Duration = Duration::from_secs(60);

async fn is_available_again(directory: &Directory) {
    eventually("the directory is available again", async || directory.ping().await.is_ok()).await;
    register_now(directory, "alice", &owner(1)).await;
    directory.remove_handle(handle(1)).await.unwrap();
}

/// Starts all operations at once. Each must fail as `Unavailable` in less than three seconds.
async fn every_operation_fails_in_time(directory: &Directory) {
    let mut tasks = JoinSet::new();
    macro_rules! fails {
        ($($operation:ident($($argument:expr),*))*) => {$(
            let store = directory.clone();
            tasks.spawn(async move { unavailable(stringify!($operation), store.$operation($($argument),*)).await });
        )*};
    }
    fails! {
        ping()
        claim_name(&owner(1), "alice", request()) grant_name("alice", &owner(1), None)
        revoke_name(handle(1), "alice") release_name("alice", handle(1)) user("alice") usernames()
        handle(handle(1)) handle_and_user(handle(1), "alice") remove_handle(handle(1))
        open_call(&call(("a", 1), ("b", 2))) acquire_handle(handle(1), "a", CallId::fresh(), "peer")
        call(CallId::fresh()) release_call(CallId::fresh()) has_ended(CallId::fresh())
        end_call(CallId::fresh(), Some(FencingToken(7)), None) save_calls(FencingToken(7), &[(CallId::fresh(), String::new())])
        orphaned_calls(&BackendName::from("a")) restore_call(&call(("a", 1), ("b", 2)), FencingToken(7), "")
        calls_on(&BackendName::from("a")) backends_with_calls() count_calls(&[BackendName::from("a")])
        open_session(SessionId(1), &edge(1), &policy()) session(SessionId(1)) close_session(SessionId(1), &edge(1))
        save_sessions(&edge(1), &[saved(SessionId(1))]) claim_session(SessionId(1), &edge(1), &edge(2))
        move_handle(handle(1), Some("alice"), &edge(1), &edge(2))
        heartbeat(&edge(1)) router_heartbeat(&edge(1)) deregister_edge(&edge(1)) since_heartbeat(&edge(1))
        stale_edges(TTL) owned_by(&edge(1)) remove_edge(&edge(1))
        announce_backend(&backend("a"), TTL) backends() remove_backend(&BackendName::from("a"))
        drain_backend(&BackendName::from("a")) undrain_backend(&BackendName::from("a")) drained_backends()
        announce_proxy("http://a") renew_proxy() proxy_url("x")
        revoke_displaced(handle(1), "alice") clear_displaced("alice", &owner(1))
        register_backend(&BackendRegistration::new("a", "ws://a", BackendStatus::Normal))
        unregister_backend(&BackendName::from("a")) discovered_backends() announce_discovered(&backend("a"), TTL)
        put_connector_record(&BackendName::from("a"), FencingToken(7), "") connector_record(&BackendName::from("a"))
        acquire_lease("a", &ServiceId::from("x"), TTL) release_lease("a", &ServiceId::from("x"))
    }
    tasks.join_all().await;
}

async fn unavailable<T>(what: &str, operation: impl Future<Output = Result<T>>) {
    let start = Instant::now();
    let outcome = operation.await;
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{what}");
    assert!(start.elapsed() < Duration::from_secs(3), "{what} took {:?}", start.elapsed());
}

#[tokio::test]
async fn killed_connection_is_replaced() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let killed: u64 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query(&mut server.raw()).unwrap();
    assert_eq!(killed, 1);
    is_available_again(&directory).await;
}

#[tokio::test]
async fn operations_survive_script_flush() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    for _ in 0..2 {
        register_now(&directory, "alice", &owner(1)).await;
        register_now(&directory, "bob", &owner(2)).await;
        let call = call(("alice", 1), ("bob", 2));
        assert!(place(&directory, &call).await);
        let token = directory.acquire_lease("a", &ServiceId::from("x"), TTL).await.unwrap();
        let () = redis::cmd("FLUSHALL").query(&mut server.raw()).unwrap();
        let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut server.raw()).unwrap();
        assert_eq!(directory.release_call(call.id).await.unwrap(), None);
        assert!(directory.acquire_lease("a", &ServiceId::from("y"), TTL).await.unwrap() > token);
        directory.release_lease("a", &ServiceId::from("y")).await.unwrap();
    }
}

#[tokio::test]
async fn backlog_is_appended_once_after_script_flush() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let sessions = [SessionId(1), SessionId(2)];
    for session in sessions {
        directory.open_session(session, &edge(1), &policy()).await.unwrap();
    }
    let saves = sessions
        .map(|session| SaveRequest { backlog: BacklogUpdate::Append(texts(1..=2)), ..saved(session) });
    let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut server.raw()).unwrap();
    directory.save_sessions(&edge(1), &saves).await.unwrap();
    for session in sessions {
        let claimed = directory.claim_session(session, &edge(1), &edge(2)).await.unwrap().unwrap();
        assert_eq!(claimed.backlog, texts(1..=2));
    }
}

#[tokio::test]
async fn operations_work_after_restart() {
    let mut server = RedisServer::start();
    let directory = server.directory().await;
    register_now(&directory, "alice", &owner(1)).await;
    server.stop();
    server.start_again();
    is_available_again(&directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_fail_while_redis_is_down() {
    let mut server = RedisServer::start();
    let directory = server.directory().await;
    server.stop();
    for _ in 0..3 {
        every_operation_fails_in_time(&directory).await;
    }
    server.start_again();
    is_available_again(&directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_fail_while_redis_hangs() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    server.signal("STOP");
    every_operation_fails_in_time(&directory).await;
    server.signal("CONT");
    is_available_again(&directory).await;
}

#[tokio::test]
async fn refused_reconnection_is_retried() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    let () = redis::cmd("CONFIG").arg(&["SET", "requirepass", "secret"]).query(&mut raw).unwrap();
    let _: u64 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query(&mut raw).unwrap();
    for _ in 0..3 {
        unavailable("ping", directory.ping()).await;
    }
    let () = redis::cmd("CONFIG").arg(&["SET", "requirepass", ""]).query(&mut raw).unwrap();
    is_available_again(&directory).await;
}

#[tokio::test]
async fn client_limit_is_retried() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    let () = redis::cmd("CONFIG").arg(&["SET", "maxclients", "1"]).query(&mut raw).unwrap();
    let _: u64 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query(&mut raw).unwrap();
    for _ in 0..3 {
        unavailable("ping", directory.ping()).await;
    }
    let () = redis::cmd("CONFIG").arg(&["SET", "maxclients", "100"]).query(&mut raw).unwrap();
    is_available_again(&directory).await;
}

#[tokio::test]
async fn connection_error_hides_password() {
    let mut server = RedisServer::start();
    server.stop();
    let unreachable = server.url().replace("redis://", "redis://someone:pa55word@");
    for url in [unreachable.as_str(), "nonsense:pa55word", "redis://someone:pa55word@host:port/x"] {
        let error = Directory::redis(url).await.err().unwrap();
        assert!(matches!(error, Error::Unavailable(_)));
        assert!(!format!("{error} {error:?}").contains("pa55word"), "{error:?}");
    }
}
