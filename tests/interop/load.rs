//! A hundred calls between users of both systems, many at once, ended in every way, and a check that nothing
//! is left.

use super::mixed_cluster::{MixedCluster, NamedClient, expect_names_released, hash, keys, user_key};
use crate::fixture::redis_connection;
use std::rc::Rc;
use testkit::{Client, Redis, eventually};
use tokio::task::LocalSet;

const CALLS: usize = 10;

/// For each pair, which of the two clients are of Switchboard.
const PAIRS: [(bool, bool); 10] = [
    (true, false),
    (false, true),
    (true, false),
    (true, true),
    (true, false),
    (false, true),
    (false, false),
    (true, false),
    (false, true),
    (true, false),
];

#[tokio::test]
async fn hundred_calls_leave_nothing_behind() {
    let mixed = Rc::new(MixedCluster::start().await);
    let mut pairs = Vec::new();
    for (number, (one_is_here, other_is_here)) in PAIRS.into_iter().enumerate() {
        let one = client(&mixed, &format!("one_{number}"), one_is_here).await;
        let other = client(&mixed, &format!("other_{number}"), other_is_here).await;
        pairs.push((one, other));
    }
    let clients = all_at_once(&mixed, pairs).await;
    let names: Vec<&str> = clients.iter().map(|client| client.name.as_str()).collect();
    mixed.expect_all_free(&names).await;
    for name in names {
        let record = hash(&mixed.redis, &user_key(name)).await;
        assert_eq!((&*record["incall"], &*record["peer_name"]), ("", ""), "{record:?}");
    }
    for client in clients {
        client.leave().await;
    }
    mixed.expect_clean().await;
    assert_eq!(unexpected_keys(&mixed.redis).await, [""; 0]);
    eventually("no message is pending", async || pending(&mixed.redis).await == 0).await;
}

async fn client(mixed: &MixedCluster, name: &str, is_here: bool) -> NamedClient {
    if is_here { mixed.registered_here(name).await } else { mixed.registered_there(name).await }
}

async fn all_at_once(mixed: &Rc<MixedCluster>, pairs: Vec<(NamedClient, NamedClient)>) -> Vec<NamedClient> {
    let set = LocalSet::new();
    let calls = pairs.into_iter().enumerate();
    let calls: Vec<_> = calls
        .map(|(number, (one, other))| set.spawn_local(keep_calling(Rc::clone(mixed), number, one, other)))
        .collect();
    set.await;
    let mut clients = Vec::new();
    for pair in calls {
        clients.extend(<[NamedClient; 2]>::from(pair.await.unwrap()));
    }
    clients
}

/// They call each other in turn, and end the calls in each way.
async fn keep_calling(
    mixed: Rc<MixedCluster>,
    first: usize,
    mut one: NamedClient,
    mut other: NamedClient,
) -> (NamedClient, NamedClient) {
    let mut watcher = Client::attached(&mixed.janus.url()).await;
    for call in first..first + CALLS {
        let (caller, callee) = if call % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        caller.ring(callee).await;
        match call / 2 % 4 {
            0 => callee.hang_up_on(caller).await,
            1 => caller.hang_up_on(callee).await,
            2 => {
                caller.expect_accept_by(callee).await;
                caller.hang_up_on(callee).await;
            }
            _ => {
                caller.expect_accept_by(callee).await;
                callee.hang_up_on(caller).await;
            }
        }
        // A proxy of janus-cloud may report one end twice, and the first report is not always the end of this
        // call.
        mixed.expect_free(&[&one.name, &other.name]).await;
        expect_names_released(&mut watcher, &[&one.name, &other.name]).await;
    }
    watcher.destroy().await;
    (one, other)
}

/// Keys that exist as long as the cluster: those of each service and each Janus, and the log.
const PERMANENT_KEYS: [&str; 15] = [
    "januscloud:videocall_proxies:",
    "januscloud:backend_servers:",
    "sb:edges",
    "sb:routers",
    "sb:backends",
    "sb:calls",
    "sb:services",
    "sb:service:",
    "sb:connector:",
    "sb:{edge-",
    "sb:{rest-",
    "sb:{backend:",
    "sb:{lease:",
    "sb:{requests:",
    "sb:{proxies}",
];

/// Ended calls are remembered for some time.
const ENDED_CALLS: &str = "sb:ended:";

/// Keys that must not be left.
async fn unexpected_keys(redis: &Redis) -> Vec<String> {
    let mut connection = redis_connection(&redis.url()).await;
    let mut unexpected_keys = Vec::new();
    for key in keys(redis).await {
        let expiry: i64 = ::redis::cmd("TTL").arg(&key).query_async(&mut connection).await.unwrap();
        let expires = key.starts_with(ENDED_CALLS) && expiry != -1;
        if !expires && !PERMANENT_KEYS.iter().any(|start| key.starts_with(start)) {
            unexpected_keys.push(key);
        }
    }
    unexpected_keys
}

/// The number of queue messages that a router has read and not acknowledged.
async fn pending(redis: &Redis) -> u64 {
    let mut connection = redis_connection(&redis.url()).await;
    let mut pending = 0;
    for queue in ["sb:{requests:0}", "sb:{requests:1}", "sb:{proxies}"] {
        let (count, ..): (u64, ::redis::Value, ::redis::Value, ::redis::Value) =
            ::redis::cmd("XPENDING").arg(queue).arg("workers").query_async(&mut connection).await.unwrap();
        pending += count;
    }
    pending
}
