//! Replies to requests of a former edge, which this edge may not know.

use super::*;
use crate::session::handle::REQUEST_TIMEOUT;
use crate::session::handle::correlation::IssuedIds;

/// The id of a request that a former edge has sent.
fn former_request(harness: &Harness) -> Option<MessageId> {
    Some(MessageId::after(harness.handle.requests.issued.latest()))
}

#[test]
fn reply_to_a_request_of_a_former_edge_is_sent_once() {
    let mut alice = registered().restored();
    let request = former_request(&alice);
    let reply = || events(None, request, None, vec![result("t", "list")]);
    assert_eq!(alice.receives(reply()), ["t: list"]);
    assert_eq!(alice.receives(reply()), [""; 0]);
}

#[test]
fn reply_to_a_former_edge_is_sent_after_newer_requests() {
    let mut alice = registered().restored();
    let request = former_request(&alice);
    let earlier = Some(alice.last());
    alice.handle.requests.issued = IssuedIds::restored(request);
    alice.sends("2", json!({"request": "list"}));
    let second = alice.last();
    alice.handle.requests.issued = IssuedIds::restored(earlier);
    alice.handle.requests.issued.record(second);
    assert_eq!(alice.receives(events(None, request, None, vec![result("t", "list")])), ["t: list"]);
    assert_eq!(alice.gets_reply(None, vec![result("2", "list")]), ["2: list"]);
}

#[test]
fn reply_to_an_expired_request_is_dropped_after_a_restore() {
    let mut alice = registered();
    alice.sends("t", json!({"request": "list"}));
    let late = alice.last;
    alice.after(REQUEST_TIMEOUT);
    let mut alice = alice.restored();
    assert_eq!(alice.receives(events(None, late, None, vec![result("t", "list")])), [""; 0]);
}

#[test]
fn repeated_reply_during_another_request_is_dropped() {
    let mut alice = registered();
    alice.sends("1", json!({"request": "list"}));
    let first = alice.last;
    assert_eq!(alice.gets_reply(None, vec![result("1", "list")]), ["1: list"]);
    let mut alice = alice.restored();
    alice.sends("2", json!({"request": "list"}));
    assert_eq!(alice.receives(events(None, first, None, vec![result("1", "list")])), [""; 0]);
    assert_eq!(alice.gets_reply(None, vec![result("2", "list")]), ["2: list"]);
}

#[test]
fn call_requested_on_a_former_edge_begins() {
    let mut alice = registered().restored();
    let request = former_request(&alice);
    let joined =
        events(request.map(Into::into), request, Some(join(Side::Caller)), vec![result("c", "calling")]);
    assert_eq!(alice.receives(joined), ["ack c", "c: calling"]);
    assert_eq!(alice.sends_core_hangup(), ["success h", "leg: hangup"]);
}

#[test]
fn accept_of_a_former_edge_gets_an_ack_or_an_error() {
    let (bob, call) = ringing(Side::Callee);
    let mut bob = bob.restored();
    let refused = events(Some(call), former_request(&bob), None, vec![refusal("a", 465)]);
    assert_eq!(bob.receives(refused), ["refused a 465"]);
    let accepted =
        events(Some(call), former_request(&bob), Some(Change::Answered), vec![result("b", "accepted")]);
    assert_eq!(bob.receives(accepted), ["ack b", "b: accepted"]);
}

#[test]
fn call_requested_on_a_former_edge_is_refused() {
    let mut alice = registered().restored();
    let request = former_request(&alice);
    let refused = events(request.map(Into::into), request, Some(Change::Left), vec![refusal("c", 465)]);
    assert_eq!(alice.receives(refused), ["refused c 465"]);
}

#[test]
fn name_requested_on_a_former_edge_is_released_on_detach() {
    let mut alice = fresh().restored();
    let named = Some(Change::Registered("alice".to_owned()));
    assert_eq!(
        alice.receives(events(None, former_request(&alice), named, vec![result("r", "registered")])),
        ["r: registered"]
    );
    assert_eq!(alice.detaches(), ["success d", "release"]);
}

#[test]
fn queued_request_with_a_reply_is_not_sent_again() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends("1", json!({"request": "set"}));
    bob.sends_offer("2", json!({"request": "set"}));
    let second = Some(bob.handle.requests.queue[0].id);
    let mut bob = bob.restored();
    assert_eq!(bob.receives(events(Some(call), second, None, vec![result("2", "set")])), ["ack 2", "2: set"]);
    assert_eq!(bob.gets_leg_reply(call, None, result("1", "set")), ["1: set"]);
    assert_eq!(bob.after(REQUEST_TIMEOUT), [""; 0]);
}

#[test]
fn queued_request_keeps_its_id() {
    let mut alice = registered();
    alice.sends("1", json!({"request": "list"}));
    alice.sends("2", json!({"request": "list"}));
    let second = alice.handle.requests.queue[0].id;
    alice.gets_reply(None, vec![result("1", "list")]);
    assert_eq!(alice.last, Some(second));
}

#[test]
fn replies_to_requests_of_a_former_edge_keep_their_order() {
    let (alice, former) = ringing(Side::Callee);
    let mut alice = alice.restored();
    let call = former_request(&alice);
    let list = Some(MessageId::after(call));
    let joined = events(call.map(Into::into), call, Some(join(Side::Caller)), vec![result("c", "calling")]);
    assert_eq!(alice.receives(joined), [""; 0]);
    assert_eq!(alice.receives(events(None, list, None, vec![result("l", "list")])), [""; 0]);
    assert_eq!(alice.left(former), ["hangup", "ack c", "c: calling", "l: list"]);
}

#[test]
fn failed_call_of_a_former_edge_is_reported_as_in_call() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends("1", json!({"request": "set"}));
    bob.calls("2");
    let second = Some(bob.handle.requests.queue[0].id);
    let mut bob = bob.restored();
    assert_eq!(
        bob.receives(events(None, second, None, vec![result("2", "hangup")])),
        ["ack 2", "2: error 480"]
    );
    assert_eq!(bob.gets_leg_reply(call, None, result("1", "set")), ["1: set"]);
}

#[test]
fn refused_call_of_a_former_edge_does_not_end_the_current_one() {
    let (bob, _) = ringing(Side::Callee);
    let mut bob = bob.restored();
    let ended = events(
        Some(CallId::fresh()),
        former_request(&bob),
        Some(Change::Left),
        vec![result("h", "hangup"), notice("hangup")],
    );
    assert_eq!(bob.receives(ended), ["h: hangup"]);
}
