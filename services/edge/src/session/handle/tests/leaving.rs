//! A handle or its name goes: what it had is given back.

use super::*;
use crate::session::handle::undo;

fn displaced() -> Events {
    events(None, None, Some(Change::Displaced("alice".to_owned())), vec![notice("unregistered")])
}

#[test]
fn a_handle_that_routers_never_heard_of_just_goes() {
    let mut nobody = fresh();
    nobody.says("1", json!({"request": "list"}));
    assert_eq!(nobody.detaches(), ["success d", "core detached"]);
}

#[test]
fn a_handle_that_asked_for_a_name_is_released() {
    let mut alice = fresh();
    alice.says("r", json!({"request": "register", "username": "alice"}));
    assert_eq!(alice.detaches(), ["success d", "release"]);
    let (mut bob, _) = ringing(Side::Callee);
    assert_eq!(bob.detaches(), ["success d", "release"]);
}

#[test]
fn a_displaced_handle_stays_in_its_call_while_its_client_is_there() {
    let (mut alice, call) = ringing(Side::Caller);
    assert_eq!(alice.hears(displaced()), ["unregistered"]);
    assert_eq!(alice.left(call), ["hangup"]);
}

#[test]
fn a_displaced_handle_whose_client_is_away_hangs_up() {
    let (mut alice, _) = ringing(Side::Caller);
    alice.away = true;
    assert_eq!(alice.hears(displaced()), ["unregistered", "leg: hangup"]);
    let mut idle = registered();
    idle.away = true;
    assert_eq!(idle.hears(displaced()), ["unregistered"]);
}

#[test]
fn a_displaced_handle_whose_client_went_away_while_calling_hangs_up_as_soon_as_there_is_a_call() {
    let mut alice = registered();
    alice.calls("c");
    let call = alice.last_call();
    alice.away = true;
    assert_eq!(alice.hears(displaced()), ["unregistered"]);
    assert_eq!(alice.joined(call, Side::Caller), ["ack c", "c: calling", "leg: hangup"]);
}

#[test]
fn what_comes_about_for_a_handle_that_is_gone_is_undone() {
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
        let mut acts = Vec::new();
        undo(&events(call, None, change.clone(), vec![notice("news")]), &mut acts);
        assert_eq!(acts.iter().map(short::act).collect::<Vec<_>>(), expected, "{change:?}");
    }
}
