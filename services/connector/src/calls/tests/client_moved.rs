//! A client moves to another edge; the directory loses its data.

use super::*;
use bus::message::{ClientMoved, Events};
use std::collections::BTreeMap;

impl Harness {
    fn moved_message(&self, side: Side) -> Message {
        let (session, handle) = (SessionId(1), HandleId(1));
        let address = Address { edge: ServiceId::from("edge-9"), session, handle };
        Message::new(Body::ClientMoved(ClientMoved { leg: self.leg(side), address }))
    }

    fn client_events(&mut self, message: Message) -> Vec<(ServiceId, Events)> {
        let actions = self.calls.on_message(message, AckGuard::default(), self.now);
        let notified = actions.into_iter().flat_map(|action| match action {
            Action::SendToEdge(edge, events) => vec![(edge, events)],
            Action::EndCall(ended) => ended.notices.client_events,
            _ => Vec::new(),
        });
        notified.collect()
    }
}

#[test]
fn moved_client_gets_its_events_at_the_new_edge() {
    let mut harness = talking();
    assert!(harness.client_events(harness.moved_message(Side::Caller)).is_empty());
    let hangup = Message::new(Body::Hangup(harness.leg(Side::Callee)));
    let edges: Vec<_> = harness.client_events(hangup).into_iter().map(|(edge, _)| edge).collect();
    assert_eq!(edges, [ServiceId::from("edge-9"), ServiceId::from("edge-2")]);
    assert!(harness.saved.last().is_none_or(|state| state.contains("edge-1")));
}

#[test]
fn new_edge_of_a_client_is_saved() {
    let mut harness = talking();
    let moved = harness.moved_message(Side::Caller);
    harness.receive(moved);
    assert!(harness.saved.last().unwrap().contains("edge-9"));
}

#[test]
fn moved_client_of_an_ended_call_is_notified() {
    let mut harness = connected();
    let moved = harness.moved_message(Side::Callee);
    let notified = harness.client_events(moved.clone());
    let [(edge, events)] = &notified[..] else { panic!("{notified:?}") };
    assert_eq!((edge, events.call, events.sequence), (&ServiceId::from("edge-9"), Some(harness.call), None));
    let left = "alice left: hangup(Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(harness.receive(moved), ["end", left]);
}

#[test]
fn new_term_restores_all_calls() {
    let mut harness = talking();
    let first = harness.call;
    harness.call = CallId::fresh();
    harness.place();
    let restored = |actions: Vec<Action>| -> BTreeMap<CallId, bool> {
        let of = |action| match action {
            Action::RestoreCall(call, state) => (call.id, state.contains("alice")),
            other => panic!("{other:?}"),
        };
        actions.into_iter().map(of).collect()
    };
    let both = BTreeMap::from([(first, true), (harness.call, false)]);
    assert_eq!(restored(harness.calls.enter_term(5)), both);
    let hangup = Message::new(Body::Hangup(LegRef { call: first, side: Side::Callee }));
    let sequences: Vec<_> =
        harness.client_events(hangup).into_iter().filter_map(|(_, events)| events.sequence).collect();
    assert!(sequences.iter().all(|sequence| (sequence.term, sequence.number) == (5, 1)), "{sequences:?}");
}
