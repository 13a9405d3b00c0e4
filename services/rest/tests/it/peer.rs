//! A janus-cloud proxy, as far as its HTTP goes: what it sends, and what it answers.

use crate::bench::Rest;
use bus::message::{Body, Invite, Message, ProxyInvite, ProxyRefusal, ProxyReply};
use bus::topic::{Mailbox, Queue};
use common::{BackendName, CallId};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const PATIENCE: Duration = Duration::from_secs(20);

/// What a peer is told.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of a refusal, which has janus-cloud's fields and says nothing of what is inside.
    pub fn info(&self) -> String {
        let body = self.json();
        let fields: BTreeSet<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(["exception", "info", "traceback"]), "{self:?}");
        assert_eq!(body["traceback"], serde_json::json!([]));
        assert!(self.head.contains("content-type: application/json"), "{}", self.head);
        assert!(self.head.contains("access-control-allow-origin: *"), "{}", self.head);
        body["info"].as_str().unwrap().to_owned()
    }

    pub fn is_success(&self) -> bool {
        let html = self.head.contains("content-type: text/html; charset=UTF-8");
        self.status == 200 && self.body.is_empty() && html
    }
}

/// Sends a request with these header lines, each with its end.
pub async fn ask(rest: &Rest, method: &str, path: &str, headers: &str, body: &str) -> Told {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}");
    told(&rest.ask(&format!("{head}Content-Length: {length}\r\n\r\n{body}")).await)
}

pub fn told(answer: &str) -> Told {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Told { status, head: head.to_owned(), body: body.to_owned() }
}

/// Plays router and connector to one invitation: answers it, and tells what was asked.
pub fn play(rest: &Rest, refusal: Option<(u16, &str)>) -> tokio::task::JoinHandle<Invite> {
    let bus = rest.context.bus.clone();
    let refusal = refusal.map(|(code, text)| ProxyRefusal { code, text: text.to_owned() });
    tokio::spawn(async move {
        let (id, invite) = invitation(&bus).await;
        let answer = Message::new(Body::ProxyReply(ProxyReply { call: id, refusal }));
        bus.post(&Mailbox::Rest(invite.rest.clone()), &answer).await.unwrap();
        invite
    })
}

/// The next invitation, done.
pub async fn invitation(bus: &bus::Bus) -> (CallId, Invite) {
    let mut first = bus.join_workers(Queue::Requests(0), "router").await;
    let mut second = bus.join_workers(Queue::Requests(1), "router").await;
    let delivery = tokio::select! {
        delivery = first.next() => delivery,
        delivery = second.next() => delivery,
    };
    let message = delivery.message.clone();
    assert!(message.deadline.is_some_and(|deadline| !deadline.is_past()));
    delivery.ack();
    match message.body {
        Body::Invite(invite) => (message.id.into(), invite),
        other => panic!("no invitation: {}", other.kind()),
    }
}

/// A proxy that answers each request with these bytes, and tells what it was asked.
pub struct Proxy {
    pub url: String,
    listener: TcpListener,
}

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/plugins/videocall", listener.local_addr().unwrap());
        Self { url, listener }
    }

    /// Takes one request.
    pub async fn accept(&self) -> (String, TcpStream) {
        let (mut stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        (request(&mut stream).await, stream)
    }

    /// Answers one request; the connection stays open until the other side closes it.
    pub async fn answer(&self, response: impl AsRef<[u8]>) -> String {
        let (request, mut stream) = self.accept().await;
        // It may have heard enough before the end.
        let _ = stream.write_all(response.as_ref()).await;
        let _ = stream.shutdown().await;
        request
    }

    /// Whether nobody has come by again.
    pub async fn is_left_alone(&self) -> bool {
        timeout(Duration::from_millis(1), self.listener.accept()).await.is_err()
    }
}

/// A request with a form.
async fn request(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "it broke off: {request}");
        request += std::str::from_utf8(&buffer[..read]).unwrap();
        if let Some((head, body)) = request.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            return request;
        }
    }
}

fn length(head: &str) -> usize {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).unwrap().1.parse().unwrap()
}

/// A question to the proxy with this `api_base_url`.
pub fn question(proxy: &str) -> ProxyInvite {
    ProxyInvite {
        call: CallId::fresh(),
        backend: BackendName::from("a"),
        backend_url: "ws://127.0.0.1:8188/?x=1".to_owned(),
        proxy: proxy.to_owned(),
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
    }
}

/// Has a question put, as a connector does; what comes back to the backend's mailbox.
pub async fn put(rest: &Rest, message: Message) -> ProxyReply {
    let bus = &rest.context.bus;
    let mut mailbox = bus.open(Mailbox::Backend(BackendName::from("a"))).await.unwrap();
    bus.enqueue(Queue::Proxies, &message).await.unwrap();
    let answer = timeout(PATIENCE, mailbox.next()).await.unwrap();
    mailbox.ack();
    match answer.body {
        Body::ProxyReply(answer) => answer,
        other => panic!("no answer: {}", other.kind()),
    }
}
