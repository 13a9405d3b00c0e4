//! Redis refuses for a while, in every way it can, and each kind of connection of the bus and of the directory must
//! work within [`RECOVERY`] of the end. Each combination has a Redis server of its own, and all run at once.
//!
//! | file | content |
//! |---|---|
//! | `fault.rs` | the kinds of refusal, and how each begins and ends |
//! | `server.rs` | the Redis server that refuses |
//! | `connections.rs` | the kinds of connection, and how each shows that it works |
#![allow(clippy::unwrap_used, missing_docs)]

mod connections;
mod fault;
mod server;

use connections::{Connections, Recovered};
use fault::Fault;
use server::RefusingServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// The longest time until a connection works again.
const RECOVERY: Duration = Duration::from_secs(6);
/// How long a refusal lasts.
const HOLDS: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(10), Duration::from_secs(1)];
/// Servers that start, and are connected to, at a time; more would exceed the time limits of connections.
const CONCURRENT_STARTS: usize = 2;
/// How long a connection may take that only a timeout can find broken.
const GIVE_UP: Duration = Duration::from_secs(20);

/// A fault is held for so much longer, again and again, until a command was refused.
const EXTRA_HOLD: Duration = Duration::from_millis(200);

struct Outcome {
    fault: Fault,
    hold: Duration,
    /// Whether commands were sent during the refusal.
    was_busy: bool,
    /// Whether commands failed with the error of the fault.
    is_refused: bool,
    recovered: Recovered,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_works_again_after_any_refusal() {
    let outcomes = try_all_faults().await;
    let mut failed = Vec::new();
    for Outcome { fault, hold, was_busy, is_refused, recovered } in outcomes {
        let traffic = if was_busy { "busy" } else { "idle" };
        let name = format!("{fault:?} for {} s, {traffic}", hold.as_secs());
        let slowest = recovered.iter().max_by_key(|(_, took)| took.unwrap_or(Duration::MAX)).unwrap();
        println!("refusal: {name}: slowest is the {}: {:?}", slowest.0, slowest.1);
        if !is_refused {
            failed.push(format!("{name}: not refused"));
        }
        for (kind, took) in recovered {
            if took.is_none_or(|took| took > RECOVERY) {
                failed.push(format!("{name}: {kind}: {took:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} did not work again in time:\n{}", failed.len(), failed.join("\n"));
}

async fn try_all_faults() -> Vec<Outcome> {
    let (mut trials, starts) = (JoinSet::new(), Arc::new(Semaphore::new(CONCURRENT_STARTS)));
    for hold in HOLDS {
        for fault in Fault::all_held_for(hold) {
            // On a thread of its own: to start and to stop a server blocks.
            let (runtime, starts) = (Handle::current(), starts.clone());
            trials.spawn_blocking(move || runtime.block_on(try_fault(fault, hold, starts)));
        }
    }
    trials.join_all().await.into_iter().flatten().collect()
}

/// Two sets of connections experience the fault: one sends commands all the time, the other sends none.
async fn try_fault(fault: Fault, hold: Duration, starts: Arc<Semaphore>) -> [Outcome; 2] {
    let start = starts.acquire_owned().await.unwrap();
    let mut server = RefusingServer::start(fault).await;
    let (mut busy, mut idle) = tokio::join!(Connections::open(&server, 0), Connections::open(&server, 1));
    tokio::join!(busy.all_work(GIVE_UP), idle.all_work(GIVE_UP));
    drop(start);
    server.begin().await;
    let _ = timeout(hold, busy.exercise()).await;
    let is_refused = |errors: &str| fault.expected_error().is_none_or(|expected| errors.contains(expected));
    // On a busy machine no command may have been refused by then.
    let give_up = Instant::now() + GIVE_UP;
    while !is_refused(&busy.errors().to_lowercase()) && Instant::now() < give_up {
        let _ = timeout(EXTRA_HOLD, busy.exercise()).await;
    }
    let errors = busy.errors().to_lowercase();
    let is_refused = is_refused(&errors);
    println!("refusal: {fault:?}: {}", &errors[..errors.len().min(200)]);
    server.end().await;
    let (busy_recovered, idle_recovered) = tokio::join!(busy.all_work(GIVE_UP), idle.all_work(GIVE_UP));
    let outcome = |was_busy, recovered| Outcome { fault, hold, was_busy, is_refused, recovered };
    [outcome(true, busy_recovered), outcome(false, idle_recovered)]
}
