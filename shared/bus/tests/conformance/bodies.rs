//! Every kind of message arrives as it was sent, with raw JSON byte for byte.

use crate::on_both;
use crate::support::*;
use bus::Bus;
use bus::message::*;
use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::{HandleId, HandleRef, SessionId, Side};
use std::collections::BTreeSet;
use std::time::Duration;

on_both![arrive_through_a_queue, arrive_through_a_mailbox, keep_raw_json_byte_for_byte, keep_their_deadline];

/// Spaces, escapes, an exponent, a repeated key, a number too large for a float.
const ODD: &str = r#"{ "a" :1.0e+05,"ü":"\u00e9\/" ,"b":[ ],"a":null, "n":123456789012345678901234567890 }"#;

const PROXY: &str = "http://10.0.0.9:8100/plugins/videocall";
const JANUS: &str = "ws://10.0.0.5:8188";

fn call() -> CallId {
    CallId::from(MessageId::fresh())
}

fn leg() -> LegRef {
    LegRef { call: call(), side: Side::Callee }
}

fn request(jsep: Option<&str>) -> ClientRequest {
    let transaction = "t \"1\"\n".to_owned();
    let location = Location { location: "berlin".to_owned(), isp: String::new() };
    ClientRequest {
        from: address(),
        transaction,
        body: raw(ODD),
        location,
        jsep: jsep.map(raw),
        requested_at: Some(7),
        failed: None,
    }
}

fn party(username: &str) -> Party {
    Party { username: username.to_owned(), address: Some(address()) }
}

fn leg_request() -> LegRequest {
    LegRequest { leg: leg(), transaction: None, body: raw(ODD), jsep: Some(raw(ODD)) }
}

fn place() -> Place {
    let (caller, callee) = (party("alice"), party("böb"));
    let timestamps = Some(HopTimestamps { requested_at: 1, dequeued_at: u64::MAX, posted_at: 3 });
    let (transaction, offer) = (String::new(), Some(raw(ODD)));
    Place {
        call: call(),
        caller,
        callee,
        transaction,
        offer,
        proxy_side: None,
        timestamps,
        request: None,
        fallback: None,
    }
}

fn handle() -> HandleRef {
    HandleRef { session: SessionId(1), handle: HandleId(2) }
}

fn events(call: Option<CallId>, change: Option<Change>) -> Events {
    let events = vec![
        ClientEvent::Plugin { transaction: Some("t".to_owned()), data: raw(ODD), jsep: Some(raw(ODD)) },
        ClientEvent::Plugin { transaction: None, data: raw("{}"), jsep: None },
        ClientEvent::Core { janus: "webrtcup".to_owned(), fields: raw("{}") },
        ClientEvent::Error { transaction: "t".to_owned(), code: 480, reason: "no".to_owned() },
    ];
    let who = HandleRef { session: SessionId(1), handle: HandleId(2) };
    Events {
        call,
        sequence: call.map(|_| Sequence { term: u64::MAX, number: 1 }),
        in_reply_to: call.map(MessageId::from),
        change,
        overloaded: call.is_some(),
        ..Events::for_handle(who, events)
    }
}

