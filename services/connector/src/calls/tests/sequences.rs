//! Everything a side is told has its place among all that it is told in this term.

use super::*;
use bus::message::Events;

/// What each side is told next, of its stamps.
fn stamps(acts: &[Action]) -> Vec<(u64, u64, u64)> {
    let told = |act: &Action| match act {
        Action::SendToEdge(_, events) => vec![of(events)],
        Action::EndCall(ended) => ended.notices.client_events.iter().map(|(_, events)| of(events)).collect(),
        _ => Vec::new(),
    };
    acts.iter().flat_map(told).collect()
}

fn of(events: &Events) -> (u64, u64, u64) {
    let stamp = events.sequence.expect("all that is said of a call has its place");
    (events.session.0, stamp.term, stamp.number)
}

#[test]
fn each_side_is_counted_on_its_own() {
    let (alice, bob) = (1, 2);
    let mut bench = up();
    bench.calls = Calls::new(config(), 7, bench.now);
    bench.calls.on_janus_up(1);
    bench.rings();
    let media =
        json!({"janus": "event", "sender": BOB, "plugindata": {"data": {"result": {"event": "set"}}}});
    let acts = bench.calls.on_janus(FromJanus::read(&media.to_string()), bench.now);
    assert_eq!(stamps(&acts), [(bob, 7, 2)]);
    let gone = Body::End(End { call: bench.call, cause: EndCause::gone(Side::Caller) });
    let acts = bench.calls.on_message(Message::new(gone), AckGuard::default(), bench.now);
    assert_eq!(stamps(&acts), [(bob, 7, 3), (alice, 7, 2)]);
}
