//! The end of a request: an answer, an error, a bus that takes nothing, a deadline.

use super::*;
use crate::session::handle::REQUEST_TIMEOUT;

const SET: &str = "set";

fn set() -> Value {
    json!({"request": SET})
}

#[test]
fn with_a_jsep_the_ack_waits_for_the_answer() {
    let (mut bob, call) = ringing(Side::Callee);
    assert_eq!(bob.replies("t", json!({"request": "accept"})), ["leg: accept"]);
    assert_eq!(bob.answered_on_leg(call, None, result("t", "accepted")), ["ack t", "t: accepted"]);
}

#[test]
fn with_a_jsep_a_core_error_stands_instead_of_the_ack() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.replies("t", json!({"request": "accept"}));
    assert_eq!(bob.answered_on_leg(call, None, refusal("t", 465)), ["refused t 465"]);
}

#[test]
fn a_core_error_stands_instead_of_the_ack_also_behind_events_that_travelled_with_it() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.offers("t", set());
    let heard = events(Some(call), bob.last, None, vec![core("webrtcup"), refusal("t", 465)]);
    assert_eq!(bob.hears(heard), ["core webrtcup", "refused t 465"]);
}

#[test]
fn events_that_travel_with_an_answer_come_behind_the_ack() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.offers("t", set());
    let heard = events(Some(call), bob.last, None, vec![core("media"), result("t", SET)]);
    assert_eq!(bob.hears(heard), ["ack t", "core media", "t: set"]);
}

#[test]
fn events_of_the_call_do_not_wait_for_a_request() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.offers("t", set());
    assert_eq!(bob.hears(events(Some(call), None, None, vec![core("webrtcup")])), ["core webrtcup"]);
    assert_eq!(bob.answered_on_leg(call, None, result("t", SET)), ["ack t", "t: set"]);
}

#[test]
fn what_the_bus_does_not_take_is_an_error_at_once_and_the_next_goes_on() {
    let (mut bob, _) = ringing(Side::Callee);
    bob.says("1", set());
    bob.offers("2", set());
    bob.says("3", set());
    let (first, unknown) = (bob.last(), MessageId::fresh());
    assert_eq!(bob.send_fails(unknown), [""; 0]);
    assert_eq!(bob.send_fails(first), ["1: error 499", "leg: set"]);
    let second = bob.last();
    assert_eq!(bob.send_fails(second), ["refused 2 490", "leg: set"]);
}

#[test]
fn what_is_not_answered_in_time_is_an_error_and_the_next_goes_on() {
    let (mut bob, _) = ringing(Side::Callee);
    bob.says("1", set());
    bob.offers("2", set());
    assert_eq!(bob.due_in(), Some(REQUEST_TIMEOUT.as_millis()));
    assert_eq!(bob.after(REQUEST_TIMEOUT - Duration::from_millis(1)), [""; 0]);
    assert_eq!(bob.after(Duration::from_millis(1)), ["1: error 499", "leg: set"]);
    assert_eq!(bob.after(REQUEST_TIMEOUT), ["ack 2", "2: error 499"]);
    assert_eq!(bob.due_in(), None);
}

#[test]
fn a_call_that_is_not_answered_in_time_is_abandoned() {
    let mut alice = registered();
    alice.calls("c");
    alice.says("2", json!({"request": "list"}));
    assert_eq!(alice.after(REQUEST_TIMEOUT), ["ack c", "c: error 499", "abandon", "router: list"]);
}

#[test]
fn a_call_that_is_refused_leaves_the_handle_free() {
    let mut alice = registered();
    alice.calls("1");
    let heard = alice.answered(None, vec![result("1", "hangup"), core("hangup")]);
    assert_eq!(heard, ["ack 1", "1: hangup", "core hangup"]);
    alice.calls("2");
    let call = alice.last_call();
    let heard = alice.answered_on_leg(call, Some(Change::Left), refusal("2", 465));
    assert_eq!(heard, ["refused 2 465"]);
    assert_eq!(alice.says("3", set()), ["ack 3", "3: set"]);
}

#[test]
fn a_call_that_ends_decides_anew_what_was_asked_on_its_leg() {
    for (body, with, expected) in [
        (json!({"request": "hangup"}), None, vec!["hangup", "t: hangup"]),
        (json!({"request": "accept"}), Some(Kind::Answer), vec!["hangup", "refused t 469"]),
        (json!({"request": "accept"}), None, vec!["hangup", "t: error 481"]),
        (set(), None, vec!["hangup", "t: set"]),
        (set(), Some(Kind::Offer), vec!["hangup", "ack t", "t: set"]),
    ] {
        let (mut bob, call) = ringing(Side::Callee);
        bob.message("t", body.clone(), with);
        bob.says("next", json!({"request": "list"}));
        let expected: Vec<_> = expected.into_iter().chain(["router: list"]).collect();
        assert_eq!(bob.left(call), expected, "{body}");
    }
}

#[test]
fn what_was_asked_of_a_router_is_not_decided_anew_when_the_call_ends() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.says("t", json!({"request": "list"}));
    assert_eq!(bob.left(call), ["hangup"]);
    assert_eq!(bob.answered(None, vec![result("t", "listed")]), ["t: listed"]);
}
