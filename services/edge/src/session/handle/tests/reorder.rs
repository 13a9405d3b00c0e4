//! Events that come twice, early or late, by their sequence numbers.

use super::*;

const GAP_TIMEOUT: Duration = Duration::from_secs(3);

/// A callee whose call began with the first number of term 1.
fn sequenced() -> (Harness, CallId) {
    let mut bob = registered();
    let call = CallId::fresh();
    assert_eq!(bob.receives(begins(call, (1, 1))), ["incomingcall"]);
    (bob, call)
}

fn at_sequence((term, number): (u64, u64), events: Events) -> Events {
    Events { sequence: Some(Sequence { term, number }), ..events }
}

fn begins(call: CallId, at: (u64, u64)) -> Events {
    at_sequence(at, events(Some(call), None, Some(join(Side::Callee)), vec![notice("incomingcall")]))
}

fn update(call: CallId, at: (u64, u64)) -> Events {
    at_sequence(at, events(Some(call), None, None, vec![notice(&at.1.to_string())]))
}

fn ends(call: CallId, at: (u64, u64)) -> Events {
    at_sequence(at, events(Some(call), None, Some(Change::Left), vec![notice("hangup")]))
}

#[test]
fn duplicate_events_are_dropped() {
    let (mut bob, call) = sequenced();
    assert_eq!(bob.receives(update(call, (1, 2))), ["2"]);
    for number in [2, 1, 2] {
        assert_eq!(bob.receives(update(call, (1, number))), [""; 0]);
    }
    assert_eq!(bob.receives(update(call, (1, 3))), ["3"]);
}

#[test]
fn early_events_wait_for_missing_ones() {
    let (mut bob, call) = sequenced();
    for number in [5, 3, 4, 3] {
        assert_eq!(bob.receives(update(call, (1, number))), [""; 0]);
    }
    assert_eq!(bob.receives(update(call, (1, 2))), ["2", "3", "4", "5"]);
    assert_eq!(bob.due_in(), None);
}

#[test]
fn gap_is_skipped_after_its_timeout() {
    let (mut bob, call) = sequenced();
    bob.receives(update(call, (1, 6)));
    bob.after(GAP_TIMEOUT / 2);
    bob.receives(update(call, (1, 4)));
    assert_eq!(bob.due_in(), Some((GAP_TIMEOUT / 2).as_millis()));
    assert_eq!(bob.after(GAP_TIMEOUT / 2), ["4", "6"]);
    assert_eq!(bob.receives(update(call, (1, 5))), [""; 0], "it is too late");
    assert_eq!(bob.receives(update(call, (1, 7))), ["7"]);
}

#[test]
fn held_events_are_bounded() {
    let (mut bob, call) = sequenced();
    for number in 3..67 {
        assert_eq!(bob.receives(update(call, (1, number))), [""; 0]);
    }
    assert_eq!(bob.receives(update(call, (1, 67))).len(), 65);
}

#[test]
fn events_of_an_earlier_term_are_dropped_after_a_takeover() {
    let (mut bob, call) = sequenced();
    assert_eq!(bob.receives(update(call, (2, 2))), [""; 0], "the first of its term is missing");
    assert_eq!(bob.receives(update(call, (2, 1))), ["1", "2"]);
    assert_eq!(bob.receives(update(call, (1, 2))), [""; 0]);
    assert_eq!(bob.receives(ends(call, (1, 3))), [""; 0]);
    assert_eq!(bob.receives(ends(call, (2, 3))), ["hangup"]);
}

#[test]
fn events_without_output_count_in_the_sequence() {
    let (mut bob, call) = sequenced();
    assert_eq!(bob.receives(begins(call, (2, 1))), [""; 0], "it is the same call");
    assert_eq!(bob.receives(update(call, (2, 2))), ["2"]);
}

#[test]
fn events_without_a_sequence_are_applied_at_once() {
    let (mut bob, call) = sequenced();
    bob.receives(update(call, (1, 3)));
    assert_eq!(bob.receives(events(Some(call), None, None, vec![notice("news")])), ["news"]);
    assert_eq!(bob.left(call), ["hangup"]);
    assert_eq!(bob.after(GAP_TIMEOUT), [""; 0]);
}

