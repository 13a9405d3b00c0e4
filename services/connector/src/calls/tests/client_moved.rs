//! A client is at another edge; the directory has lost everything.

use super::*;
use bus::message::{ClientMoved, Events};
use std::collections::BTreeMap;

impl Bench {
    fn attend(&self, side: Side) -> Message {
        let (session, handle) = (SessionId(1), HandleId(1));
        let address = Address { edge: ServiceId::from("edge-9"), session, handle };
        Message::new(Body::ClientMoved(ClientMoved { leg: self.leg(side), address }))
    }

    fn told(&mut self, message: Message) -> Vec<(ServiceId, Events)> {
        let acts = self.calls.on_message(message, AckGuard::default(), self.now);
        let told = acts.into_iter().flat_map(|act| match act {
            Action::SendToEdge(edge, events) => vec![(edge, events)],
            Action::EndCall(ended) => ended.notices.client_events,
            _ => Vec::new(),
        });
        told.collect()
    }
}

#[test]
fn a_client_is_told_at_its_new_edge_from_then_on() {
    let mut bench = talking();
    assert!(bench.told(bench.attend(Side::Caller)).is_empty());
    let gone = Message::new(Body::Hangup(bench.leg(Side::Callee)));
    let edges: Vec<_> = bench.told(gone).into_iter().map(|(edge, _)| edge).collect();
    assert_eq!(edges, [ServiceId::from("edge-9"), ServiceId::from("edge-2")]);
    assert!(bench.saved.last().is_none_or(|state| state.contains("edge-1")));
}

#[test]
fn its_new_edge_is_written_down() {
    let mut bench = talking();
    let attend = bench.attend(Side::Caller);
    bench.hears(attend);
    assert!(bench.saved.last().unwrap().contains("edge-9"));
}

#[test]
fn who_asks_for_a_call_that_is_over_hears_so() {
    let mut bench = up();
    let attend = bench.attend(Side::Callee);
    let told = bench.told(attend.clone());
    let [(edge, events)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((edge, events.call, events.sequence), (&ServiceId::from("edge-9"), Some(bench.call), None));
    let left = "alice left: hangup(Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(bench.hears(attend), ["end", left]);
}

#[test]
fn a_directory_that_has_lost_everything_gets_its_calls_back() {
    let mut bench = talking();
    let first = bench.call;
    bench.call = CallId::fresh();
    bench.is_placed();
    let restored = |acts: Vec<Action>| -> BTreeMap<CallId, bool> {
        let of = |act| match act {
            Action::RestoreCall(call, state) => (call.id, state.contains("alice")),
            other => panic!("{other:?}"),
        };
        acts.into_iter().map(of).collect()
    };
    let both = BTreeMap::from([(first, true), (bench.call, false)]);
    assert_eq!(restored(bench.calls.enter_term(5)), both);
    let gone = Message::new(Body::Hangup(LegRef { call: first, side: Side::Callee }));
    let stamps: Vec<_> = bench.told(gone).into_iter().filter_map(|(_, events)| events.sequence).collect();
    assert!(stamps.iter().all(|stamp| (stamp.term, stamp.number) == (5, 1)), "{stamps:?}");
}
