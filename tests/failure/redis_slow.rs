//! Redis is slow for a while: it does nothing for four fifths of the time. What needs none of it is as fast
//! as ever, what needs it is late but done, nobody takes anybody for dead, and afterwards all is as it was.

use super::house::{FailureCluster, connect, leave, part, talk};
use super::measure::Since;
use std::time::Duration;
use testkit::{Client, Redis};
use tokio::time::{Instant, sleep, timeout_at};

const EVENT: &str = "Redis is slow";
/// How long it does nothing, and how long it works.
const RHYTHM: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(50));
const SLOW: Duration = Duration::from_secs(10);
/// The time an edge gives a request.
const DEADLINE: Duration = Duration::from_secs(10);
/// What needs no Redis does not wait for the end of its pauses: those take twice as long on average.
const AT_ONCE: Duration = Duration::from_millis(50);

#[tokio::test]
async fn only_what_needs_it_is_late() {
    let mut house = FailureCluster::start().await;
    let ((mut alice, mut bob), (mut carol, mut dave)) =
        tokio::join!(house.call("alice", "bob"), house.pair("carol", "dave"));
    let server = house.server();
    let end = Instant::now() + SLOW;
    tokio::join!(is_slow(&mut house.redis, end), calls(&mut carol, &mut dave, end), idles(&mut alice, end));
    assert_eq!(house.server(), server, "the backend stayed with its connector");
    talk(&mut alice, &mut bob).await;
    part(&mut alice, &mut bob).await;
    connect(&mut carol, &mut dave, "dave").await;
    part(&mut carol, &mut dave).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
    house.is_clean().await;
}

async fn is_slow(redis: &mut Redis, end: Instant) {
    while Instant::now() < end {
        redis.stop();
        sleep(RHYTHM.0).await;
        redis.resume();
        sleep(RHYTHM.1).await;
    }
}

/// Calls again and again, each as a whole within the time that one request has.
async fn calls(caller: &mut Client, callee: &mut Client, end: Instant) {
    let mut calls = 0;
    while Instant::now() < end {
        let since = Since::now(EVENT);
        let call = async {
            connect(caller, callee, "dave").await;
            part(caller, callee).await;
        };
        timeout_at(Instant::now() + DEADLINE, call).await.expect("a call is placed, answered and ended");
        calls += 1;
        if calls == 1 {
            since.within(DEADLINE, "a call rings, is answered and ended");
        }
    }
    println!("failure: {EVENT}: calls in {} s: {calls}", SLOW.as_secs());
}

/// Says that it is there, which needs nobody but its edge.
async fn idles(client: &mut Client, end: Instant) {
    let mut took = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        client.keepalive().await;
        took.push(asked.elapsed());
        sleep(RHYTHM.1).await;
    }
    took.sort();
    let median = took[took.len() / 2];
    println!("failure: {EVENT}: a keepalive: {} ms", median.as_millis());
    assert!(median < AT_ONCE, "half of the keepalives took more than {median:?}");
}
