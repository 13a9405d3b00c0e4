//! Logs: the newest lines, oldest first, up to a cap.

use crate::on_both;
use crate::support::*;
use bus::Bus;
use bus::message::{CallEvent, CallRecord};
use bus::topic::Log;
use protocol::{CallId, MessageId};
use std::collections::BTreeMap;

on_both![show_the_newest_lines, show_a_call_as_named_fields, are_capped];

fn record(number: u64) -> CallRecord {
    CallRecord {
        call: CallId::from(MessageId::fresh()),
        event: CallEvent::Ended,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: "a".into(),
        reason: Some("hangup".to_owned()),
        duration_ms: Some(number),
    }
}

async fn show_the_newest_lines(bus: Bus) {
    assert!(bus.tail(Log::Calls, 5).await.unwrap().is_empty());
    for number in 0..10 {
        bus.log_call(&record(number)).await.unwrap();
    }
    let lines = bus.tail(Log::Calls, 3).await.unwrap();
    let numbers = lines.into_iter().map(|line| line.into_iter().collect::<BTreeMap<_, _>>());
    assert!(numbers.map(|line| line["duration_ms"].clone()).eq(["7", "8", "9"].map(str::to_owned)));
    assert_eq!(bus.tail(Log::Calls, 100).await.unwrap().len(), 10);
    assert!(bus.tail(Log::Dead, 100).await.unwrap().is_empty());
}

async fn show_a_call_as_named_fields(bus: Bus) {
    let mut ringing = record(0);
    (ringing.event, ringing.reason, ringing.duration_ms) = (CallEvent::Ringing, None, None);
    bus.log_call(&ringing).await.unwrap();
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
    in_parallel(cap as u32 + 1000, async |number| bus.log_call(&record(number.into())).await.unwrap()).await;
    let kept = bus.tail(Log::Calls, cap * 2).await.unwrap().len();
    assert!((cap..cap + 500).contains(&kept), "{kept} lines are kept");
}
