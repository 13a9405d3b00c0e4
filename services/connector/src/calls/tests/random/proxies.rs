//! The calls of this world that are with peers' users, and what the peers do.

use super::model::World;
use crate::calls::tests::place;
use bus::message::{Body, Place, ProxyRefusal, ProxyReply, ProxySide};
use common::{CallId, ServiceId};
use protocol::Side;

/// A peer's alice calls bob.
const INVITED: usize = 2;
/// alice calls a peer's bob.
const OUTGOING: usize = 3;

pub fn is_invited(call: usize) -> bool {
    call == INVITED
}

pub fn placing(call: usize, id: CallId) -> Place {
    let mut place = place(id);
    match call {
        INVITED => {
            place.proxy_side = Some(ProxySide::Caller(ServiceId::from("rest-1")));
            (place.caller.address, place.offer) = (None, None);
        }
        OUTGOING => {
            place.proxy_side = Some(ProxySide::Callee("http://peer".to_owned()));
            place.callee.address = None;
        }
        _ => {}
    }
    place
}

impl World {
    /// A peer does its part, or what nobody expects of it.
    pub(super) fn peer_says(&mut self, call: usize, how: u8) {
        let id = self.ids[call];
        let handle = self.handles.iter().find(|(_, its)| **its == id.to_string()).map(|(handle, _)| *handle);
        match (call, handle) {
            (OUTGOING, _) if how < 192 && (self.asked.contains(&id) || how < 4) => {
                let refusal = ProxyRefusal { code: 480, text: "User bob busy".to_owned() };
                let refusal = how.is_multiple_of(4).then_some(refusal);
                self.says(Body::ProxyReply(ProxyReply { call: id, refusal }));
            }
            (OUTGOING, Some(handle)) if self.stories[call].joined[Side::Caller as usize] => {
                let event = if how < 128 { "accepted" } else { "hangup" };
                self.notifies_of(handle, event, "bob");
            }
            (INVITED, Some(handle)) => {
                let event = if how < 192 { "incomingcall" } else { "hangup" };
                let who = if how.is_multiple_of(8) { "mallory" } else { "alice" };
                self.notifies_of(handle, event, who);
            }
            _ => {}
        }
    }
}
