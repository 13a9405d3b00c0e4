//! A handle is detached or loses its name: what it had is released.

use super::*;

fn displaced() -> Events {
    events(None, None, Some(Change::Displaced("alice".to_owned())), vec![notice("unregistered")])
}

#[test]
fn detach_of_an_unregistered_handle_is_immediate() {
    let mut unknown = fresh();
    unknown.sends("1", json!({"request": "list"}));
    assert_eq!(unknown.detaches(), ["success d", "core detached"]);
}

#[test]
fn detach_releases_a_handle_that_has_registered() {
    let mut alice = fresh();
    alice.sends("r", json!({"request": "register", "username": "alice"}));
    assert_eq!(alice.detaches(), ["success d", "release"]);
    let (mut bob, _) = ringing(Side::Callee);
    assert_eq!(bob.detaches(), ["success d", "release"]);
}

#[test]
fn displaced_handle_of_a_connected_client_stays_in_its_call() {
    let (mut alice, call) = ringing(Side::Caller);
    assert_eq!(alice.receives(displaced()), ["unregistered"]);
    assert_eq!(alice.left(call), ["hangup"]);
}

#[test]
fn displaced_handle_of_a_disconnected_client_hangs_up() {
    let (mut alice, _) = ringing(Side::Caller);
    alice.disconnected = true;
    assert_eq!(alice.receives(displaced()), ["unregistered", "leg: hangup"]);
    let mut idle = registered();
    idle.disconnected = true;
    assert_eq!(idle.receives(displaced()), ["unregistered"]);
}

#[test]
fn displaced_handle_hangs_up_a_call_that_begins_later() {
    let mut alice = registered();
    alice.calls("c");
    let call = alice.last_call();
    alice.disconnected = true;
    assert_eq!(alice.receives(displaced()), ["unregistered"]);
    assert_eq!(alice.joined(call, Side::Caller), ["ack c", "c: calling", "leg: hangup"]);
}

#[test]
fn events_for_a_missing_handle_are_undone() {
    let call = Some(CallId::fresh());
    for (change, expected) in [
        (Some(join(Side::Callee)), vec!["leg: hangup"]),
        (Some(join(Side::Caller)), vec!["leg: hangup"]),
        (Some(Change::Registered("alice".to_owned())), vec!["release"]),
        (Some(Change::Displaced("alice".to_owned())), vec!["release"]),
        (Some(Change::Answered), vec![]),
        (Some(Change::Left), vec![]),
        (None, vec![]),
    ] {
        let mut cx = Cx::new(Instant::now());
        cx.undo(&events(call, None, change.clone(), vec![notice("news")]));
        assert_eq!(cx.into_actions().iter().map(format::action).collect::<Vec<_>>(), expected, "{change:?}");
    }
}
