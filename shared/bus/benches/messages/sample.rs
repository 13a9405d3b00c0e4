//! Messages of a call, of the size that browsers produce.

use bus::message::{
    Address, Body, ClientEvent, ClientRequest, Deadline, Events, LegRef, Location, Message, Sequence, Trickle,
};
use common::{CallId, ServiceId};
use protocol::{HandleId, SessionId, Side, raw};
use serde_json::json;
use std::time::Duration;
use testkit::sdp;

const SESSION: SessionId = SessionId(4_503_599_627_370_497);
const HANDLE: HandleId = HandleId(2_251_799_813_685_249);
/// The size of a browser's offer for audio and video.
const SDP_BYTES: usize = 3_000;

/// A call request, to the routers.
pub fn call() -> Message {
    let request = ClientRequest {
        from: Address { edge: ServiceId::from("edge-0a1b2c3d"), session: SESSION, handle: HANDLE },
        transaction: "Zq8YkWb3xP0s".to_owned(),
        body: raw(&json!({"request": "call", "username": "bob"})),
        location: Location::default(),
        jsep: Some(raw(&sdp::offer_of_size(SDP_BYTES))),
        requested_at: Some(1_795_333_128_000_000),
        failed: None,
    };
    Message { deadline: Some(Deadline::after(Duration::from_secs(10))), ..Message::new(Body::Call(request)) }
}

/// The event for the callee, to an edge.
pub fn incoming_call() -> Message {
    let result = json!({"event": "incomingcall", "username": "alice"});
    let event = ClientEvent::Plugin {
        transaction: None,
        data: raw(&json!({"videocall": "event", "result": result})),
        jsep: Some(raw(&sdp::offer_of_size(SDP_BYTES))),
    };
    Message::new(Body::Events(Events {
        session: SESSION,
        handle: HANDLE,
        call: Some(CallId::fresh()),
        sequence: Some(Sequence { term: 7, number: 1 }),
        in_reply_to: None,
        caused_by: None,
        change: None,
        overloaded: false,
        events: vec![event],
    }))
}

/// The candidates of one batching window, to a backend.
pub fn trickle() -> Message {
    let leg = LegRef { call: CallId::fresh(), side: Side::Caller };
    let candidates = (1..=4).map(|number| raw(&sdp::candidate(number))).collect();
    Message::new(Body::Trickle(Trickle { leg, candidates }))
}
