//! Requests of every kind, each with what came before it.

use crate::bench::{Cluster, address, asks, call, call_id, handle, invite, message, register, release};
use bus::message::{Abandon, Body, Message, Restore};
use common::CallId;
use serde_json::json;

/// A request, what routers have done before, and the calls to look at.
pub struct Story {
    pub name: &'static str,
    before: Vec<Message>,
    pub request: Message,
}

const BEFORE: u128 = 100;
const REQUEST: u128 = 200;

impl Story {
    pub fn all() -> Vec<Self> {
        let restore =
            |who, name: &str| Body::Restore(Restore { who: address(who), username: name.to_owned() });
        let abandon = Body::Abandon(Abandon { who: handle(0), call: call_id(BEFORE) });
        let in_call = || vec![call(0, "bob")];
        vec![
            Self::new("a name is taken from its owner", vec![release(0)], register(0, "bob")),
            Self::new("a name is free", vec![release(0)], register(0, "alice")),
            Self::new("a handle has a name", vec![], register(0, "dave")),
            Self::new(
                "a name is taken from a callee",
                vec![call(1, "carol"), release(0)],
                register(0, "carol"),
            ),
            Self::new("a call", vec![], call(0, "bob")),
            Self::new("a call that calls back", vec![], call(1, "alice")),
            Self::new("a call to nobody", vec![], call(0, "dave")),
            Self::new("a call to who is busy", in_call(), call(2, "bob")),
            Self::new("a call of who is busy", in_call(), call(0, "carol")),
            Self::new("a peer's call", vec![], invite("dave", "bob", "ws://a/")),
            Self::new("a peer's call to nobody", vec![], invite("dave", "erin", "ws://a")),
            Self::new("a peer's call to who is busy", in_call(), invite("dave", "bob", "ws://a")),
            Self::new("a peer's call over another Janus", vec![], invite("dave", "bob", "ws://b")),
            Self::new("a release in a peer's call", vec![invite("dave", "bob", "ws://a")], release(1)),
            Self::new("a release", vec![], release(0)),
            Self::new("a release in a call", in_call(), release(1)),
            Self::new("a call is given up", in_call(), abandon),
            Self::new("a name that was lost", vec![release(0)], restore(0, "alice")),
            Self::new("a name that was not lost", vec![], restore(0, "alice")),
            Self::new("a name that somebody else has by now", vec![release(0)], restore(0, "bob")),
            Self::new("who is there", vec![], Body::List(asks(0, json!({})))),
            Self::new("whether bob is there", vec![], Body::Exists(asks(0, json!({ "username": "bob" })))),
        ]
    }

    fn new(name: &'static str, before: Vec<Body>, request: Body) -> Self {
        let before = (BEFORE..).zip(before).map(|(number, body)| message(number, body)).collect();
        Self { name, before, request: message(REQUEST, request) }
    }

    /// A cluster in which all that came before is done.
    pub async fn begin(&self) -> Cluster {
        let mut cluster = Cluster::populated().await;
        for message in &self.before {
            cluster.ask(message).await;
        }
        cluster.quietly().await;
        cluster
    }

    pub fn calls(&self) -> [CallId; 2] {
        [call_id(BEFORE), call_id(REQUEST)]
    }
}
