//! All events for a side are numbered within the term.

use super::*;
use bus::message::Events;

/// The session, term and number of all events.
fn sequences(actions: &[Action]) -> Vec<(u64, u64, u64)> {
    let of_action = |action: &Action| match action {
        Action::SendToEdge(_, events) => vec![of(events)],
        Action::EndCall(ended) => ended.notices.client_events.iter().map(|(_, events)| of(events)).collect(),
        _ => Vec::new(),
    };
    actions.iter().flat_map(of_action).collect()
}

fn of(events: &Events) -> (u64, u64, u64) {
    let sequence = events.sequence.expect("events of a call have a sequence");
    (events.session.0, sequence.term, sequence.number)
}

#[test]
fn each_side_has_its_own_sequence() {
    let (alice, bob) = (1, 2);
    let mut harness = connected();
    harness.calls = Calls::new(config(), 7, harness.now);
    harness.calls.on_janus_up(1);
    harness.ring();
    let set = json!({"janus": "event", "sender": BOB, "plugindata": {"data": {"result": {"event": "set"}}}});
    let actions = harness.calls.on_janus(FromJanus::read(&set.to_string()), harness.now);
    assert_eq!(sequences(&actions), [(bob, 7, 2)]);
    let gone = Body::End(End { call: harness.call, cause: EndCause::gone(Side::Caller) });
    let ended = harness.calls.on_message(Message::new(gone), AckGuard::default(), harness.now);
    assert_eq!(sequences(&ended), [(bob, 7, 3), (alice, 7, 2)]);
}
