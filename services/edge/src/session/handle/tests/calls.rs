//! How a handle gets into a call, and out of it.

use super::*;
use crate::session::handle::REQUEST_TIMEOUT;

#[test]
fn a_caller_is_in_the_call_from_calling_on() {
    let mut alice = registered();
    alice.calls("c");
    let call = alice.last_call();
    assert_eq!(alice.joined(call, Side::Caller), ["ack c", "c: calling"]);
    assert_eq!(alice.says("2", json!({"request": "hangup"})), ["ack 2", "leg: hangup"]);
    let heard = events(
        Some(call),
        alice.last,
        Some(Change::Left),
        vec![result("2", "hangup"), notice("hangup"), core("hangup")],
    );
    assert_eq!(alice.hears(heard), ["2: hangup", "hangup", "core hangup"]);
    assert_eq!(alice.says("3", json!({"request": "accept"})), ["ack 3", "3: error 481"]);
}

#[test]
fn nothing_of_another_call_reaches_a_handle() {
    let (mut bob, call) = ringing(Side::Callee);
    let other = Some(CallId::fresh());
    assert_eq!(bob.hears(events(other, None, None, vec![notice("update")])), [""; 0]);
    assert_eq!(bob.hears(events(other, None, Some(Change::Left), vec![notice("hangup")])), [""; 0]);
    assert_eq!(bob.hears(events(other, None, Some(Change::Answered), vec![notice("accepted")])), [""; 0]);
    assert_eq!(bob.hears(events(Some(call), None, None, vec![notice("update")])), ["update"]);
    bob.left(call);
    assert_eq!(bob.hears(events(Some(call), None, None, vec![notice("update")])), [""; 0]);
    assert_eq!(bob.left(call), [""; 0]);
}

#[test]
fn a_call_that_overtakes_the_end_of_the_one_before_comes_after_it() {
    let (mut bob, call) = ringing(Side::Callee);
    let next = CallId::fresh();
    assert_eq!(bob.joined(next, Side::Callee), [""; 0]);
    assert_eq!(bob.hears(events(Some(next), None, None, vec![notice("update")])), [""; 0]);
    assert_eq!(bob.hears(events(Some(call), None, None, vec![notice("simulcast")])), ["simulcast"]);
    assert_eq!(bob.left(call), ["hangup", "incomingcall", "update"]);
    assert_eq!(bob.left(next), ["hangup"]);
}

#[test]
fn a_call_that_never_ends_does_not_hold_up_the_next_for_ever() {
    let (mut bob, call) = ringing(Side::Callee);
    let next = CallId::fresh();
    bob.joined(next, Side::Callee);
    assert_eq!(bob.after(Duration::from_secs(3)), ["hangup", "core hangup", "incomingcall"]);
    assert_eq!(bob.left(call), [""; 0]);
    assert_eq!(bob.left(next), ["hangup"]);
}

#[test]
fn what_was_asked_on_a_call_that_never_ends_is_not_asked_on_the_next() {
    let (mut bob, _) = ringing(Side::Callee);
    bob.replies("a", json!({"request": "accept"}));
    bob.joined(CallId::fresh(), Side::Callee);
    let acts = bob.after(Duration::from_secs(3));
    assert_eq!(acts, ["hangup", "core hangup", "refused a 469", "incomingcall"]);
}

#[test]
fn a_call_that_is_not_waited_for_any_more_does_not_end_the_one_before() {
    let (mut alice, call) = ringing(Side::Callee);
    alice.calls("c");
    alice.after(REQUEST_TIMEOUT - Duration::from_secs(1));
    assert_eq!(alice.joined(alice.last_call(), Side::Caller), [""; 0]);
    let acts = alice.after(Duration::from_secs(1));
    assert_eq!(acts, ["ack c", "c: error 499", "abandon", "leg: hangup"]);
    assert_eq!(alice.after(Duration::from_secs(3)), [""; 0]);
    assert_eq!(alice.left(call), ["hangup"]);
}

#[test]
fn a_call_that_begins_twice_begins_once() {
    for side in [Side::Caller, Side::Callee] {
        let (mut bob, call) = ringing(side);
        assert_eq!(bob.joined(call, side), [""; 0]);
        assert_eq!(bob.left(call), ["hangup"]);
    }
}

#[test]
fn an_incoming_call_reaches_a_handle_that_asks_something_else() {
    let mut bob = registered();
    bob.says("t", json!({"request": "list"}));
    let call = CallId::fresh();
    assert_eq!(bob.joined(call, Side::Callee), ["incomingcall"]);
    assert_eq!(bob.answered(None, vec![result("t", "listed")]), ["t: listed"]);
    assert_eq!(bob.left(call), ["hangup"]);
}

#[test]
fn who_calls_and_is_called_meanwhile_hears_that_it_is_in_a_call() {
    let mut alice = registered();
    alice.calls("c");
    let call = CallId::fresh();
    assert_eq!(alice.joined(call, Side::Callee), ["incomingcall"]);
    let busy = vec![result("c", "hangup"), core("hangup")];
    assert_eq!(alice.answered(None, busy), ["ack c", "c: error 480"]);
    assert_eq!(alice.replies("a", json!({"request": "accept"})), ["leg: accept"]);
}

#[test]
fn a_call_that_is_refused_by_its_connector_does_not_end_another() {
    let mut alice = registered();
    alice.calls("c");
    let (refused, call) = (alice.last_call(), CallId::fresh());
    alice.joined(call, Side::Callee);
    let heard = events(Some(refused), alice.last, Some(Change::Left), vec![result("c", "hangup")]);
    assert_eq!(alice.hears(heard), ["ack c", "c: error 480"]);
    assert_eq!(alice.left(call), ["hangup"]);
}

#[test]
fn a_core_hangup_ends_the_call_and_is_a_success_without_one() {
    let (mut bob, _) = ringing(Side::Callee);
    assert_eq!(bob.hangs_up_core(), ["success h", "leg: hangup"]);
    assert_eq!(registered().hangs_up_core(), ["success h"]);
}

#[test]
fn a_core_hangup_while_calling_ends_the_call_as_soon_as_there_is_one() {
    let mut alice = registered();
    alice.calls("c");
    assert_eq!(alice.hangs_up_core(), ["success h"]);
    let call = alice.last_call();
    assert_eq!(alice.joined(call, Side::Caller), ["ack c", "c: calling", "leg: hangup"]);
}

#[test]
fn a_core_hangup_while_calling_is_forgotten_when_the_call_is_refused() {
    let mut alice = registered();
    alice.calls("1");
    alice.hangs_up_core();
    alice.answered(None, vec![result("1", "hangup")]);
    alice.calls("2");
    let call = alice.last_call();
    assert_eq!(alice.joined(call, Side::Caller), ["ack 2", "c: calling"]);
}

#[test]
fn a_core_hangup_while_listing_does_not_touch_a_later_call() {
    let mut alice = registered();
    alice.says("1", json!({"request": "list"}));
    alice.hangs_up_core();
    alice.answered(None, vec![result("1", "listed")]);
    assert_eq!(alice.joined(CallId::fresh(), Side::Callee), ["incomingcall"]);
}
