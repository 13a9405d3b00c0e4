//! What comes twice, too early or too late, by its stamps.

use super::*;

const PATIENCE: Duration = Duration::from_secs(3);

/// A callee whose call began with the first stamp of term 1.
fn stamped() -> (Bench, CallId) {
    let mut bob = registered();
    let call = CallId::fresh();
    assert_eq!(bob.hears(begins(call, (1, 1))), ["incomingcall"]);
    (bob, call)
}

fn stamp((term, number): (u64, u64), events: Events) -> Events {
    Events { sequence: Some(Sequence { term, number }), ..events }
}

fn begins(call: CallId, at: (u64, u64)) -> Events {
    stamp(at, events(Some(call), None, Some(join(Side::Callee)), vec![notice("incomingcall")]))
}

fn news(call: CallId, at: (u64, u64)) -> Events {
    stamp(at, events(Some(call), None, None, vec![notice(&at.1.to_string())]))
}

fn ends(call: CallId, at: (u64, u64)) -> Events {
    stamp(at, events(Some(call), None, Some(Change::Left), vec![notice("hangup")]))
}

#[test]
fn what_comes_twice_is_heard_once() {
    let (mut bob, call) = stamped();
    assert_eq!(bob.hears(news(call, (1, 2))), ["2"]);
    for number in [2, 1, 2] {
        assert_eq!(bob.hears(news(call, (1, number))), [""; 0]);
    }
    assert_eq!(bob.hears(news(call, (1, 3))), ["3"]);
}

#[test]
fn what_comes_too_early_waits_for_what_is_missing() {
    let (mut bob, call) = stamped();
    for number in [5, 3, 4, 3] {
        assert_eq!(bob.hears(news(call, (1, number))), [""; 0]);
    }
    assert_eq!(bob.hears(news(call, (1, 2))), ["2", "3", "4", "5"]);
    assert_eq!(bob.due_in(), None);
}

#[test]
fn what_is_missing_is_not_waited_for_for_ever() {
    let (mut bob, call) = stamped();
    bob.hears(news(call, (1, 6)));
    bob.after(PATIENCE / 2);
    bob.hears(news(call, (1, 4)));
    assert_eq!(bob.due_in(), Some((PATIENCE / 2).as_millis()));
    assert_eq!(bob.after(PATIENCE / 2), ["4", "6"]);
    assert_eq!(bob.hears(news(call, (1, 5))), [""; 0], "it is too late");
    assert_eq!(bob.hears(news(call, (1, 7))), ["7"]);
}

#[test]
fn no_more_than_sixty_four_wait() {
    let (mut bob, call) = stamped();
    for number in 3..67 {
        assert_eq!(bob.hears(news(call, (1, number))), [""; 0]);
    }
    assert_eq!(bob.hears(news(call, (1, 67))).len(), 65);
}

#[test]
fn a_connector_that_takes_over_begins_anew_and_the_one_before_is_not_heard_any_more() {
    let (mut bob, call) = stamped();
    assert_eq!(bob.hears(news(call, (2, 2))), [""; 0], "its first is missing");
    assert_eq!(bob.hears(news(call, (2, 1))), ["1", "2"]);
    assert_eq!(bob.hears(news(call, (1, 2))), [""; 0]);
    assert_eq!(bob.hears(ends(call, (1, 3))), [""; 0]);
    assert_eq!(bob.hears(ends(call, (2, 3))), ["hangup"]);
}

#[test]
fn a_place_in_the_order_counts_even_where_there_is_nothing_to_hear() {
    let (mut bob, call) = stamped();
    assert_eq!(bob.hears(begins(call, (2, 1))), [""; 0], "set up again, it is the same call");
    assert_eq!(bob.hears(news(call, (2, 2))), ["2"]);
}

#[test]
fn what_has_no_stamp_is_heard_as_it_comes() {
    let (mut bob, call) = stamped();
    bob.hears(news(call, (1, 3)));
    assert_eq!(bob.hears(events(Some(call), None, None, vec![notice("news")])), ["news"]);
    assert_eq!(bob.left(call), ["hangup"]);
    assert_eq!(bob.after(PATIENCE), [""; 0]);
}

