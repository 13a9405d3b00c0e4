//! A cluster for calls with a remote user. The test plays the remote user with its handle on Janus, its
//! proxy, the rest service and the router.

use crate::harness::{Harness, address, party, registered};
use bus::message::{Body, Message, Place, ProxyInvite, ProxyRefusal, ProxyReply, ProxySide};
use bus::topic::{Mailbox, Queue};
use bus::{MailboxReader, Worker};
use common::{BackendName, CallId, ServiceId};
use directory::record::{AcquireOutcome, Call};
use protocol::{Side, raw};
use serde_json::{Value, json};
use testkit::{Client, DEADLINE, Janus, JanusAdmin, sdp};
use tokio::time::timeout;

pub const PROXY: &str = "http://proxy:8100/plugins/videocall";

/// A cluster and its rest service.
pub struct ProxyCluster {
    pub harness: Harness,
    rest: MailboxReader,
    invites: Worker,
}

impl ProxyCluster {
    pub async fn new() -> Self {
        let harness = Harness::new().await;
        let rest = harness.bus.open(Mailbox::Rest(rest())).await.unwrap();
        let invites = harness.bus.join_workers(Queue::Proxies, "rest-1").await;
        Self { harness, rest, invites }
    }

    /// A cluster with a connector that serves a real Janus.
    pub async fn on(janus: &Janus) -> (Self, crate::harness::Connector) {
        let cluster = Self::new().await;
        let connector = cluster.harness.connector_at("a", &janus.url());
        cluster.harness.wait_ready("a").await;
        (cluster, connector)
    }

    /// Posts a call with one remote side, as a router does.
    pub async fn place_call(&self, local: Side, proxy_side: ProxySide) -> CallId {
        let (id, backend, remote) = (CallId::fresh(), BackendName::from("a"), local.peer());
        let mut record =
            Call { id, backend, caller: party(Side::Caller), callee: party(Side::Callee), opened: 0 };
        let (mut caller, mut callee) = (address(Side::Caller), address(Side::Callee));
        match remote {
            Side::Caller => (record.caller.owner, caller.address) = (None, None),
            Side::Callee => (record.callee.owner, callee.address) = (None, None),
        }
        self.harness.directory.open_call(&record).await.unwrap();
        let ((name, owner), (peer_name, _)) = (registered(local), registered(remote));
        let acquired =
            self.harness.directory.acquire_handle(owner.handle, &name, id, &peer_name).await.unwrap();
        assert_eq!(acquired, AcquireOutcome::Acquired);
        let (transaction, offer) = match local {
            Side::Caller => ("c".to_owned(), Some(raw(&sdp::offer()))),
            Side::Callee => (String::new(), None),
        };
        let place = Place {
            call: id,
            caller,
            callee,
            transaction,
            offer,
            proxy_side: Some(proxy_side),
            timestamps: None,
            request: None,
            fallback: None,
        };
        self.harness.post(Message { id: id.into(), ..Message::new(Body::Place(place)) }).await;
        id
    }

    /// A remote alice is about to call bob. Returns the reply for her proxy.
    pub async fn invite(&mut self) -> (CallId, Option<ProxyRefusal>) {
        let call = self.place_call(Side::Callee, ProxySide::Caller(rest())).await;
        (call, self.receive(call).await)
    }

    pub async fn receive(&mut self, call: CallId) -> Option<ProxyRefusal> {
        let message = timeout(DEADLINE, self.rest.next()).await.expect("a message for the rest service");
        self.rest.ack();
        let Body::ProxyReply(reply) = message.body else { panic!("{message:?}") };
        assert_eq!(reply.call, call);
        reply.refusal
    }

    /// alice calls a remote bob. Returns the invite for the proxy.
    pub async fn call(&mut self) -> (CallId, ProxyInvite) {
        let call = self.place_call(Side::Caller, ProxySide::Callee(PROXY.to_owned())).await;
        let delivery = timeout(DEADLINE, self.invites.next()).await.expect("an invite for the proxy");
        let Body::ProxyInvite(invite) = delivery.message.body.clone() else {
            panic!("{:?}", delivery.message)
        };
        delivery.ack();
        assert_eq!(invite.call, call);
        (call, invite)
    }

    /// The proxy replies to its invite.
    pub async fn proxy_replies(&self, call: CallId, refusal: Option<(u16, &str)>) {
        let refusal = refusal.map(|(code, text)| ProxyRefusal { code, text: text.to_owned() });
        self.harness.post(Message::new(Body::ProxyReply(ProxyReply { call, refusal }))).await;
    }

    pub async fn request(&self, call: CallId, side: Side, request: Value, jsep: Option<Value>) {
        self.harness.request(call, side, request, jsep).await;
    }

    /// The remote alice calls, and bob accepts.
    pub async fn accept_incoming(&mut self, call: CallId, alice: &mut Client) {
        alice.call("bob").await;
        assert_eq!(self.harness.edge.bob(call).await, "joined: incomingcall(alice)+offer");
        self.request(call, Side::Callee, json!({"request": "accept"}), Some(sdp::answer())).await;
        assert_eq!(self.harness.edge.bob(call).await, "answered: t/accepted");
        let (result, jsep) = alice.expect_event("accepted").await;
        assert_eq!((&result["username"], &jsep["type"]), (&json!("bob"), &json!("answer")));
    }

    /// The proxy agrees, and the remote bob accepts.
    pub async fn accept(&mut self, call: CallId, bob: &mut Client) {
        self.ring_remote(call, bob).await;
        bob.accept().await;
        assert_eq!(self.harness.edge.alice(call).await, "answered: accepted(bob)+answer");
    }

    pub async fn ring_remote(&mut self, call: CallId, bob: &mut Client) {
        self.proxy_replies(call, None).await;
        assert_eq!(self.harness.edge.alice(call).await, "joined: c/calling");
        let (result, jsep) = bob.expect_event("incomingcall").await;
        assert_eq!((&result["username"], &jsep["type"]), (&json!("alice"), &json!("offer")));
    }

    pub async fn assert_free(&self) {
        assert_eq!(self.harness.calls().await, [None; 2], "a notified client can call again");
    }
}

fn rest() -> ServiceId {
    ServiceId::from("rest-1")
}

/// The usernames that are registered on Janus.
pub async fn registered_on(admin: &mut JanusAdmin) -> Vec<String> {
    let mut names = Vec::new();
    for session in admin.sessions().await {
        for handle in admin.handles(session).await {
            let info = admin.handle_info(session, handle).await;
            names.extend(info["plugin_specific"]["username"].as_str().map(str::to_owned));
        }
    }
    names.sort_unstable();
    names
}

pub fn remote_hangup(name: &str, reason: &str) -> String {
    format!("left: hangup({name}, {reason}), hangup({name}, Remote WebRTC hangup), core hangup(Close PC)")
}

pub fn local_hangup(name: &str, peer: &str) -> String {
    format!(
        "left: t/hangup({name}, Explicit hangup), hangup({peer}, Remote WebRTC hangup), core hangup(Close PC)"
    )
}
