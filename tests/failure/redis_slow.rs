//! Redis is slow for a while: it is blocked for four fifths of the time. Requests that need no Redis are as
//! fast as ever, and others are late but succeed. No service is declared dead, and afterwards everything works as
//! before.

use super::cluster::{Fixture, connect, hang_up, leave, talk};
use super::measure::Since;
use std::time::Duration;
use testkit::{Client, Redis};
use tokio::time::{Instant, sleep, timeout_at};

const EVENT: &str = "Redis is slow";
/// The lengths of a blocked and of a working period.
const RHYTHM: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(50));
const SLOW: Duration = Duration::from_secs(10);
/// The edge's time limit for a request.
const DEADLINE: Duration = Duration::from_secs(10);
/// A request without Redis must not wait for a blocked period to end, which takes twice as long on average.
const KEEPALIVE_LATENCY: Duration = Duration::from_millis(50);

#[tokio::test]
async fn only_requests_that_need_redis_are_slow() {
    let mut fixture = Fixture::start().await;
    let ((mut alice, mut bob), (mut carol, mut dave)) =
        tokio::join!(fixture.call("alice", "bob"), fixture.pair("carol", "dave"));
    let lease_holder = fixture.lease_holder();
    let end = Instant::now() + SLOW;
    tokio::join!(
        slow_down(&mut fixture.redis, end),
        calls(&mut carol, &mut dave, end),
        keep_alive(&mut alice, end)
    );
    assert_eq!(fixture.lease_holder(), lease_holder, "the backend stayed with its connector");
    talk(&mut alice, &mut bob).await;
    hang_up(&mut alice, &mut bob).await;
    connect(&mut carol, &mut dave, "dave").await;
    hang_up(&mut carol, &mut dave).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
    fixture.expect_clean().await;
}

async fn slow_down(redis: &mut Redis, end: Instant) {
    while Instant::now() < end {
        redis.stop();
        sleep(RHYTHM.0).await;
        redis.resume();
        sleep(RHYTHM.1).await;
    }
}

/// Makes calls repeatedly, each within the time limit of one request.
async fn calls(caller: &mut Client, callee: &mut Client, end: Instant) {
    let mut calls = 0;
    while Instant::now() < end {
        let since = Since::now(EVENT);
        let call = async {
            connect(caller, callee, "dave").await;
            hang_up(caller, callee).await;
        };
        timeout_at(Instant::now() + DEADLINE, call).await.expect("a call is placed, answered and ended");
        calls += 1;
        if calls == 1 {
            since.within(DEADLINE, "a call rings, is answered and ended");
        }
    }
    println!("failure: {EVENT}: calls in {} s: {calls}", SLOW.as_secs());
}

/// Sends keepalives, which need only the edge.
async fn keep_alive(client: &mut Client, end: Instant) {
    let mut took = Vec::new();
    while Instant::now() < end {
        let sent = Instant::now();
        client.keepalive().await;
        took.push(sent.elapsed());
        sleep(RHYTHM.1).await;
    }
    took.sort();
    let median = took[took.len() / 2];
    println!("failure: {EVENT}: a keepalive: {} ms", median.as_millis());
    assert!(median < KEEPALIVE_LATENCY, "half of the keepalives took more than {median:?}");
}
