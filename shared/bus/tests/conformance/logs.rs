//! Logs: the newest lines, oldest first, up to a cap.

use crate::on_both;
use crate::redis_server::Server;
use crate::support::*;
use bus::message::{CallEvent, CallRecord, StepDurations};
use bus::topic::Log;
use bus::{Bus, Follower};
use common::{CallId, MessageId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{sleep, timeout};

on_both![
    return_the_newest_lines,
    have_the_members_of_a_record_as_fields,
    are_capped,
    are_followed_from_their_newest_lines,
    are_followed_before_their_first_line,
    lose_no_line_when_next_is_dropped,
];

async fn follow(follower: &mut Follower) -> u64 {
    let line: BTreeMap<_, _> = within(SOON, follower.next()).await.into_iter().collect();
    line["duration_ms"].parse().unwrap()
}

async fn log_all(bus: &Bus, numbers: std::ops::Range<u64>) {
    for number in numbers {
        bus.log_calls(&[record(number)]).await.unwrap();
    }
}

fn record(number: u64) -> CallRecord {
    CallRecord {
        call: CallId::from(MessageId::fresh()),
        event: CallEvent::Ended,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: "a".into(),
        kind: None,
        reason: Some("hangup".to_owned()),
        duration_ms: Some(number),
        steps: StepDurations::default(),
    }
}

async fn return_the_newest_lines(bus: Bus) {
    assert!(bus.tail(Log::Calls, 5).await.unwrap().is_empty());
    for number in 0..10 {
        bus.log_calls(&[record(number)]).await.unwrap();
    }
    let lines = bus.tail(Log::Calls, 3).await.unwrap();
    let numbers = lines.into_iter().map(|line| line.into_iter().collect::<BTreeMap<_, _>>());
    assert!(numbers.map(|line| line["duration_ms"].clone()).eq(["7", "8", "9"].map(str::to_owned)));
    assert_eq!(bus.tail(Log::Calls, 100).await.unwrap().len(), 10);
    assert!(bus.tail(Log::Dead, 100).await.unwrap().is_empty());
}

async fn have_the_members_of_a_record_as_fields(bus: Bus) {
    let mut ringing = record(0);
    (ringing.event, ringing.reason, ringing.duration_ms) = (CallEvent::Ringing, None, None);
    bus.log_calls(std::slice::from_ref(&ringing)).await.unwrap();
    let line: BTreeMap<_, _> = bus.tail(Log::Calls, 1).await.unwrap().remove(0).into_iter().collect();
    assert!(line["at"].parse::<u64>().unwrap() > 1_700_000_000_000);
    assert_eq!(line["call"], ringing.call.to_string());
    assert_eq!(line["event"], "ringing");
    assert_eq!((line["caller"].as_str(), line["callee"].as_str()), ("alice", "bob"));
    assert_eq!(line["backend"], "a");
    assert!(!line.contains_key("reason") && !line.contains_key("duration_ms"));
}

async fn are_capped(bus: Bus) {
    let cap = Log::Calls.cap();
    in_parallel(cap as u32 + 1000, async |number| bus.log_calls(&[record(number.into())]).await.unwrap())
        .await;
    let kept = bus.tail(Log::Calls, cap * 2).await.unwrap().len();
    assert!((cap..cap + 500).contains(&kept), "{kept} lines are kept");
}

async fn are_followed_from_their_newest_lines(bus: Bus) {
    log_all(&bus, 0..10).await;
    let mut three = bus.follow(Log::Calls, 3).await.unwrap();
    let mut none = bus.follow(Log::Calls, 0).await.unwrap();
    let mut all = bus.follow(Log::Calls, 1_000).await.unwrap();
    log_all(&bus, 10..1_300).await;
    for (follower, first) in [(&mut three, 7), (&mut none, 10), (&mut all, 0)] {
        for expected in first..1_300 {
            assert_eq!(follow(follower).await, expected);
        }
    }
    let waiting = async {
        sleep(Duration::from_millis(100)).await;
        log_all(&bus, 1_300..1_301).await;
    };
    let (number, ()) = tokio::join!(follow(&mut none), waiting);
    assert_eq!(number, 1_300);
}

async fn are_followed_before_their_first_line(bus: Bus) {
    let mut follower = bus.follow(Log::Calls, 0).await.unwrap();
    log_all(&bus, 0..2).await;
    assert_eq!((follow(&mut follower).await, follow(&mut follower).await), (0, 1));
    let mut other = bus.follow(Log::Dead, 5).await.unwrap();
    assert!(timeout(Duration::from_millis(100), other.next()).await.is_err(), "the other log is empty");
}

async fn lose_no_line_when_next_is_dropped(bus: Bus) {
    let mut follower = bus.follow(Log::Calls, 0).await.unwrap();
    let mut received = 0;
    for number in 0..20 {
        log_all(&bus, number * 5..number * 5 + 5).await;
        let wait = Duration::from_micros(number * 200);
        while timeout(wait, follow(&mut follower)).await.is_ok_and(|next| next == received) {
            received += 1;
        }
    }
    for expected in received..100 {
        assert_eq!(follow(&mut follower).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_followed_across_a_restart() {
    let mut server = Server::start();
    let bus = server.bus().await;
    let mut follower = bus.follow(Log::Calls, 0).await.unwrap();
    log_all(&bus, 0..1).await;
    assert_eq!(follow(&mut follower).await, 0);
    assert!(timeout(Duration::from_millis(300), follower.next()).await.is_err());
    let (number, ()) = tokio::join!(follow(&mut follower), async {
        server.kill();
        server.restart();
        log_all(&server.bus().await, 1..2).await;
    });
    assert_eq!(number, 1);
}
