//! Calls with a peer's user. On a real Janus the test plays the peer: its user's handle there, its rest
//! service and the router on our side.

use crate::harness::{Bench, address, party, registered};
use bus::message::{Body, End, EndCause, Message, Place, ProxyInvite, ProxyRefusal, ProxyReply, ProxySide};
use bus::topic::{Mailbox, Queue};
use bus::{MailboxReader, Worker};
use common::transport::Transport;
use common::{BackendName, CallId, ServiceId};
use connector::janus::endpoint::Dialler;
use directory::record::{AcquireOutcome, Call};
use protocol::{Side, raw};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::{Client, DEADLINE, FakeJanus, Janus, JanusAdmin, eventually, sdp};
use tokio::time::{Instant, timeout};

const PROXY: &str = "http://peer:8100/plugins/videocall";

/// A cluster with a rest service, which the test plays.
struct Peers {
    bench: Bench,
    rest: MailboxReader,
    asked: Worker,
}

impl Peers {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let rest = bench.bus.open(Mailbox::Rest(rest())).await.unwrap();
        let asked = bench.bus.join_workers(Queue::Proxies, "rest-1").await;
        Self { bench, rest, asked }
    }

    /// With a connector for a real Janus.
    async fn on(janus: &Janus) -> (Self, crate::harness::Connector) {
        let peers = Self::new().await;
        let connector = peers.bench.connector_at("a", &janus.url());
        peers.bench.is_ready("a").await;
        (peers, connector)
    }

    /// A call of which one side is the peer's; the routers' part of it.
    async fn place(&self, ours: Side, peer: ProxySide) -> CallId {
        let (id, backend, far) = (CallId::fresh(), BackendName::from("a"), ours.peer());
        let mut record =
            Call { id, backend, caller: party(Side::Caller), callee: party(Side::Callee), opened: 0 };
        let (mut caller, mut callee) = (address(Side::Caller), address(Side::Callee));
        match far {
            Side::Caller => (record.caller.owner, caller.address) = (None, None),
            Side::Callee => (record.callee.owner, callee.address) = (None, None),
        }
        self.bench.directory.open_call(&record).await.unwrap();
        let ((name, owner), (peer_name, _)) = (registered(ours), registered(far));
        let taken = self.bench.directory.acquire_handle(owner.handle, &name, id, &peer_name).await.unwrap();
        assert_eq!(taken, AcquireOutcome::Acquired);
        let (transaction, offer) = match ours {
            Side::Caller => ("c".to_owned(), Some(raw(&sdp::offer()))),
            Side::Callee => (String::new(), None),
        };
        let place =
            Place { call: id, caller, callee, transaction, offer, proxy_side: Some(peer), timestamps: None };
        self.bench.post(Message { id: id.into(), ..Message::new(Body::Place(place)) }).await;
        id
    }

    /// The peer's alice is to call bob; what its rest service hears.
    async fn invite(&mut self) -> (CallId, Option<ProxyRefusal>) {
        let call = self.place(Side::Callee, ProxySide::Caller(rest())).await;
        (call, self.hears(call).await)
    }

    async fn hears(&mut self, call: CallId) -> Option<ProxyRefusal> {
        let message = timeout(DEADLINE, self.rest.next()).await.expect("the rest service hears something");
        self.rest.ack();
        let Body::ProxyReply(answer) = message.body else { panic!("{message:?}") };
        assert_eq!(answer.call, call);
        answer.refusal
    }

    /// alice calls the peer's bob, and its proxy is to be asked.
    async fn call(&mut self) -> (CallId, ProxyInvite) {
        let call = self.place(Side::Caller, ProxySide::Callee(PROXY.to_owned())).await;
        let delivery = timeout(DEADLINE, self.asked.next()).await.expect("the peer is asked");
        let Body::ProxyInvite(ask) = delivery.message.body.clone() else { panic!("{:?}", delivery.message) };
        delivery.ack();
        assert_eq!(ask.call, call);
        (call, ask)
    }

    /// The peer answers.
    async fn answers(&self, call: CallId, refusal: Option<(u16, &str)>) {
        let refusal = refusal.map(|(code, text)| ProxyRefusal { code, text: text.to_owned() });
        self.bench.post(Message::new(Body::ProxyReply(ProxyReply { call, refusal }))).await;
    }

    async fn asks(&self, call: CallId, side: Side, request: Value, jsep: Option<Value>) {
        self.bench.asks(call, side, request, jsep).await;
    }

    /// alice's call comes, and bob accepts.
    async fn is_taken(&mut self, call: CallId, alice: &mut Client) {
        alice.call("bob").await;
        assert_eq!(self.bench.edge.bob(call).await, "joined: incomingcall(alice)+offer");
        self.asks(call, Side::Callee, json!({"request": "accept"}), Some(sdp::answer())).await;
        assert_eq!(self.bench.edge.bob(call).await, "answered: t/accepted");
        let (result, jsep) = alice.expect_event("accepted").await;
        assert_eq!((&result["username"], &jsep["type"]), (&json!("bob"), &json!("answer")));
    }

    /// The peer agrees, and its bob accepts.
    async fn is_accepted(&mut self, call: CallId, bob: &mut Client) {
        self.rings(call, bob).await;
        bob.accept().await;
        assert_eq!(self.bench.edge.alice(call).await, "answered: accepted(bob)+answer");
    }

    async fn rings(&mut self, call: CallId, bob: &mut Client) {
        self.answers(call, None).await;
        assert_eq!(self.bench.edge.alice(call).await, "joined: c/calling");
        let (result, jsep) = bob.expect_event("incomingcall").await;
        assert_eq!((&result["username"], &jsep["type"]), (&json!("alice"), &json!("offer")));
    }

    async fn are_free(&self) {
        assert_eq!(self.bench.calls().await, [None; 2], "who hears of the end can call again");
    }
}