fn all() -> Vec<Body> {
    let joined = Change::Joined { backend: "a".into(), side: Side::Caller };
    let [one, other] = ["edge-1", "edge-2"].map(ServiceId::from);
    vec![
        Body::Register(request(None)),
        Body::Call(request(Some(ODD))),
        Body::Call(ClientRequest {
            failed: Some(FailedAttempt { request: MessageId::fresh(), backend: BackendName::from("a") }),
            ..request(Some(ODD))
        }),
        Body::Exists(request(None)),
        Body::List(request(None)),
        Body::Release(Release { who: handle(), notify: None }),
        Body::Release(Release { who: handle(), notify: Some(one.clone()) }),
        Body::Abandon(Abandon { who: handle(), call: call() }),
        Body::Restore(Restore { who: address(), username: "böb".to_owned() }),
        Body::Place(place()),
        Body::Place(Place {
            request: Some(MessageId::fresh()),
            fallback: Some(Location { location: "berlin".to_owned(), isp: String::new() }),
            ..place()
        }),
        Body::Place(Place {
            offer: None,
            timestamps: None,
            proxy_side: Some(ProxySide::Caller(one.clone())),
            ..place()
        }),
        Body::Place(Place { proxy_side: Some(ProxySide::Callee(PROXY.to_owned())), ..place() }),
        Body::Request(leg_request()),
        Body::Trickle(Trickle { leg: leg(), candidates: vec![raw(ODD), raw("null"), raw("{}")] }),
        Body::Hangup(leg()),
        Body::End(End { call: call(), cause: EndCause::CalleeGone }),
        Body::End(End { call: call(), cause: EndCause::Reason("maintenance".to_owned()) }),
        Body::ClientMoved(ClientMoved { leg: leg(), address: address() }),
        Body::Events(events(None, None)),
        Body::Events(events(Some(call()), Some(joined))),
        Body::Events(events(None, Some(Change::Registered("alice".to_owned())))),
        Body::Events(events(None, Some(Change::Displaced("alice".to_owned())))),
        Body::Events(events(None, Some(Change::Left))),
        Body::Surrender(Surrender { session: SessionId(1), to: other.clone() }),
        Body::Surrendered(Surrendered { session: SessionId(1), from: one.clone() }),
        Body::Disconnect(Disconnect { session: SessionId(1) }),
        Body::Invite(invite(one)),
        Body::ProxyInvite(proxy_invite()),
        Body::ProxyReply(ProxyReply { call: call(), refusal: None }),
        Body::ProxyReply(ProxyReply { call: call(), refusal: Some(busy()) }),
        Body::Canary(Canary { from: other, stream: "requests:0".to_owned(), number: u64::MAX }),
    ]
}

fn invite(rest: ServiceId) -> Invite {
    let [caller, callee] = ["alice", "böb"].map(str::to_owned);
    Invite { rest, caller, callee, backend_url: JANUS.to_owned(), requested_at: Some(u64::MAX) }
}

fn proxy_invite() -> ProxyInvite {
    let ([caller, callee], proxy) = (["alice", "böb"].map(str::to_owned), PROXY.to_owned());
    ProxyInvite { call: call(), backend: "a".into(), backend_url: JANUS.to_owned(), proxy, caller, callee }
}

fn busy() -> ProxyRefusal {
    ProxyRefusal { code: 480, text: "User böb busy".to_owned() }
}

/// `Debug` prints raw JSON as it is, so equal texts mean equal bodies.
fn text(message: &Message) -> String {
    format!("{message:?}")
}

async fn arrive_through_a_queue(bus: Bus) {
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let kinds: BTreeSet<_> = all().iter().map(Body::kind).collect();
    assert_eq!(kinds.len(), 21, "a kind is missing, or two kinds have one name");
    for body in all() {
        let sent = Message::new(body);
        bus.enqueue(QUEUE, &sent).await.unwrap();
        let delivery = take(&mut worker).await;
        assert_eq!(text(&delivery.message), text(&sent));
        delivery.ack();
    }
}

async fn arrive_through_a_mailbox(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    for body in all() {
        let sent = Message::new(body);
        bus.post(&mailbox(), &sent).await.unwrap();
        assert_eq!(text(&within(SOON, reader.next()).await), text(&sent));
    }
}

async fn keep_raw_json_byte_for_byte(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    bus.post(&mailbox(), &Message::new(Body::Request(leg_request()))).await.unwrap();
    let Body::Request(request) = within(SOON, reader.next()).await.body else { panic!("another kind") };
    assert_eq!(request.body.get(), ODD);
    assert_eq!(request.jsep.unwrap().get(), ODD);
}

async fn keep_their_deadline(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    let deadline = Some(Deadline::after(Duration::from_secs(60)));
    let sent = Message { deadline, ..Message::new(Body::Hangup(leg())) };
    bus.post(&mailbox(), &sent).await.unwrap();
    let message = within(SOON, reader.next()).await;
    assert_eq!(message.id, sent.id);
    let left = message.deadline.unwrap().remaining();
    assert!((Duration::from_secs(55)..=Duration::from_secs(60)).contains(&left), "{left:?}");
    assert!(!message.is_expired());
}
