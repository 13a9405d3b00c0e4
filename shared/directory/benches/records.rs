//! The operations of a registration, of a call, and of a client that reconnects.

#![allow(clippy::unwrap_used)]

use common::{BackendName, CallId, MessageId, ServiceId};
use criterion::Criterion;
use directory::Directory;
use directory::record::{
    AcquireOutcome, Call, CallParty, ClaimOutcome, EndOutcome, FencingToken, GrantOutcome, Owner,
    SessionPolicy,
};
use protocol::{HandleId, HandleRef, SessionId};
use std::time::{Duration, Instant};
use testkit::Redis;
use tokio::runtime::Runtime;

const SESSION: SessionId = SessionId(4_503_599_627_370_497);
/// The token of the backend's connector.
const TOKEN: FencingToken = FencingToken(7);

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = Runtime::new().unwrap();
    measure_on(&Directory::memory(), "memory", &runtime, &mut criterion);
    let server = runtime.block_on(Redis::start());
    let directory = runtime.block_on(Directory::redis(&server.url())).unwrap();
    measure_on(&directory, "redis", &runtime, &mut criterion);
    criterion.final_summary();
}

fn measure_on(directory: &Directory, store: &str, runtime: &Runtime, criterion: &mut Criterion) {
    runtime.block_on(populate(directory));
    let mut group = criterion.benchmark_group(format!("directory/{store}"));
    let mut measure = |name: &str, times: &dyn Fn(u64) -> Duration| {
        group.bench_function(name, |bencher| bencher.iter_custom(times));
    };
    measure("claim and grant a name", &|times| {
        runtime.block_on(sum(times, async || register(directory).await))
    });
    measure("look up a session", &|times| runtime.block_on(sum(times, async || look_up(directory).await)));
    measure("open a call and acquire both", &|times| {
        runtime.block_on(sum(times, async || call(directory).await.0))
    });
    measure("end and delete the call", &|times| {
        runtime.block_on(sum(times, async || call(directory).await.1))
    });
}

/// Repeats a step and sums up its durations; a step returns the part of its time that counts.
async fn sum(count: u64, step: impl AsyncFn() -> Duration) -> Duration {
    let mut sum = Duration::ZERO;
    for _ in 0..count {
        sum += step().await;
    }
    sum
}

/// Creates a session, and registers the two parties of the calls.
async fn populate(directory: &Directory) {
    let policy = SessionPolicy { token_digest: None, grace: Duration::from_secs(30) };
    assert!(directory.open_session(SESSION, &edge(), &policy).await.unwrap());
    for party in parties() {
        grant(directory, &party.owner.unwrap(), &party.username).await;
    }
}

async fn register(directory: &Directory) -> Duration {
    let (carol, name) = (owner(3), "carol");
    let started = Instant::now();
    grant(directory, &carol, name).await;
    let taken = started.elapsed();
    assert!(directory.release_name(name, carol.handle).await.unwrap());
    directory.remove_handle(carol.handle).await.unwrap();
    taken
}

async fn grant(directory: &Directory, owner: &Owner, name: &str) {
    assert_eq!(directory.claim_name(owner, name, MessageId::fresh()).await.unwrap(), ClaimOutcome::Claimed);
    assert_eq!(directory.grant_name(name, owner, None).await.unwrap(), GrantOutcome::Granted);
}

async fn look_up(directory: &Directory) -> Duration {
    let started = Instant::now();
    assert!(directory.session(SESSION).await.unwrap().is_some());
    started.elapsed()
}

/// The steps of a router that sets up a call, and of a connector that ends it.
async fn call(directory: &Directory) -> (Duration, Duration) {
    let [caller, callee] = parties();
    let id = CallId::fresh();
    let call = Call { id, backend: BackendName::from("a"), caller, callee, opened: 1_795_333_128_000 };
    let started = Instant::now();
    directory.open_call(&call).await.unwrap();
    for (own, peer) in [(&call.caller, &call.callee), (&call.callee, &call.caller)] {
        let handle = own.owner.as_ref().unwrap().handle;
        assert_eq!(
            directory.acquire_handle(handle, &own.username, id, &peer.username).await.unwrap(),
            AcquireOutcome::Acquired
        );
    }
    let acquired_at = Instant::now();
    let outcome = directory.end_call(id, Some(TOKEN), Some("{}")).await.unwrap();
    assert!(matches!(outcome, EndOutcome::Ended(_)));
    directory.delete_call(&call).await.unwrap();
    (acquired_at - started, acquired_at.elapsed())
}

fn parties() -> [CallParty; 2] {
    let party = |name: &str, number| CallParty { username: name.to_owned(), owner: Some(owner(number)) };
    [party("alice", 1), party("bob", 2)]
}

fn owner(number: u64) -> Owner {
    Owner { edge: edge(), handle: HandleRef { session: SESSION, handle: HandleId(number) } }
}

fn edge() -> ServiceId {
    ServiceId::from("edge-0a1b2c3d")
}
