//! The calls with remote users, and what those and their proxies do.

use super::model::Model;
use crate::calls::tests::place_details;
use bus::message::{Body, Place, ProxyRefusal, ProxyReply, ProxySide};
use common::{CallId, ServiceId};
use protocol::Side;

/// A remote alice calls bob.
const INCOMING: usize = 2;
/// alice calls a remote bob.
const OUTGOING: usize = 3;

pub fn is_incoming(call: usize) -> bool {
    call == INCOMING
}

pub fn place(call: usize, id: CallId) -> Place {
    let mut place = place_details(id);
    match call {
        INCOMING => {
            place.proxy_side = Some(ProxySide::Caller(ServiceId::from("rest-1")));
            (place.caller.address, place.offer) = (None, None);
        }
        OUTGOING => {
            place.proxy_side = Some(ProxySide::Callee("http://proxy".to_owned()));
            place.callee.address = None;
        }
        _ => {}
    }
    place
}

impl Model {
    /// A proxy or its user does what is expected, or something else.
    pub(super) fn proxy_step(&mut self, call: usize, how: u8) {
        let id = self.ids[call];
        let handle = self.handles.iter().find(|(_, its)| **its == id.to_string()).map(|(handle, _)| *handle);
        match (call, handle) {
            (OUTGOING, _) if how < 192 && (self.invited.contains(&id) || how < 4) => {
                let refusal = ProxyRefusal { code: 480, text: "User bob busy".to_owned() };
                let refusal = how.is_multiple_of(4).then_some(refusal);
                self.receive(Body::ProxyReply(ProxyReply { call: id, refusal }));
            }
            (OUTGOING, Some(handle)) if self.models[call].joined[Side::Caller as usize] => {
                let event = if how < 128 { "accepted" } else { "hangup" };
                self.notify_of(handle, event, "bob");
            }
            (INCOMING, Some(handle)) => {
                let event = if how < 192 { "incomingcall" } else { "hangup" };
                let username = if how.is_multiple_of(8) { "mallory" } else { "alice" };
                self.notify_of(handle, event, username);
            }
            _ => {}
        }
    }
}