#[test]
fn a_call_that_is_over_does_not_begin_again() {
    let (mut bob, first) = stamped();
    bob.hears(ends(first, (1, 2)));
    let second = CallId::fresh();
    assert_eq!(bob.hears(begins(second, (9, 1))), ["incomingcall"]);
    for again in [begins(first, (1, 1)), ends(first, (1, 2))] {
        assert!(!bob.hears(again).contains(&"incomingcall".to_owned()));
    }
    bob.hears(ends(second, (9, 2)));
    assert_eq!(bob.hears(begins(first, (1, 1))), ["leg: hangup"]);
}

#[test]
fn a_call_whose_beginning_comes_too_late_is_ended() {
    let mut bob = registered();
    let call = CallId::fresh();
    assert_eq!(bob.hears(news(call, (1, 2))), [""; 0]);
    assert_eq!(bob.after(PATIENCE), [""; 0]);
    assert_eq!(bob.hears(begins(call, (1, 1))), ["leg: hangup"]);
}

#[test]
fn the_next_call_waits_for_the_end_of_the_former_and_for_what_is_missing_of_it() {
    let (mut bob, former) = stamped();
    let next = CallId::fresh();
    assert_eq!(bob.hears(news(next, (7, 2))), [""; 0]);
    assert_eq!(bob.hears(begins(next, (7, 1))), [""; 0]);
    assert_eq!(bob.hears(ends(former, (1, 3))), [""; 0]);
    assert_eq!(bob.hears(news(former, (1, 2))), ["2", "hangup", "incomingcall", "2"]);
}

#[test]
fn a_former_call_whose_end_is_cut_off_by_a_gap_ends_once() {
    let (mut bob, former) = stamped();
    let next = CallId::fresh();
    bob.hears(ends(former, (1, 3)));
    bob.hears(begins(next, (7, 1)));
    assert_eq!(bob.after(PATIENCE), ["hangup", "incomingcall"]);
}

#[test]
fn what_is_said_of_many_other_calls_does_not_make_it_forget_its_own() {
    let (mut bob, call) = stamped();
    for _ in 0..20 {
        bob.hears(ends(CallId::fresh(), (1, 1)));
    }
    assert_eq!(bob.hears(news(call, (1, 1))), [""; 0]);
    assert_eq!(bob.hears(news(call, (1, 2))), ["2"]);
}

#[test]
fn a_call_that_was_given_up_is_not_set_up_again() {
    let (mut bob, former) = stamped();
    bob.hears(begins(CallId::fresh(), (7, 1)));
    assert_eq!(bob.after(PATIENCE), ["hangup", "core hangup", "incomingcall"]);
    assert_eq!(bob.hears(begins(former, (2, 1))), ["leg: hangup"]);
}

#[test]
fn what_is_held_goes_along_to_another_edge_and_what_is_missing_is_waited_for_anew() {
    let (mut bob, call) = stamped();
    bob.hears(news(call, (1, 3)));
    bob.now += PATIENCE;
    let mut bob = bob.restored();
    assert_eq!(bob.hears(news(call, (1, 2))), ["2", "3"]);
    bob.hears(news(call, (1, 5)));
    let mut bob = bob.restored();
    assert_eq!(bob.due_in(), Some(PATIENCE.as_millis()));
    assert_eq!(bob.after(PATIENCE), ["5"]);
}

#[test]
fn what_the_other_side_did_is_told_once_though_two_connectors_did_it() {
    let (mut bob, call) = stamped();
    let (first, second) = (MessageId::fresh(), MessageId::fresh());
    let update = |request, at| Events { caused_by: Some(request), ..news(call, at) };
    assert_eq!(bob.hears(update(first, (1, 2))), ["2"]);
    assert_eq!(bob.hears(update(second, (1, 3))), ["3"]);
    let mut bob = bob.restored();
    assert_eq!(bob.hears(update(first, (2, 1))), [""; 0]);
    let late = Events { events: vec![notice("candidate"), notice("again")], ..update(second, (2, 2)) };
    assert_eq!(bob.hears(late), ["candidate"], "what came with it is new");
    assert_eq!(bob.hears(update(MessageId::fresh(), (2, 3))), ["3"]);
}
