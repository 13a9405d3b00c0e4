//! Calls with a peer's user: alice is one and calls bob, or bob is one and alice calls.

mod failures;
mod incoming;
mod outgoing;

use super::*;
use bus::message::{ProxyRefusal, ProxyReply, ProxySide};

/// A peer's alice is to call bob.
fn invited() -> Bench {
    let mut bench = up();
    bench.place.caller.address = None;
    (bench.place.transaction, bench.place.offer) = (String::new(), None);
    bench.place.proxy_side = Some(ProxySide::Caller(ServiceId::from("rest-1")));
    bench
}

/// bob has his name on Janus, and the peer knows.
fn awaited() -> Bench {
    let mut bench = invited();
    bench.is_placed();
    bench.has_handle(BOB);
    bench.replies(BOB, "registered");
    bench
}

/// alice's call has come.
fn called() -> Bench {
    let mut bench = awaited();
    bench.alice_calls();
    bench
}

/// bob has accepted.
fn taken() -> Bench {
    let mut bench = called();
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    bench.replies(BOB, "accepted");
    bench
}

/// alice is to call a peer's bob.
fn outgoing() -> Bench {
    let mut bench = up();
    bench.calls.config.url = "ws://janus:8188".to_owned();
    bench.place.callee.address = None;
    bench.place.proxy_side = Some(ProxySide::Callee("http://peer:8100/plugins/videocall".to_owned()));
    bench
}

/// alice has her name on Janus, and the peer is asked.
fn asking() -> Bench {
    let mut bench = outgoing();
    bench.is_placed();
    bench.has_handle(ALICE);
    bench.replies(ALICE, "registered");
    bench
}

/// The peer has agreed, and Janus has the offer.
fn offered() -> Bench {
    let mut bench = asking();
    bench.peer_says(None);
    bench
}

/// Janus calls.
fn rung() -> Bench {
    let mut bench = offered();
    bench.replies(ALICE, "calling");
    bench
}

/// bob has accepted.
fn answered() -> Bench {
    let mut bench = rung();
    bench.accepted();
    bench
}

impl Bench {
    /// Janus gives the one side that is ours its handle.
    fn has_handle(&mut self, id: u64) -> Vec<String> {
        let transaction = self.transaction(|it| it["janus"] == "attach");
        self.janus(json!({"janus": "success", "transaction": transaction, "data": {"id": id}}))
    }

    fn is_called_by(&mut self, username: &str) -> Vec<String> {
        self.notifies(BOB, json!({"event": "incomingcall", "username": username}), Some("offer"))
    }

    fn alice_calls(&mut self) -> Vec<String> {
        self.is_called_by("alice")
    }

    fn accepted(&mut self) -> Vec<String> {
        self.notifies(ALICE, json!({"event": "accepted", "username": "bob"}), Some("answer"))
    }

    /// The peer that was asked answers: a refusal, or none.
    fn peer_says(&mut self, refusal: Option<(u16, &str)>) -> Vec<String> {
        let refusal = refusal.map(|(code, text)| ProxyRefusal { code, text: text.to_owned() });
        self.hears(Message::new(Body::ProxyReply(ProxyReply { call: self.call, refusal })))
    }

    /// Janus' plugin says that the other side of a handle has hung up.
    fn hangs_up(&mut self, handle: u64, who: &str, reason: &str) -> Vec<String> {
        self.notifies(handle, json!({"event": "hangup", "username": who, "reason": reason}), None)
    }

    /// Once a peer's time is over too, nothing is left.
    fn is_clean_with_peer(&mut self) {
        self.after(crate::calls::proxy_leg::INCOMING_CALL_TIMEOUT);
        self.is_clean();
    }
}