fn rest() -> ServiceId {
    ServiceId::from("rest-1")
}

/// Who is registered on Janus, but for connectors' probes.
async fn registered_on(admin: &mut JanusAdmin) -> Vec<String> {
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

fn peer_hung_up(name: &str, reason: &str) -> String {
    format!("left: hangup({name}, {reason}), hangup({name}, Remote WebRTC hangup), core hangup(Close PC)")
}

fn own_hangup(name: &str, peer: &str) -> String {
    format!(
        "left: t/hangup({name}, Explicit hangup), hangup({peer}, Remote WebRTC hangup), core hangup(Close PC)"
    )
}

#[tokio::test]
async fn a_peers_user_calls_ours_and_either_hangs_up() {
    let janus = Janus::start().await;
    let (mut peers, _connector) = Peers::on(&janus).await;
    let mut admin = janus.admin().await;
    let mut alice = Client::registered(&janus.url(), "alice").await;

    let (call, refusal) = peers.invite().await;
    assert_eq!(
        (refusal, registered_on(&mut admin).await),
        (None, vec!["alice".to_owned(), "bob".to_owned()])
    );
    peers.is_taken(call, &mut alice).await;
    alice.hangup_with_reason("tired").await;
    assert_eq!(peers.bench.edge.bob(call).await, peer_hung_up("alice", "tired"));
    peers.are_free().await;
    alice.expect_core("hangup").await;

    alice.clear_inbox().await;
    let (call, refusal) = peers.invite().await;
    assert_eq!(refusal, None);
    peers.is_taken(call, &mut alice).await;
    peers.asks(call, Side::Callee, json!({"request": "hangup"}), None).await;
    assert_eq!(peers.bench.edge.bob(call).await, own_hangup("bob", "alice"));
    let hangup = alice.expect_hangup().await;
    assert_eq!((&hangup["username"], &hangup["reason"]), (&json!("bob"), &json!("Remote WebRTC hangup")));
    eventually("nothing of it is left", async || registered_on(&mut admin).await == ["alice"]).await;
    let whole = ["ringing", "answered", "ended"];
    eventually("the log has both", async || peers.bench.log().await == [whole, whole].concat()).await;
    peers.bench.edge.is_all().await;
}

#[tokio::test]
async fn ours_calls_a_peers_user_and_either_hangs_up() {
    let janus = Janus::start().await;
    let (mut peers, _connector) = Peers::on(&janus).await;
    let mut admin = janus.admin().await;
    let mut bob = Client::registered(&janus.url(), "bob").await;

    let (call, ask) = peers.call().await;
    assert_eq!((ask.backend.as_str(), ask.backend_url), ("a", janus.url()));
    assert_eq!((ask.proxy.as_str(), ask.caller.as_str(), ask.callee.as_str()), (PROXY, "alice", "bob"));
    peers.is_accepted(call, &mut bob).await;
    bob.hangup().await;
    assert_eq!(peers.bench.edge.alice(call).await, peer_hung_up("bob", "We did the hangup"));
    peers.are_free().await;
    bob.expect_core("hangup").await;

    bob.clear_inbox().await;
    let (call, _) = peers.call().await;
    peers.is_accepted(call, &mut bob).await;
    peers.asks(call, Side::Caller, json!({"request": "hangup"}), None).await;
    assert_eq!(peers.bench.edge.alice(call).await, own_hangup("alice", "bob"));
    assert_eq!(bob.expect_hangup().await["username"], "alice");
    eventually("nothing of it is left", async || registered_on(&mut admin).await == ["bob"]).await;
    let whole = ["ringing", "answered", "ended"];
    eventually("the log has both", async || peers.bench.log().await == [whole, whole].concat()).await;
}

#[tokio::test]
async fn a_peers_user_that_declines_or_is_gone_ends_the_call() {
    let janus = Janus::start().await;
    let (mut peers, _connector) = Peers::on(&janus).await;
    let mut bob = Client::registered(&janus.url(), "bob").await;
    let (call, _) = peers.call().await;
    peers.rings(call, &mut bob).await;
    bob.decline().await;
    assert_eq!(peers.bench.edge.alice(call).await, peer_hung_up("bob", "We did the hangup"));
    bob.expect_core("hangup").await;
    let (call, _) = peers.call().await;
    bob.clear_inbox().await;
    peers.is_accepted(call, &mut bob).await;
    bob.detach().await;
    let gone = "left: hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(peers.bench.edge.alice(call).await, gone);
    peers.are_free().await;
}

#[tokio::test]
async fn what_the_peer_or_janus_has_against_a_call_is_said_to_the_caller() {
    let janus = Janus::start().await;
    let (mut peers, _connector) = Peers::on(&janus).await;
    let mut admin = janus.admin().await;
    let (call, _) = peers.call().await;
    peers.answers(call, Some((480, "User bob busy"))).await;
    assert_eq!(peers.bench.edge.alice(call).await, "left: c/error 480, core hangup(Close PC)");
    peers.are_free().await;
    let (call, _) = peers.call().await;
    peers.answers(call, None).await;
    assert_eq!(peers.bench.edge.alice(call).await, "left: c/error 478, core hangup(Close PC)");
    let mut bob = Client::registered(&janus.url(), "bob").await;
    let mut carol = Client::registered(&janus.url(), "carol").await;
    carol.call("bob").await;
    bob.expect_event("incomingcall").await;
    let (call, _) = peers.call().await;
    peers.answers(call, None).await;
    let busy = "left: c/hangup(alice, User busy), core hangup(Close PC)";
    assert_eq!(peers.bench.edge.alice(call).await, busy);
    peers.are_free().await;
    eventually("nothing is left", async || registered_on(&mut admin).await == ["bob", "carol"]).await;
    assert_eq!(peers.bench.log().await, [""; 0], "none of them rang");
}

#[tokio::test]
async fn a_name_that_is_taken_on_janus_is_refused() {
    let janus = Janus::start().await;
    let (mut peers, _connector) = Peers::on(&janus).await;
    let _bob = Client::registered(&janus.url(), "bob").await;
    let refusal = ProxyRefusal { code: 476, text: "Username 'bob' already taken".to_owned() };
    assert_eq!(peers.invite().await.1, Some(refusal));
    peers.are_free().await;
    let _alice = Client::registered(&janus.url(), "alice").await;
    let call = peers.place(Side::Caller, ProxySide::Callee(PROXY.to_owned())).await;
    assert_eq!(peers.bench.edge.alice(call).await, "left: c/error 502");
    peers.are_free().await;
}

/// Janus 1.1.2 may not have freed a name by then: in 2 to 7 of 100 tries it had not (measured).
#[tokio::test]
async fn a_user_can_call_again_as_soon_as_it_hears_of_the_end() {
    let janus = Janus::start().await;
    let (mut peers, _connector) = Peers::on(&janus).await;
    for _ in 0..100 {
        let (call, _) = peers.call().await;
        peers.answers(call, Some((480, "User bob busy"))).await;
        assert_eq!(peers.bench.edge.alice(call).await, "left: c/error 480, core hangup(Close PC)");
        let (call, refusal) = peers.invite().await;
        assert_eq!(refusal, None);
        let gone = Body::End(End { call, cause: EndCause::CalleeGone });
        peers.bench.post(Message::new(gone)).await;
        eventually("bob is free", async || peers.bench.calls().await == [None; 2]).await;
    }
}

#[tokio::test]
async fn a_call_goes_on_when_its_connector_is_killed() {
    let janus = Janus::start().await;
    let (mut peers, first) = Peers::on(&janus).await;
    let _second = peers.bench.connector_at("a", &janus.url());
    let mut bob = Client::registered(&janus.url(), "bob").await;
    let (call, _) = peers.call().await;
    peers.is_accepted(call, &mut bob).await;
    peers.bench.is_written_down(call).await;
    first.dies();
    peers.asks(call, Side::Caller, json!({"request": "set", "audio": true}), None).await;
    assert_eq!(peers.bench.edge.alice(call).await, "t/set");
    bob.hangup().await;
    assert_eq!(peers.bench.edge.alice(call).await, peer_hung_up("bob", "We did the hangup"));
    peers.are_free().await;
}

#[tokio::test]
async fn a_call_that_our_side_does_not_know_of_yet_is_set_up_again_by_the_next_connector() {
    let janus = Janus::start().await;
    let (mut peers, first) = Peers::on(&janus).await;
    let mut alice = Client::registered(&janus.url(), "alice").await;
    let (call, refusal) = peers.invite().await;
    assert_eq!(refusal, None);
    first.dies();
    let _second = peers.bench.connector_at("a", &janus.url());
    assert_eq!(peers.hears(call).await, None, "the peer is told again that it may call");
    peers.is_taken(call, &mut alice).await;
}

/// A Janus within this process, whose time may be paused.
fn way(janus: FakeJanus) -> Dialler {
    let janus = Arc::new(janus);
    Arc::new(move |_: &str| {
        let stream = janus.connect().ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into());
        Box::pin(async move { stream.map(|stream| Box::new(stream) as Box<dyn Transport>) }) as _
    })
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_call_within_ten_seconds_is_forgotten_without_a_word() {
    let mut peers = Peers::new().await;
    let _connector = peers.bench.connector_here("a", way(FakeJanus::in_memory()));
    peers.bench.is_ready("a").await;
    let (call, refusal) = peers.invite().await;
    assert_eq!((refusal, peers.bench.calls().await), (None, [None, Some(call)]));
    let told = Instant::now();
    tokio::time::sleep(Duration::from_millis(9_900)).await;
    assert_eq!(peers.bench.calls().await, [None, Some(call)]);
    eventually("bob is free", async || peers.bench.calls().await == [None; 2]).await;
    assert!(told.elapsed() < Duration::from_millis(10_200), "{:?}", told.elapsed());
    peers.bench.edge.is_all().await;
    let (_, refusal) = peers.invite().await;
    assert_eq!(refusal, None);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_is_refused_to_the_caller() {
    let mut peers = Peers::new().await;
    let _connector = peers.bench.connector_here("a", way(FakeJanus::in_memory()));
    peers.bench.is_ready("a").await;
    let began = Instant::now();
    let (call, _) = peers.call().await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(peers.bench.edge.alice(call).await, "left: c/error 502, core hangup(Close PC)");
    assert!(began.elapsed() < Duration::from_millis(9_200), "{:?}", began.elapsed());
    peers.are_free().await;
}
