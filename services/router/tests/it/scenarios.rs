//! Requests of every kind, each with the requests before it.

use crate::harness::{
    Cluster, address, call, call_id, client_request, handle, invite, message, register, release,
};
use bus::message::{Abandon, Body, Message, Restore};
use common::CallId;
use serde_json::json;

/// A request, and the requests that were handled before it.
pub struct Scenario {
    pub name: &'static str,
    earlier: Vec<Message>,
    pub request: Message,
}

const EARLIER: u128 = 100;
const REQUEST: u128 = 200;

impl Scenario {
    pub fn all() -> Vec<Self> {
        let restore =
            |who, name: &str| Body::Restore(Restore { who: address(who), username: name.to_owned() });
        let abandon = Body::Abandon(Abandon { who: handle(0), call: call_id(EARLIER) });
        let in_call = || vec![call(0, "bob")];
        vec![
            Self::new("a name with an owner", vec![release(0)], register(0, "bob")),
            Self::new("a free name", vec![release(0)], register(0, "alice")),
            Self::new("a handle with a name", vec![], register(0, "dave")),
            Self::new("the name of a callee", vec![call(1, "carol"), release(0)], register(0, "carol")),
            Self::new("a call", vec![], call(0, "bob")),
            Self::new("a call in the other direction", vec![], call(1, "alice")),
            Self::new("a call to an unknown name", vec![], call(0, "dave")),
            Self::new("a call to a busy callee", in_call(), call(2, "bob")),
            Self::new("a call by a busy caller", in_call(), call(0, "carol")),
            Self::new("an invite", vec![], invite("dave", "bob", "ws://a/")),
            Self::new("an invite to an unknown name", vec![], invite("dave", "erin", "ws://a")),
            Self::new("an invite to a busy callee", in_call(), invite("dave", "bob", "ws://a")),
            Self::new("an invite on another Janus", vec![], invite("dave", "bob", "ws://b")),
            Self::new("a release in an invited call", vec![invite("dave", "bob", "ws://a")], release(1)),
            Self::new("a release", vec![], release(0)),
            Self::new("a release in a call", in_call(), release(1)),
            Self::new("an abandoned call", in_call(), abandon),
            Self::new("a restored name", vec![release(0)], restore(0, "alice")),
            Self::new("a restored name that was not lost", vec![], restore(0, "alice")),
            Self::new("a restored name that has another owner", vec![release(0)], restore(0, "bob")),
            Self::new("list", vec![], Body::List(client_request(0, json!({})))),
            Self::new("exists", vec![], Body::Exists(client_request(0, json!({ "username": "bob" })))),
        ]
    }

    fn new(name: &'static str, earlier: Vec<Body>, request: Body) -> Self {
        let earlier = (EARLIER..).zip(earlier).map(|(number, body)| message(number, body)).collect();
        Self { name, earlier, request: message(REQUEST, request) }
    }

    /// Returns a cluster in which the earlier requests are handled.
    pub async fn begin(&self) -> Cluster {
        let mut cluster = Cluster::with_users().await;
        for message in &self.earlier {
            cluster.process(message).await;
        }
        cluster.drain_mailboxes().await;
        cluster
    }

    pub fn calls(&self) -> [CallId; 2] {
        [call_id(EARLIER), call_id(REQUEST)]
    }
}
