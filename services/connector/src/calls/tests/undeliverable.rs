//! Events that no message of the bus can hold, events that are lost, and requests that Janus is not sent.

use super::*;
use crate::calls::undeliverable::MAX_EVENT;
use crate::undelivered::Loss;

/// A text that makes an event of Janus too large.
fn long() -> String {
    "x".repeat(MAX_EVENT)
}

fn notify_long(harness: &mut Harness, handle: u64, result: Value) -> Vec<String> {
    let data = json!({"result": result});
    harness.janus(json!({"janus": "event", "sender": handle, "plugindata": {"data": data},
        "jsep": {"type": "offer", "sdp": long()}}))
}

fn lose(harness: &mut Harness, loss: Loss) -> Vec<String> {
    let actions = harness.calls.on_undelivered(harness.call, loss, harness.now);
    harness.record(actions)
}

#[test]
fn too_large_incoming_call_refuses_the_caller() {
    let mut harness = calling();
    let event = json!({"event": "incomingcall", "username": harness.alias(Side::Caller)});
    let refused = notify_long(&mut harness, BOB, event);
    assert_eq!(
        refused,
        [
            "janus 11 detach",
            "janus 12 detach",
            "end",
            "alice! left: c/error 499",
            "log ended (An event of the call is too large)"
        ]
    );
    harness.assert_clean();
}

#[test]
fn too_large_update_ends_the_call_for_both() {
    let mut harness = talking();
    let ended = notify_long(&mut harness, BOB, json!({"event": "update"}));
    assert_eq!(ended[..2], ["janus 11 detach", "janus 12 detach"]);
    assert!(ended.iter().any(|action| action.starts_with("alice left: ")), "{ended:?}");
    assert!(ended.iter().any(|action| action.starts_with("bob left: ")), "{ended:?}");
    harness.assert_clean();
}

#[test]
fn too_large_core_event_ends_the_call() {
    let mut harness = talking();
    let ended = harness.janus(json!({"janus": "media", "sender": ALICE, "x": long()}));
    assert_eq!(ended[..2], ["janus 11 detach", "janus 12 detach"]);
    harness.assert_clean();
}

#[test]
fn lost_event_ends_the_call_for_both() {
    let mut harness = ringing();
    let ended = lose(&mut harness, Loss::NoMailbox);
    assert!(ended.iter().any(|action| action.starts_with("alice left: ")), "{ended:?}");
    assert!(ended.iter().any(|action| action.starts_with("bob left: ")), "{ended:?}");
    harness.assert_clean();
    assert_eq!(lose(&mut harness, Loss::NoMailbox), [""; 0], "it has ended already");
}

#[test]
fn unsent_request_ends_its_call() {
    let mut harness = registering();
    let unsent = harness.sent_to_janus.last().unwrap().to_string();
    let actions = harness.calls.on_request_unsent(&unsent, harness.now);
    let refused = harness.record(actions);
    assert_eq!(refused, ["janus 11 detach", "janus 12 detach", "end", "alice! left: c/error 502"]);
    let detach = harness.sent_to_janus.last().unwrap().to_string();
    assert!(harness.calls.on_request_unsent(&detach, harness.now).is_empty());
    harness.assert_clean();
}

#[test]
fn candidates_of_a_leg_are_bounded_in_bytes() {
    let mut harness = ringing();
    let candidate = |number: usize| json!({"candidate": format!("{number:0>16000}")});
    let all: Vec<Value> = (0..100).map(candidate).collect();
    for chunk in all.chunks(10) {
        let candidates = chunk.iter().map(raw).collect();
        let leg = harness.leg(Side::Caller);
        harness.receive(Message::new(Body::Trickle(Trickle { leg, candidates })));
    }
    let saved = harness.saved.last().unwrap();
    assert!(saved.len() < 150 * 1024 && saved.contains(&format!("{:0>16000}", 99)), "{}", saved.len());
}

#[test]
fn batch_is_bounded_in_bytes() {
    let mut harness = calling();
    for number in 0..200 {
        harness.janus(json!({"janus": "trickle", "sender": ALICE, "candidate": {"candidate": format!("{number:0>1000}")}}));
    }
    let call = harness.calls.calls.get_mut(&harness.call).unwrap();
    let batch = call.leg_mut(Side::Caller).take_batch_with(Vec::new());
    let bytes: usize = batch.iter().map(bus::message::ClientEvent::size).sum();
    assert!((60..=64).contains(&(bytes / 1024)), "{bytes}");
}