#[test]
fn ended_call_does_not_begin_again() {
    let (mut bob, first) = sequenced();
    bob.receives(ends(first, (1, 2)));
    let second = CallId::fresh();
    assert_eq!(bob.receives(begins(second, (9, 1))), ["incomingcall"]);
    for again in [begins(first, (1, 1)), ends(first, (1, 2))] {
        assert!(!bob.receives(again).contains(&"incomingcall".to_owned()));
    }
    bob.receives(ends(second, (9, 2)));
    assert_eq!(bob.receives(begins(first, (1, 1))), ["leg: hangup"]);
}

#[test]
fn call_whose_start_comes_too_late_is_hung_up() {
    let mut bob = registered();
    let call = CallId::fresh();
    assert_eq!(bob.receives(update(call, (1, 2))), [""; 0]);
    assert_eq!(bob.after(GAP_TIMEOUT), [""; 0]);
    assert_eq!(bob.receives(begins(call, (1, 1))), ["leg: hangup"]);
}

#[test]
fn next_call_waits_for_missing_events_of_the_previous_one() {
    let (mut bob, former) = sequenced();
    let next = CallId::fresh();
    assert_eq!(bob.receives(update(next, (7, 2))), [""; 0]);
    assert_eq!(bob.receives(begins(next, (7, 1))), [""; 0]);
    assert_eq!(bob.receives(ends(former, (1, 3))), [""; 0]);
    assert_eq!(bob.receives(update(former, (1, 2))), ["2", "hangup", "incomingcall", "2"]);
}

#[test]
fn previous_call_with_a_gap_before_its_end_ends_once() {
    let (mut bob, former) = sequenced();
    let next = CallId::fresh();
    bob.receives(ends(former, (1, 3)));
    bob.receives(begins(next, (7, 1)));
    assert_eq!(bob.after(GAP_TIMEOUT), ["hangup", "incomingcall"]);
}

#[test]
fn current_call_stays_tracked_among_many_others() {
    let (mut bob, call) = sequenced();
    for _ in 0..20 {
        bob.receives(ends(CallId::fresh(), (1, 1)));
    }
    assert_eq!(bob.receives(update(call, (1, 1))), [""; 0]);
    assert_eq!(bob.receives(update(call, (1, 2))), ["2"]);
}

#[test]
fn call_that_was_given_up_does_not_begin_again() {
    let (mut bob, former) = sequenced();
    bob.receives(begins(CallId::fresh(), (7, 1)));
    assert_eq!(bob.after(GAP_TIMEOUT), ["hangup", "core hangup", "incomingcall"]);
    assert_eq!(bob.receives(begins(former, (2, 1))), ["leg: hangup"]);
}

#[test]
fn held_events_survive_a_restore_with_a_new_deadline() {
    let (mut bob, call) = sequenced();
    bob.receives(update(call, (1, 3)));
    bob.now += GAP_TIMEOUT;
    let mut bob = bob.restored();
    assert_eq!(bob.receives(update(call, (1, 2))), ["2", "3"]);
    bob.receives(update(call, (1, 5)));
    let mut bob = bob.restored();
    assert_eq!(bob.due_in(), Some(GAP_TIMEOUT.as_millis()));
    assert_eq!(bob.after(GAP_TIMEOUT), ["5"]);
}

#[test]
fn effect_repeated_by_another_connector_is_sent_once() {
    let (mut bob, call) = sequenced();
    let (first, second) = (MessageId::fresh(), MessageId::fresh());
    let caused = |request, at| Events { caused_by: Some(request), ..update(call, at) };
    assert_eq!(bob.receives(caused(first, (1, 2))), ["2"]);
    assert_eq!(bob.receives(caused(second, (1, 3))), ["3"]);
    let mut bob = bob.restored();
    assert_eq!(bob.receives(caused(first, (2, 1))), [""; 0]);
    let late = Events { events: vec![notice("candidate"), notice("again")], ..caused(second, (2, 2)) };
    assert_eq!(bob.receives(late), ["candidate"], "the event with it is new");
    assert_eq!(bob.receives(caused(MessageId::fresh(), (2, 3))), ["3"]);
}
