//! A hundred calls of people on both sides, many at once, ended in every way; and what is left of them.

use super::house::{MixedCluster, NamedClient, forgets, hash, keys, user_key};
use crate::fixture::redis_connection;
use std::rc::Rc;
use testkit::{Client, Redis, eventually};
use tokio::task::LocalSet;

const CALLS: usize = 10;

/// For each pair whether one and whether the other is here.
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
async fn a_hundred_calls_leave_nothing_behind() {
    let house = Rc::new(MixedCluster::start().await);
    let mut pairs = Vec::new();
    for (number, (one_is_here, other_is_here)) in PAIRS.into_iter().enumerate() {
        let one = person(&house, &format!("one_{number}"), one_is_here).await;
        let other = person(&house, &format!("other_{number}"), other_is_here).await;
        pairs.push((one, other));
    }
    let people = all_at_once(&house, pairs).await;
    let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
    house.all_are_free(&names).await;
    for name in names {
        let record = hash(&house.redis, &user_key(name)).await;
        assert_eq!((&*record["incall"], &*record["peer_name"]), ("", ""), "{record:?}");
    }
    for person in people {
        person.leaves().await;
    }
    house.is_clean().await;
    assert_eq!(strange(&house.redis).await, [""; 0]);
    eventually("no message is pending", async || pending(&house.redis).await == 0).await;
}

async fn person(house: &MixedCluster, name: &str, is_here: bool) -> NamedClient {
    if is_here { house.here(name).await } else { house.there(name).await }
}

async fn all_at_once(house: &Rc<MixedCluster>, pairs: Vec<(NamedClient, NamedClient)>) -> Vec<NamedClient> {
    let set = LocalSet::new();
    let calls = pairs.into_iter().enumerate();
    let calls: Vec<_> = calls
        .map(|(number, (one, other))| set.spawn_local(keep_calling(Rc::clone(house), number, one, other)))
        .collect();
    set.await;
    let mut people = Vec::new();
    for pair in calls {
        people.extend(<[NamedClient; 2]>::from(pair.await.unwrap()));
    }
    people
}

/// In turn they call each other, and end it in each way.
async fn keep_calling(
    house: Rc<MixedCluster>,
    first: usize,
    mut one: NamedClient,
    mut other: NamedClient,
) -> (NamedClient, NamedClient) {
    let mut watcher = Client::attached(&house.janus.url()).await;
    for call in first..first + CALLS {
        let (caller, callee) = if call % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        caller.rings(callee).await;
        match call / 2 % 4 {
            0 => callee.hangs_up_on(caller).await,
            1 => caller.hangs_up_on(callee).await,
            2 => {
                caller.is_accepted_by(callee).await;
                caller.hangs_up_on(callee).await;
            }
            _ => {
                caller.is_accepted_by(callee).await;
                callee.hangs_up_on(caller).await;
            }
        }
        // A proxy of theirs may tell of one end twice; the first time is not always the end of the call.
        house.are_free(&[&one.name, &other.name]).await;
        forgets(&mut watcher, &[&one.name, &other.name]).await;
    }
    watcher.destroy().await;
    (one, other)
}

/// What may stay as long as there is a cluster: what each service and each Janus has, and the log.
const STANDING: [&str; 14] = [
    "januscloud:videocall_proxies:",
    "januscloud:backend_servers:",
    "sb:edges",
    "sb:backends",
    "sb:calls",
    "sb:services",
    "sb:service:",
    "sb:note:",
    "sb:{edge-",
    "sb:{rest-",
    "sb:{backend:",
    "sb:{lease:",
    "sb:{requests:",
    "sb:{peers}",
];

/// Remembers for some time that a call is over.
const PASSING: &str = "sb:over:";

/// Keys that nobody should have left.
async fn strange(redis: &Redis) -> Vec<String> {
    let mut connection = redis_connection(&redis.url()).await;
    let mut strange = Vec::new();
    for key in keys(redis).await {
        let life: i64 = ::redis::cmd("TTL").arg(&key).query_async(&mut connection).await.unwrap();
        let passes = key.starts_with(PASSING) && life != -1;
        if !passes && !STANDING.iter().any(|start| key.starts_with(start)) {
            strange.push(key);
        }
    }
    strange
}

/// Messages of queues that somebody has read and nobody has finished.
async fn pending(redis: &Redis) -> u64 {
    let mut connection = redis_connection(&redis.url()).await;
    let mut pending = 0;
    for queue in ["sb:{requests:0}", "sb:{requests:1}", "sb:{peers}"] {
        let (count, ..): (u64, ::redis::Value, ::redis::Value, ::redis::Value) =
            ::redis::cmd("XPENDING").arg(queue).arg("workers").query_async(&mut connection).await.unwrap();
        pending += count;
    }
    pending
}
