//! Calls with a remote user: a remote alice calls bob, or alice calls a remote bob.

mod failures;
mod incoming;
mod outgoing;

use super::*;
use bus::message::{ProxyRefusal, ProxyReply, ProxySide};

/// A remote alice is about to call bob.
fn incoming() -> Harness {
    let mut harness = connected();
    harness.place.caller.address = None;
    (harness.place.transaction, harness.place.offer) = (String::new(), None);
    harness.place.proxy_side = Some(ProxySide::Caller(ServiceId::from("rest-1")));
    harness
}

/// bob is registered on Janus, and alice's proxy knows.
fn incoming_agreed() -> Harness {
    let mut harness = incoming();
    harness.place();
    harness.attached_local(BOB);
    harness.reply(BOB, "registered");
    harness
}

/// The call of alice has arrived.
fn incoming_ringing() -> Harness {
    let mut harness = incoming_agreed();
    harness.alice_calls();
    harness
}

/// bob has accepted.
fn incoming_answered() -> Harness {
    let mut harness = incoming_ringing();
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    harness.reply(BOB, "accepted");
    harness
}

/// alice is about to call a remote bob.
fn outgoing() -> Harness {
    let mut harness = connected();
    harness.calls.config.url = "ws://janus:8188".to_owned();
    harness.place.callee.address = None;
    harness.place.proxy_side = Some(ProxySide::Callee("http://proxy:8100/plugins/videocall".to_owned()));
    harness
}

/// alice is registered on Janus, and bob's proxy is invited.
fn outgoing_invited() -> Harness {
    let mut harness = outgoing();
    harness.place();
    harness.attached_local(ALICE);
    harness.reply(ALICE, "registered");
    harness
}

/// The proxy has agreed, and Janus has the offer.
fn outgoing_offered() -> Harness {
    let mut harness = outgoing_invited();
    harness.proxy_replies(None);
    harness
}

/// Janus has taken the offer.
fn outgoing_ringing() -> Harness {
    let mut harness = outgoing_offered();
    harness.reply(ALICE, "calling");
    harness
}

/// bob has accepted.
fn outgoing_answered() -> Harness {
    let mut harness = outgoing_ringing();
    harness.remote_accepts();
    harness
}

impl Harness {
    /// Janus attaches the handle of the local side.
    fn attached_local(&mut self, id: u64) -> Vec<String> {
        let transaction = self.transaction(|it| it["janus"] == "attach");
        self.janus(json!({"janus": "success", "transaction": transaction, "data": {"id": id}}))
    }

    fn incoming_from(&mut self, username: &str) -> Vec<String> {
        self.notify(BOB, json!({"event": "incomingcall", "username": username}), Some("offer"))
    }

    fn alice_calls(&mut self) -> Vec<String> {
        self.incoming_from("alice")
    }

    fn remote_accepts(&mut self) -> Vec<String> {
        self.notify(ALICE, json!({"event": "accepted", "username": "bob"}), Some("answer"))
    }

    /// The invited proxy replies, with a refusal or none.
    fn proxy_replies(&mut self, refusal: Option<(u16, &str)>) -> Vec<String> {
        let refusal = refusal.map(|(code, text)| ProxyRefusal { code, text: text.to_owned() });
        self.receive(Message::new(Body::ProxyReply(ProxyReply { call: self.call, refusal })))
    }

    /// Janus' plugin notifies a handle that the remote user has hung up.
    fn remote_hangup(&mut self, handle: u64, who: &str, reason: &str) -> Vec<String> {
        self.notify(handle, json!({"event": "hangup", "username": who, "reason": reason}), None)
    }

    /// Checks that nothing is left, also after the timeout of a remote user.
    fn assert_clean_with_proxy(&mut self) {
        self.advance(crate::calls::leg::INCOMING_CALL_TIMEOUT);
        self.assert_clean();
    }
}
