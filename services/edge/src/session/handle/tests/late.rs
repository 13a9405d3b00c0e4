//! Replies that come late or twice.

use super::*;
use crate::session::handle::REQUEST_TIMEOUT;

#[test]
fn call_that_begins_after_the_deadline_is_undone() {
    let mut alice = registered();
    alice.calls("c");
    let call = alice.last_call();
    alice.after(REQUEST_TIMEOUT);
    assert_eq!(alice.joined(call, Side::Caller), ["leg: hangup"]);
    assert_eq!(alice.left(call), [""; 0]);
    assert_eq!(alice.sends("2", json!({"request": "set"})), ["ack 2", "2: set"]);
}

#[test]
fn late_reply_is_dropped() {
    let mut alice = registered();
    alice.sends("t", json!({"request": "list"}));
    let late = alice.last;
    alice.after(REQUEST_TIMEOUT);
    assert_eq!(alice.receives(events(None, late, None, vec![result("t", "listed")])), [""; 0]);
}

#[test]
fn late_reply_in_a_call_loses_its_transaction() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends("t", json!({"request": "set"}));
    let late = bob.last;
    bob.after(REQUEST_TIMEOUT);
    let reply = events(Some(call), late, None, vec![core("media"), result("t", "set")]);
    assert_eq!(bob.receives(reply), ["core media", "set"]);
    let error = events(Some(call), late, None, vec![refusal("t", 465)]);
    assert_eq!(bob.receives(error), [""; 0]);
    let hangup = vec![result("t", "hangup"), notice("hangup"), core("hangup")];
    let end = events(Some(call), late, Some(Change::Left), hangup);
    assert_eq!(bob.receives(end), ["hangup", "hangup", "core hangup"]);
}

#[test]
fn late_reply_is_not_matched_to_the_next_request() {
    let (mut bob, call) = ringing(Side::Callee);
    bob.sends_offer("1", json!({"request": "set"}));
    bob.sends_offer("2", json!({"request": "set"}));
    let late = bob.last;
    bob.after(REQUEST_TIMEOUT);
    assert_eq!(bob.receives(events(Some(call), late, None, vec![result("1", "set")])), ["set"]);
    assert_eq!(bob.gets_leg_reply(call, None, result("2", "set")), ["ack 2", "2: set"]);
}

#[test]
fn name_granted_late_belongs_to_the_handle() {
    let mut alice = fresh();
    alice.sends("r", json!({"request": "register", "username": "alice"}));
    let late = alice.last;
    alice.after(REQUEST_TIMEOUT);
    let named = || Some(Change::Registered("alice".to_owned()));
    assert_eq!(alice.receives(events(None, late, named(), vec![result("r", "registered")])), ["registered"]);
    assert_eq!(alice.detaches(), ["success d", "release"]);
}

#[test]
fn name_granted_twice_is_reported_once() {
    let mut alice = fresh();
    alice.sends("r", json!({"request": "register", "username": "alice"}));
    let request = alice.last;
    let granted = || {
        let named = Some(Change::Registered("alice".to_owned()));
        events(None, request, named, vec![result("r", "registered")])
    };
    assert_eq!(alice.receives(granted()), ["r: registered"]);
    assert_eq!(alice.receives(granted()), [""; 0]);
}
