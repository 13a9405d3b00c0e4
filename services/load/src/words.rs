//! What a client says, as text: no JSON is built in memory only to be written out.
//!
//! The transaction of a request is its name and a number, `call-17`, so that an answer tells by itself what
//! it is an answer to, and whether that was long ago.

use service::Secret;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock};

const SDP: &str = include_str!("../sdp/browser.sdp.in");

static OFFER: LazyLock<String> = LazyLock::new(|| jsep("offer", "actpass", "fone"));
static ANSWER: LazyLock<String> = LazyLock::new(|| jsep("answer", "active", "ftwo"));

/// What can be asked of the server.
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

    /// What a transaction of ours was about, and its number.
    pub fn parse_transaction(transaction: &str) -> Option<(Self, u64)> {
        let (name, number) = transaction.split_once('-')?;
        let ask = Self::ALL.into_iter().find(|ask| ask.name() == name)?;
        Some((ask, number.parse().ok()?))
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What every request shows, where the server asks for it: `,"apisecret":"...","token":"..."`.
pub fn credentials(secret: Option<&Secret>, token: Option<&Secret>) -> Arc<str> {
    let mut text = String::new();
    for (key, value) in [("apisecret", secret), ("token", token)] {
        if let Some(value) = value {
            let _ = write!(text, ",\"{key}\":{}", quoted(value.reveal()));
        }
    }
    text.into()
}

/// A client's requests, with its ids in them. An id is 0 before the server has given it.
pub struct MessageBuilder {
    credentials: Arc<str>,
    pub session: u64,
    pub handle: u64,
    number: u64,
}

impl MessageBuilder {
    /// Of a client without a session.
    pub fn new(credentials: Arc<str>) -> Self {
        Self { credentials, session: 0, handle: 0, number: 0 }
    }

    /// The number of the next request.
    pub fn next_number(&self) -> u64 {
        self.number + 1
    }

    /// `create`, `claim`, `keepalive` or `destroy`, which say nothing but that.
    pub fn simple(&mut self, ask: Request) -> String {
        self.request(ask, ask.name(), "")
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

    /// So many candidates at addresses that are nobody's (RFC 5737), and the word that these were all.
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

    fn message(&mut self, ask: Request, more: &str, jsep: &str) -> String {
        let body = format!(r#","body":{{"request":"{ask}"{more}}}{jsep}"#);
        self.handle_request(ask, "message", &body)
    }

    fn handle_request(&mut self, ask: Request, kind: &str, rest: &str) -> String {
        let handle = self.handle;
        self.request(ask, kind, &format!(r#","handle_id":{handle}{rest}"#))
    }

    fn request(&mut self, ask: Request, kind: &str, rest: &str) -> String {
        self.number += 1;
        let (number, access) = (self.number, &self.credentials);
        let session = match self.session {
            0 => String::new(),
            session => format!(r#","session_id":{session}"#),
        };
        format!(r#"{{"janus":"{kind}"{session},"transaction":"{ask}-{number}"{access}{rest}}}"#)
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

    fn words() -> MessageBuilder {
        let mut words = MessageBuilder::new(credentials(Some(&"s\"1".into()), Some(&"t".into())));
        (words.session, words.handle) = (1 << 52, 8);
        words
    }

    #[test]
    fn requests_are_as_janus_wants_them() {
        let session: u64 = 1 << 52;
        assert_eq!(
            read(&words().register("a_1")),
            json!({"janus": "message", "session_id": session, "handle_id": 8, "transaction": "register-1",
                "apisecret": "s\"1", "token": "t", "body": {"request": "register", "username": "a_1"}})
        );
        assert_eq!(
            read(&words().attach())["plugin"],
            "janus.plugin.videocall",
            "and no handle: Janus would refuse it"
        );
        assert!(read(&words().attach())["handle_id"].is_null());
        let mut fresh = MessageBuilder::new(credentials(None, None));
        assert_eq!(
            read(&fresh.simple(Request::Create)),
            json!({"janus": "create", "transaction": "create-1"})
        );
    }

    #[test]
    fn an_offer_and_an_answer_are_filled_in() {
        for (text, kind) in [(words().call("b"), "offer"), (words().accept(), "answer")] {
            let jsep = &read(&text)["jsep"];
            assert_eq!(jsep["type"], kind);
            let sdp = jsep["sdp"].as_str().unwrap();
            assert!(!sdp.contains('@') && sdp.ends_with("\r\n") && !sdp.replace("\r\n", "").contains('\n'));
        }
    }

    #[test]
    fn the_last_candidate_is_followed_by_a_word_that_it_was_the_last() {
        let all = words().candidates(2);
        assert_eq!(all.len(), 3);
        assert!(read(&all[1])["candidate"]["candidate"].as_str().unwrap().starts_with("candidate:2 1 udp"));
        assert_eq!(read(&all[2])["candidate"], json!({"completed": true}));
        assert!(words().candidates(0).is_empty());
    }

    #[test]
    fn a_transaction_tells_what_was_asked() {
        let mut words = words();
        for (text, ask) in
            [(words.simple(Request::Keepalive), Request::Keepalive), (words.hangup(), Request::Hangup)]
        {
            let request = read(&text);
            assert_eq!(Request::parse_transaction(request["transaction"].as_str().unwrap()).unwrap().0, ask);
        }
        assert_eq!(words.next_number(), 3);
        for stranger in ["", "call", "call-x", "sing-1"] {
            assert_eq!(Request::parse_transaction(stranger), None);
        }
    }
}
