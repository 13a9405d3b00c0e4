//! How a request ends: with a reply, an error, a failed send, or its deadline.

use super::*;
use crate::session::handle::REQUEST_TIMEOUT;

const SET: &str = "set";

fn set() -> Value {
    json!({"request": SET})
}

#[test]
fn ack_of_a_request_with_a_jsep_waits_for_the_reply() {
    let (mut bob, call) = ringing(Side::Callee);
    assert_eq!(bob.sends_answer("t", json!({"request": "accept"})), ["leg: accept"]);
    assert_eq!(bob.gets_leg_reply(call, None, result("t", "accepted")), ["ack t", "t: accepted"]);
}

#[test]
fn core_error_replaces_the_ack_of_a_request_with_a_jsep() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends_answer("t", json!({"request": "accept"}));
    assert_eq!(bob.gets_leg_reply(call, None, refusal("t", 465)), ["refused t 465"]);
}

#[test]
fn core_error_replaces_the_ack_also_behind_other_events() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends_offer("t", set());
    let received = events(Some(call), bob.last, None, vec![core("webrtcup"), refusal("t", 465)]);
    assert_eq!(bob.receives(received), ["core webrtcup", "refused t 465"]);
}

#[test]
fn events_with_a_reply_come_behind_the_ack() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends_offer("t", set());
    let received = events(Some(call), bob.last, None, vec![core("media"), result("t", SET)]);
    assert_eq!(bob.receives(received), ["ack t", "core media", "t: set"]);
}

#[test]
fn call_events_do_not_wait_for_a_request() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends_offer("t", set());
    assert_eq!(bob.receives(events(Some(call), None, None, vec![core("webrtcup")])), ["core webrtcup"]);
    assert_eq!(bob.gets_leg_reply(call, None, result("t", SET)), ["ack t", "t: set"]);
}

#[test]
fn unsent_request_is_an_error_and_the_next_is_sent() {
    let (mut bob, _) = ringing(Side::Callee);
    bob.sends("1", set());
    bob.sends_offer("2", set());
    bob.sends("3", set());
    let (first, unknown) = (bob.last(), MessageId::fresh());
    assert_eq!(bob.send_fails(unknown), [""; 0]);
    assert_eq!(bob.send_fails(first), ["1: error 499", "leg: set"]);
    let second = bob.last();
    assert_eq!(bob.send_fails(second), ["refused 2 490", "leg: set"]);
}

#[test]
fn expired_request_is_an_error_and_the_next_is_sent() {
    let (mut bob, _) = ringing(Side::Callee);
    bob.sends("1", set());
    bob.sends_offer("2", set());
    assert_eq!(bob.due_in(), Some(REQUEST_TIMEOUT.as_millis()));
    assert_eq!(bob.after(REQUEST_TIMEOUT - Duration::from_millis(1)), [""; 0]);
    assert_eq!(bob.after(Duration::from_millis(1)), ["1: error 499", "leg: set"]);
    assert_eq!(bob.after(REQUEST_TIMEOUT), ["ack 2", "2: error 499"]);
    assert_eq!(bob.due_in(), None);
}

#[test]
fn call_without_a_reply_in_time_is_abandoned() {
    let mut alice = registered();
    alice.calls("c");
    alice.sends("2", json!({"request": "list"}));
    assert_eq!(alice.after(REQUEST_TIMEOUT), ["ack c", "c: error 499", "abandon", "router: list"]);
}

#[test]
fn refused_call_leaves_the_handle_free() {
    let mut alice = registered();
    alice.calls("1");
    let received = alice.gets_reply(None, vec![result("1", "hangup"), core("hangup")]);
    assert_eq!(received, ["ack 1", "1: hangup", "core hangup"]);
    alice.calls("2");
    let call = alice.last_call();
    let refused = alice.gets_leg_reply(call, Some(Change::Left), refusal("2", 465));
    assert_eq!(refused, ["refused 2 465"]);
    assert_eq!(alice.sends("3", set()), ["ack 3", "3: set"]);
}

#[test]
fn request_in_flight_is_requeued_when_its_call_ends() {
    for (body, with, expected) in [
        (json!({"request": "hangup"}), None, vec!["hangup", "t: hangup"]),
        (json!({"request": "accept"}), Some(Kind::Answer), vec!["hangup", "refused t 469"]),
        (json!({"request": "accept"}), None, vec!["hangup", "t: error 481"]),
        (set(), None, vec!["hangup", "t: set"]),
        (set(), Some(Kind::Offer), vec!["hangup", "ack t", "t: set"]),
    ] {
        let (mut bob, call) = ringing(Side::Callee);
        bob.message("t", body.clone(), with);
        bob.sends("next", json!({"request": "list"}));
        let expected: Vec<_> = expected.into_iter().chain(["router: list"]).collect();
        assert_eq!(bob.left(call), expected, "{body}");
    }
}

#[test]
fn request_at_a_router_is_not_requeued_when_the_call_ends() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends("t", json!({"request": "list"}));
    assert_eq!(bob.left(call), ["hangup"]);
    assert_eq!(bob.gets_reply(None, vec![result("t", "listed")]), ["t: listed"]);
}
