//! Builds the requests of a client, directly as text.
//!
//! The transaction of a request is its name and a number, `call-17`. So a reply shows what it replies to, and whether
//! that request was an earlier one.

use service::Secret;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock};

const SDP: &str = include_str!("../sdp/browser.sdp.in");

static OFFER: LazyLock<String> = LazyLock::new(|| jsep("offer", "actpass", "fone"));
static ANSWER: LazyLock<String> = LazyLock::new(|| jsep("answer", "active", "ftwo"));

/// The kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Create,
    Attach,
    Register,
    Call,
    Accept,
    Trickle,
    Hangup,
    Keepalive,
    Claim,
    Destroy,
}

impl Request {
    const ALL: [Self; 10] = [
        Self::Create,
        Self::Attach,
        Self::Register,
        Self::Call,
        Self::Accept,
        Self::Trickle,
        Self::Hangup,
        Self::Keepalive,
        Self::Claim,
        Self::Destroy,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Attach => "attach",
            Self::Register => "register",
            Self::Call => "call",
            Self::Accept => "accept",
            Self::Trickle => "trickle",
            Self::Hangup => "hangup",
            Self::Keepalive => "keepalive",
            Self::Claim => "claim",
            Self::Destroy => "destroy",
        }
    }

    /// Parses a transaction into the kind of the request and its number.
    pub fn parse_transaction(transaction: &str) -> Option<(Self, u64)> {
        let (name, number) = transaction.split_once('-')?;
        let request = Self::ALL.into_iter().find(|request| request.name() == name)?;
        Some((request, number.parse().ok()?))
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The members of every request that authenticate it: `,"apisecret":"...","token":"..."`.
pub fn credentials(secret: Option<&Secret>, token: Option<&Secret>) -> Arc<str> {
    let mut text = String::new();
    for (key, value) in [("apisecret", secret), ("token", token)] {
        if let Some(value) = value {
            let _ = write!(text, ",\"{key}\":{}", quoted(value.reveal()));
        }
    }
    text.into()
}

/// Builds a client's requests. The ids are 0 until the server has assigned them.
pub struct MessageBuilder {
    credentials: Arc<str>,
    pub session: u64,
    pub handle: u64,
    number: u64,
}

impl MessageBuilder {
    pub fn new(credentials: Arc<str>) -> Self {
        Self { credentials, session: 0, handle: 0, number: 0 }
    }

    /// The number of the next request.
    pub fn next_number(&self) -> u64 {
        self.number + 1
    }

    /// Builds `create`, `claim`, `keepalive` or `destroy`, which have no further members.
    pub fn simple(&mut self, request: Request) -> String {
        self.request(request, request.name(), "")
    }

    pub fn attach(&mut self) -> String {
        self.request(Request::Attach, "attach", r#","plugin":"janus.plugin.videocall""#)
    }

    pub fn register(&mut self, name: &str) -> String {
        self.message(Request::Register, &format!(r#","username":"{name}""#), "")
    }

    pub fn call(&mut self, callee: &str) -> String {
        self.message(Request::Call, &format!(r#","username":"{callee}""#), &OFFER)
    }

    pub fn accept(&mut self) -> String {
        self.message(Request::Accept, "", &ANSWER)
    }

    pub fn hangup(&mut self) -> String {
        self.message(Request::Hangup, "", "")
    }

    /// Builds `count` candidates with documentation addresses (RFC 5737), and the end of candidates.
    pub fn candidates(&mut self, count: u8) -> Vec<String> {
        let mut all: Vec<String> = (1..=count).map(|number| self.candidate(number)).collect();
        if count > 0 {
            all.push(self.handle_request(Request::Trickle, "trickle", r#","candidate":{"completed":true}"#));
        }
        all
    }

    fn candidate(&mut self, number: u8) -> String {
        let text = format!(
            r#","candidate":{{"candidate":"candidate:{number} 1 udp 2113937151 203.0.113.{number} 40000 typ host generation 0","sdpMid":"0","sdpMLineIndex":0}}"#
        );
        self.handle_request(Request::Trickle, "trickle", &text)
    }

    fn message(&mut self, request: Request, more: &str, jsep: &str) -> String {
        let body = format!(r#","body":{{"request":"{request}"{more}}}{jsep}"#);
        self.handle_request(request, "message", &body)
    }

    fn handle_request(&mut self, request: Request, kind: &str, rest: &str) -> String {
        let handle = self.handle;
        self.request(request, kind, &format!(r#","handle_id":{handle}{rest}"#))
    }

    fn request(&mut self, request: Request, kind: &str, rest: &str) -> String {
        self.number += 1;
        let (number, credentials) = (self.number, &self.credentials);
        let session = match self.session {
            0 => String::new(),
            session => format!(r#","session_id":{session}"#),
        };
        format!(r#"{{"janus":"{kind}"{session},"transaction":"{request}-{number}"{credentials}{rest}}}"#)
    }
}

fn jsep(kind: &str, setup: &str, ufrag: &str) -> String {
    let sdp = SDP.replace("@SETUP@", setup).replace("@UFRAG@", ufrag).replace('\n', "\r\n");
    format!(r#","jsep":{{"type":"{kind}","sdp":{}}}"#, quoted(&sdp))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn builder() -> MessageBuilder {
        let mut builder = MessageBuilder::new(credentials(Some(&"s\"1".into()), Some(&"t".into())));
        (builder.session, builder.handle) = (1 << 52, 8);
        builder
    }

    #[test]
    fn requests_have_the_form_of_janus() {
        let session: u64 = 1 << 52;
        assert_eq!(
            read(&builder().register("a_1")),
            json!({"janus": "message", "session_id": session, "handle_id": 8, "transaction": "register-1",
                "apisecret": "s\"1", "token": "t", "body": {"request": "register", "username": "a_1"}})
        );
        assert_eq!(
            read(&builder().attach())["plugin"],
            "janus.plugin.videocall",
            "and no handle, which Janus would refuse"
        );
        assert!(read(&builder().attach())["handle_id"].is_null());
        let mut fresh = MessageBuilder::new(credentials(None, None));
        assert_eq!(
            read(&fresh.simple(Request::Create)),
            json!({"janus": "create", "transaction": "create-1"})
        );
    }

    #[test]
    fn offer_and_answer_are_filled_in() {
        for (text, kind) in [(builder().call("b"), "offer"), (builder().accept(), "answer")] {
            let jsep = &read(&text)["jsep"];
            assert_eq!(jsep["type"], kind);
            let sdp = jsep["sdp"].as_str().unwrap();
            assert!(!sdp.contains('@') && sdp.ends_with("\r\n") && !sdp.replace("\r\n", "").contains('\n'));
        }
    }

    #[test]
    fn candidates_end_with_completed() {
        let all = builder().candidates(2);
        assert_eq!(all.len(), 3);
        assert!(read(&all[1])["candidate"]["candidate"].as_str().unwrap().starts_with("candidate:2 1 udp"));
        assert_eq!(read(&all[2])["candidate"], json!({"completed": true}));
        assert!(builder().candidates(0).is_empty());
    }

    #[test]
    fn transaction_names_the_request() {
        let mut builder = builder();
        for (text, kind) in
            [(builder.simple(Request::Keepalive), Request::Keepalive), (builder.hangup(), Request::Hangup)]
        {
            let request = read(&text);
            assert_eq!(Request::parse_transaction(request["transaction"].as_str().unwrap()).unwrap().0, kind);
        }
        assert_eq!(builder.next_number(), 3);
        for other in ["", "call", "call-x", "dance-1"] {
            assert_eq!(Request::parse_transaction(other), None);
        }
    }
}
