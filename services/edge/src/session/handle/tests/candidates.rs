//! Candidates are sent together, in order, and only on their leg.

use super::*;

/// The time between two candidates of a browser.
const CANDIDATE_INTERVAL: Duration = Duration::from_millis(3);

#[test]
fn candidates_from_before_the_call_are_sent_with_later_ones() {
    let mut alice = registered();
    alice.calls("c");
    assert_eq!(alice.trickles(&["1"]), ["ack k"]);
    assert_eq!(alice.trickles(&["2", "3"]), ["ack k"]);
    let call = alice.last_call();
    alice.joined(call, Side::Caller);
    assert_eq!(alice.due_in(), Some(200));
    alice.after(CANDIDATE_INTERVAL);
    alice.trickles(&["4"]);
    assert_eq!(alice.due_in(), Some(197));
    assert_eq!(alice.after(Duration::from_millis(197)), [r#"leg: trickle ["1","2","3","4"]"#]);
    assert_eq!(alice.due_in(), None);
}

#[test]
fn candidates_of_a_callee_are_batched_for_10_ms() {
    let (mut bob, _) = ringing(Side::Callee);
    assert_eq!(bob.due_in(), None);
    bob.trickles(&["1"]);
    assert_eq!(bob.due_in(), Some(10));
    assert_eq!(bob.after(Duration::from_millis(9)), [""; 0]);
    bob.trickles(&["2"]);
    assert_eq!(bob.after(Duration::from_millis(1)), [r#"leg: trickle ["1","2"]"#]);
    bob.trickles(&["3"]);
    assert_eq!(bob.after(Duration::from_millis(10)), [r#"leg: trickle ["3"]"#]);
}

#[test]
fn end_of_candidates_is_forwarded_unchanged() {
    let (mut bob, _) = ringing(Side::Callee);
    let end = raw(&json!({"completed": true}));
    bob.run(|handle, cx| handle.on_trickle("k", &Candidates::One(&end), cx));
    assert_eq!(bob.after(Duration::from_millis(10)), [r#"leg: trickle [{"completed":true}]"#]);
}

#[test]
fn window_of_a_caller_is_shortened_by_the_answer() {
    let (mut alice, call) = ringing(Side::Caller);
    alice.trickles(&["1"]);
    assert_eq!(alice.due_in(), Some(200));
    alice.receives(events(Some(call), None, Some(Change::Answered), vec![notice("accepted")]));
    assert_eq!(alice.due_in(), Some(10));
    assert_eq!(alice.after(Duration::from_millis(10)), [r#"leg: trickle ["1"]"#]);
    alice.trickles(&["2"]);
    assert_eq!(alice.due_in(), Some(10));
}

#[test]
fn shortening_never_extends_a_window() {
    let (mut alice, call) = ringing(Side::Caller);
    alice.trickles(&["1"]);
    alice.after(Duration::from_millis(195));
    alice.receives(events(Some(call), None, Some(Change::Answered), vec![]));
    assert_eq!(alice.due_in(), Some(5));
}

#[test]
fn candidates_overtake_requests() {
    let (mut bob, _) = ringing(Side::Callee);
    bob.sends_answer("a", json!({"request": "accept"}));
    bob.trickles(&["1"]);
    assert_eq!(bob.after(Duration::from_millis(10)), [r#"leg: trickle ["1"]"#]);
}

#[test]
fn candidates_of_an_ended_call_are_dropped() {
    let (mut alice, call) = ringing(Side::Caller);
    alice.trickles(&["1"]);
    alice.left(call);
    assert_eq!(alice.due_in(), None);
    assert_eq!(alice.joined(CallId::fresh(), Side::Callee), ["incomingcall"]);
    assert_eq!(alice.due_in(), None);
}

#[test]
fn candidates_of_a_refused_call_are_dropped() {
    let mut alice = registered();
    alice.calls("c");
    alice.trickles(&["1"]);
    let call = alice.last_call();
    alice.gets_leg_reply(call, Some(Change::Left), result("c", "error"));
    alice.joined(CallId::fresh(), Side::Callee);
    assert_eq!(alice.due_in(), None);
    let mut bob = registered();
    bob.calls("c");
    bob.trickles(&["1"]);
    bob.gets_reply(None, vec![result("c", "busy")]);
    bob.joined(CallId::fresh(), Side::Callee);
    assert_eq!(bob.due_in(), None);
}

#[test]
fn pending_candidates_survive_a_restore() {
    let (mut bob, _) = ringing(Side::Callee);
    bob.trickles(&["1", "2"]);
    assert_eq!(bob.restored().after(Duration::from_millis(10)), ["leg: trickle [\"1\",\"2\"]"]);
}
