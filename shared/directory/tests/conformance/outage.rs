//! How the Redis directory fails, and that it comes back by itself.

use crate::support::{
    RedisServer, backend, call, edge, eventually, gives, handle, owner, place, policy, request, saved, texts,
};
use common::{BackendName, CallId, ServiceId};
use directory::record::{BackendRegistration, BackendStatus, BacklogUpdate, FencingToken, SaveRequest};
use directory::{Directory, Error, Result};
use protocol::SessionId;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const LIFE: Duration = Duration::from_secs(60);

async fn works_again(directory: &Directory) {
    eventually("the directory works again", async || directory.ping().await.is_ok()).await;
    gives(directory, "alice", &owner(1)).await;
    directory.remove_handle(handle(1)).await.unwrap();
}

/// Starts every operation at once; each is to fail as `Unavailable`, in less than three seconds.
async fn everything_fails_in_time(directory: &Directory) {
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
        heartbeat(&edge(1)) deregister_edge(&edge(1)) since_heartbeat(&edge(1))
        stale_edges(LIFE) owned_by(&edge(1)) remove_edge(&edge(1))
        announce_backend(&backend("a"), LIFE) backends() remove_backend(&BackendName::from("a"))
        drain_backend(&BackendName::from("a")) undrain_backend(&BackendName::from("a")) drained_backends()
        announce_proxy("http://a") renew_proxy() proxy_url("x")
        revoke_displaced(handle(1), "alice") clear_displaced("alice", &owner(1))
        register_backend(&BackendRegistration::new("a", "ws://a", BackendStatus::Normal))
        unregister_backend(&BackendName::from("a")) discovered_backends() announce_discovered(&backend("a"), LIFE)
        put_connector_record(&BackendName::from("a"), FencingToken(7), "") connector_record(&BackendName::from("a"))
        acquire_lease("a", &ServiceId::from("x"), LIFE) release_lease("a", &ServiceId::from("x"))
    }
    tasks.join_all().await;
}

async fn unavailable<T>(what: &str, operation: impl Future<Output = Result<T>>) {
    let start = Instant::now();
    let answer = operation.await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{what}");
    assert!(start.elapsed() < Duration::from_secs(3), "{what} took {:?}", start.elapsed());
}

#[tokio::test]
async fn a_killed_connection_is_replaced() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let killed: u64 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query(&mut server.raw()).unwrap();
    assert_eq!(killed, 1);
    works_again(&directory).await;
}

#[tokio::test]
async fn a_flush_loses_the_scripts_and_nothing_fails() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    for _ in 0..2 {
        gives(&directory, "alice", &owner(1)).await;
        gives(&directory, "bob", &owner(2)).await;
        let call = call(("alice", 1), ("bob", 2));
        assert!(place(&directory, &call).await);
        let token = directory.acquire_lease("a", &ServiceId::from("x"), LIFE).await.unwrap();
        let () = redis::cmd("FLUSHALL").query(&mut server.raw()).unwrap();
        let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut server.raw()).unwrap();
        assert_eq!(directory.release_call(call.id).await.unwrap(), None);
        assert!(directory.acquire_lease("a", &ServiceId::from("y"), LIFE).await.unwrap() > token);
        directory.release_lease("a", &ServiceId::from("y")).await.unwrap();
    }
}

#[tokio::test]
async fn a_redis_without_its_scripts_adds_what_is_unheard_once() {
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
        let inherited = directory.claim_session(session, &edge(1), &edge(2)).await.unwrap().unwrap();
        assert_eq!(inherited.backlog, texts(1..=2));
    }
}

#[tokio::test]
async fn redis_restarts() {
    let mut server = RedisServer::start();
    let directory = server.directory().await;
    gives(&directory, "alice", &owner(1)).await;
    server.stop();
    server.start_again();
    works_again(&directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_down_for_a_while() {
    let mut server = RedisServer::start();
    let directory = server.directory().await;
    server.stop();
    for _ in 0..3 {
        everything_fails_in_time(&directory).await;
    }
    server.start_again();
    works_again(&directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_hangs_for_a_while() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    server.signal("STOP");
    everything_fails_in_time(&directory).await;
    server.signal("CONT");
    works_again(&directory).await;
}

#[tokio::test]
async fn redis_refuses_the_reconnection_for_a_while() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    let () = redis::cmd("CONFIG").arg(&["SET", "requirepass", "secret"]).query(&mut raw).unwrap();
    let _: u64 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query(&mut raw).unwrap();
    for _ in 0..3 {
        unavailable("ping", directory.ping()).await;
    }
    let () = redis::cmd("CONFIG").arg(&["SET", "requirepass", ""]).query(&mut raw).unwrap();
    works_again(&directory).await;
}

#[tokio::test]
async fn too_many_clients_for_a_while() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    let () = redis::cmd("CONFIG").arg(&["SET", "maxclients", "1"]).query(&mut raw).unwrap();
    let _: u64 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query(&mut raw).unwrap();
    for _ in 0..3 {
        unavailable("ping", directory.ping()).await;
    }
    let () = redis::cmd("CONFIG").arg(&["SET", "maxclients", "100"]).query(&mut raw).unwrap();
    works_again(&directory).await;
}

#[tokio::test]
async fn a_first_connection_that_fails_says_so_without_the_password() {
    let mut server = RedisServer::start();
    server.stop();
    let url = server.url().replace("redis://", "redis://someone:pa55word@");
    for url in [url.as_str(), "nonsense:pa55word", "redis://someone:pa55word@host:port/x"] {
        let error = Directory::redis(url).await.err().unwrap();
        assert!(matches!(error, Error::Unavailable(_)));
        assert!(!format!("{error} {error:?}").contains("pa55word"), "{error:?}");
    }
}
