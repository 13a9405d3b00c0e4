//! What comes after its time, or a second time.

use super::*;
use crate::session::handle::REQUEST_TIMEOUT;

#[test]
fn a_call_that_begins_after_the_deadline_is_undone() {
    let mut alice = registered();
    alice.calls("c");
    let call = alice.last_call();
    alice.after(REQUEST_TIMEOUT);
    assert_eq!(alice.joined(call, Side::Caller), ["leg: hangup"]);
    assert_eq!(alice.left(call), [""; 0]);
    assert_eq!(alice.says("2", json!({"request": "set"})), ["ack 2", "2: set"]);
}

#[test]
fn an_answer_after_the_deadline_is_no_second_answer() {
    let mut alice = registered();
    alice.says("t", json!({"request": "list"}));
    let late = alice.last;
    alice.after(REQUEST_TIMEOUT);
    assert_eq!(alice.hears(events(None, late, None, vec![result("t", "listed")])), [""; 0]);
}

#[test]
fn in_a_call_a_late_answer_is_only_news() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.says("t", json!({"request": "set"}));
    let late = bob.last;
    bob.after(REQUEST_TIMEOUT);
    let heard = events(Some(call), late, None, vec![core("media"), result("t", "set")]);
    assert_eq!(bob.hears(heard), ["core media", "set"]);
    let heard = events(Some(call), late, None, vec![refusal("t", 465)]);
    assert_eq!(bob.hears(heard), [""; 0]);
    let hangup = vec![result("t", "hangup"), notice("hangup"), core("hangup")];
    let heard = events(Some(call), late, Some(Change::Left), hangup);
    assert_eq!(bob.hears(heard), ["hangup", "hangup", "core hangup"]);
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_request() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.offers("1", json!({"request": "set"}));
    bob.offers("2", json!({"request": "set"}));
    let late = bob.last;
    bob.after(REQUEST_TIMEOUT);
    assert_eq!(bob.hears(events(Some(call), late, None, vec![result("1", "set")])), ["set"]);
    assert_eq!(bob.answered_on_leg(call, None, result("2", "set")), ["ack 2", "2: set"]);
}

#[test]
fn a_late_name_is_the_handles_all_the_same() {
    let mut alice = fresh();
    alice.says("r", json!({"request": "register", "username": "alice"}));
    let late = alice.last;
    alice.after(REQUEST_TIMEOUT);
    let named = || Some(Change::Registered("alice".to_owned()));
    assert_eq!(alice.hears(events(None, late, named(), vec![result("r", "registered")])), ["registered"]);
    assert_eq!(alice.detaches(), ["success d", "release"]);
}

#[test]
fn a_name_that_is_given_twice_is_told_once() {
    let mut alice = fresh();
    alice.says("r", json!({"request": "register", "username": "alice"}));
    let request = alice.last;
    let again = || {
        let named = Some(Change::Registered("alice".to_owned()));
        events(None, request, named, vec![result("r", "registered")])
    };
    assert_eq!(alice.hears(again()), ["r: registered"]);
    assert_eq!(alice.hears(again()), [""; 0]);
}
