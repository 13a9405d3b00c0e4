//! Answers to what this handle asked before it came here, and that it does not know of.

use super::*;
use crate::session::handle::REQUEST_TIMEOUT;
use crate::session::handle::correlation::IssuedIds;

/// A request that was asked elsewhere.
fn before(bench: &Bench) -> Option<MessageId> {
    Some(MessageId::after(bench.handle.issued.latest()))
}

#[test]
fn the_answer_to_what_was_asked_elsewhere_is_told_once() {
    let mut alice = registered().restored();
    let request = before(&alice);
    let answer = || events(None, request, None, vec![result("t", "list")]);
    assert_eq!(alice.hears(answer()), ["t: list"]);
    assert_eq!(alice.hears(answer()), [""; 0]);
}

#[test]
fn the_answer_to_what_was_asked_elsewhere_is_told_also_when_something_was_asked_here_since() {
    let mut alice = registered().restored();
    let request = before(&alice);
    let earlier = Some(alice.last());
    alice.handle.issued = IssuedIds::restored(request);
    alice.says("2", json!({"request": "list"}));
    let second = alice.last();
    alice.handle.issued = IssuedIds::restored(earlier);
    alice.handle.issued.record(second);
    assert_eq!(alice.hears(events(None, request, None, vec![result("t", "list")])), ["t: list"]);
    assert_eq!(alice.answered(None, vec![result("2", "list")]), ["2: list"]);
}

#[test]
fn what_was_given_up_before_is_not_answered_again() {
    let mut alice = registered();
    alice.says("t", json!({"request": "list"}));
    let late = alice.last;
    alice.after(REQUEST_TIMEOUT);
    let mut alice = alice.restored();
    assert_eq!(alice.hears(events(None, late, None, vec![result("t", "list")])), [""; 0]);
}

#[test]
fn what_was_answered_before_is_not_told_again_in_the_midst_of_another_request() {
    let mut alice = registered();
    alice.says("1", json!({"request": "list"}));
    let first = alice.last;
    assert_eq!(alice.answered(None, vec![result("1", "list")]), ["1: list"]);
    let mut alice = alice.restored();
    alice.says("2", json!({"request": "list"}));
    assert_eq!(alice.hears(events(None, first, None, vec![result("1", "list")])), [""; 0]);
    assert_eq!(alice.answered(None, vec![result("2", "list")]), ["2: list"]);
}

#[test]
fn a_call_that_was_asked_for_elsewhere_begins() {
    let mut alice = registered().restored();
    let request = before(&alice);
    let joined =
        events(request.map(Into::into), request, Some(join(Side::Caller)), vec![result("c", "calling")]);
    assert_eq!(alice.hears(joined), ["ack c", "c: calling"]);
    assert_eq!(alice.hangs_up_core(), ["success h", "leg: hangup"]);
}

#[test]
fn what_was_accepted_elsewhere_is_acknowledged_and_an_error_comes_instead_of_that() {
    let (bob, call) = ringing(Side::Callee);
    let mut bob = bob.restored();
    let refused = events(Some(call), before(&bob), None, vec![refusal("a", 465)]);
    assert_eq!(bob.hears(refused), ["refused a 465"]);
    let accepted = events(Some(call), before(&bob), Some(Change::Answered), vec![result("b", "accepted")]);
    assert_eq!(bob.hears(accepted), ["ack b", "b: accepted"]);
}

#[test]
fn a_call_that_was_refused_elsewhere_is_refused() {
    let mut alice = registered().restored();
    let request = before(&alice);
    let refused = events(request.map(Into::into), request, Some(Change::Left), vec![refusal("c", 465)]);
    assert_eq!(alice.hears(refused), ["refused c 465"]);
}

#[test]
fn a_name_that_was_asked_for_elsewhere_is_given_back_with_the_handle() {
    let mut alice = fresh().restored();
    let named = Some(Change::Registered("alice".to_owned()));
    assert_eq!(
        alice.hears(events(None, before(&alice), named, vec![result("r", "registered")])),
        ["r: registered"]
    );
    assert_eq!(alice.detaches(), ["success d", "release"]);
}

#[test]
fn what_waits_and_was_answered_elsewhere_is_not_asked_again() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.says("1", json!({"request": "set"}));
    bob.offers("2", json!({"request": "set"}));
    let second = Some(bob.handle.queue[0].id);
    let mut bob = bob.restored();
    assert_eq!(bob.hears(events(Some(call), second, None, vec![result("2", "set")])), ["ack 2", "2: set"]);
    assert_eq!(bob.answered_on_leg(call, None, result("1", "set")), ["1: set"]);
    assert_eq!(bob.after(REQUEST_TIMEOUT), [""; 0]);
}

#[test]
fn what_waits_is_asked_under_the_id_it_came_with() {
    let mut alice = registered();
    alice.says("1", json!({"request": "list"}));
    alice.says("2", json!({"request": "list"}));
    let second = alice.handle.queue[0].id;
    alice.answered(None, vec![result("1", "list")]);
    assert_eq!(alice.last, Some(second));
}

#[test]
fn answers_to_what_was_asked_elsewhere_keep_their_order() {
    let (alice, former) = ringing(Side::Callee);
    let mut alice = alice.restored();
    let call = before(&alice);
    let list = Some(MessageId::after(call));
    let joined = events(call.map(Into::into), call, Some(join(Side::Caller)), vec![result("c", "calling")]);
    assert_eq!(alice.hears(joined), [""; 0]);
    assert_eq!(alice.hears(events(None, list, None, vec![result("l", "list")])), [""; 0]);
    assert_eq!(alice.left(former), ["hangup", "ack c", "c: calling", "l: list"]);
}

#[test]
fn who_is_in_a_call_hears_of_its_own_call_only_that_it_is() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.says("1", json!({"request": "set"}));
    bob.calls("2");
    let second = Some(bob.handle.queue[0].id);
    let mut bob = bob.restored();
    assert_eq!(bob.hears(events(None, second, None, vec![result("2", "hangup")])), ["ack 2", "2: error 480"]);
    assert_eq!(bob.answered_on_leg(call, None, result("1", "set")), ["1: set"]);
}

#[test]
fn of_a_call_that_ends_elsewhere_only_the_answer_concerns_who_is_in_another() {
    let (bob, _) = ringing(Side::Callee);
    let mut bob = bob.restored();
    let ended = events(
        Some(CallId::fresh()),
        before(&bob),
        Some(Change::Left),
        vec![result("h", "hangup"), notice("hangup")],
    );
    assert_eq!(bob.hears(ended), ["h: hangup"]);
}
