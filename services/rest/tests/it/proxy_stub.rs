//! A stub of a janus-cloud proxy: the requests it sends, and the responses it returns.

use crate::harness::Rest;
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
const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of an error, which has janus-cloud's fields and reveals no internals.
    pub fn info(&self) -> String {
        let body = self.json();
        let fields: BTreeSet<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(["exception", "info", "traceback"]), "{self:?}");
        assert_eq!(body["traceback"], serde_json::json!([]));
        assert!(self.head.contains("content-type: application/json"), "{}", self.head);
        assert!(!self.head.contains("access-control-allow-origin"), "{}", self.head);
        body["info"].as_str().unwrap().to_owned()
    }

    pub fn is_success(&self) -> bool {
        let html = self.head.contains("content-type: text/html; charset=UTF-8");
        self.status == 200 && self.body.is_empty() && html
    }
}

/// Sends a request with these header lines, each ending in CRLF.
pub async fn send(rest: &Rest, method: &str, path: &str, headers: &str, body: &str) -> Response {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}");
    parse_response(&rest.exchange(&format!("{head}Content-Length: {length}\r\n\r\n{body}")).await)
}

pub fn parse_response(answer: &str) -> Response {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response { status, head: head.to_owned(), body: body.to_owned() }
}

/// Acts as router and connector for one invite: replies, and returns the invite.
pub fn reply_once(rest: &Rest, refusal: Option<(u16, &str)>) -> tokio::task::JoinHandle<Invite> {
    let bus = rest.context.bus.clone();
    let refusal = refusal.map(|(code, text)| ProxyRefusal { code, text: text.to_owned() });
    tokio::spawn(async move {
        let (id, invite) = next_invite(&bus).await;
        let answer = Message::new(Body::ProxyReply(ProxyReply { call: id, refusal }));
        bus.post(&Mailbox::Rest(invite.rest.clone()), &answer).await.unwrap();
        invite
    })
}

/// Receives and acknowledges the next invite.
pub async fn next_invite(bus: &bus::Bus) -> (CallId, Invite) {
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
        other => panic!("not an invite: {}", other.kind()),
    }
}

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

    /// Accepts one request.
    pub async fn accept(&self) -> (String, TcpStream) {
        let (mut stream, _) = timeout(TIMEOUT, self.listener.accept()).await.unwrap().unwrap();
        (request(&mut stream).await, stream)
    }

    /// Responds to one request; the other side closes the connection.
    pub async fn answer(&self, response: impl AsRef<[u8]>) -> String {
        let (request, mut stream) = self.accept().await;
        // The other side may close early.
        let _ = stream.write_all(response.as_ref()).await;
        let _ = stream.shutdown().await;
        request
    }

    /// Whether there is no further connection.
    pub async fn is_idle(&self) -> bool {
        timeout(Duration::from_millis(1), self.listener.accept()).await.is_err()
    }
}

/// Reads a request with a form.
async fn request(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "incomplete request: {request}");
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

/// An invite for the proxy with this `api_base_url`.
pub fn proxy_invite(proxy: &str) -> ProxyInvite {
    ProxyInvite {
        call: CallId::fresh(),
        backend: BackendName::from("a"),
        backend_url: "ws://127.0.0.1:8188/?x=1".to_owned(),
        proxy: proxy.to_owned(),
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
    }
}

/// Sends an invite as a connector does; returns the reply in the backend's mailbox.
pub async fn send_invite(rest: &Rest, message: Message) -> ProxyReply {
    let bus = &rest.context.bus;
    let mut mailbox = bus.open(Mailbox::Backend(BackendName::from("a"))).await.unwrap();
    bus.enqueue(Queue::Proxies, &message).await.unwrap();
    let answer = timeout(TIMEOUT, mailbox.next()).await.unwrap();
    mailbox.ack();
    match answer.body {
        Body::ProxyReply(answer) => answer,
        other => panic!("not a reply: {}", other.kind()),
    }
}
