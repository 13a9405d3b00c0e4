//! A client of the Janus API, to write tests with that read like the story of a call.
//!
//! ```no_run
//! # async fn story(url: &str) {
//! use testkit::Client;
//! let mut alice = Client::registered(url, "alice").await;
//! let mut bob = Client::registered(url, "bob").await;
//! alice.call("bob").await;
//! let (result, offer) = bob.expect_event("incomingcall").await;
//! assert_eq!(result["username"], "alice");
//! assert_eq!(offer["type"], "offer");
//! # }
//! ```
//!
//! Whatever comes is kept in two places: the transcript, which only grows, and the inbox, from which an
//! `expect` takes the first message that it is about and leaves the others, in order, for later. So a test
//! names what it waits for, and may ignore how messages of different kinds interleave.
//!
//! Every wait ends at [`crate::DEADLINE`] with a panic that prints the whole conversation.
//!
//! `talk` has the words of the core API, `story` those of one VideoCall handle, `expect` what to wait for.

mod expect;
mod story;
mod talk;
mod transcript;

pub use transcript::{Line, Transcript};

use crate::websocket::{API, Websocket};
use serde_json::Value;
use std::collections::VecDeque;

/// A client with at most one session and one VideoCall handle.
pub struct Client {
    name: String,
    socket: Option<Websocket>,
    session: u64,
    handle: u64,
    inbox: VecDeque<Value>,
    transcript: Transcript,
}

impl Client {
    /// Connects; there is no session yet.
    pub async fn connect(url: &str) -> Self {
        let socket = Some(open(url).await);
        let (inbox, transcript) = (VecDeque::new(), Transcript::default());
        Self { name: "a client".to_owned(), socket, session: 0, handle: 0, inbox, transcript }
    }

    /// Connects, creates a session and attaches a VideoCall handle.
    pub async fn attached(url: &str) -> Self {
        let mut client = Self::connect(url).await;
        client.create().await;
        client.attach().await;
        client
    }

    /// As [`Client::attached`], and registers a name.
    pub async fn registered(url: &str, name: &str) -> Self {
        let mut client = Self::attached(url).await;
        client.register(name).await;
        client
    }

    /// Connects and claims the session of another socket.
    pub async fn claim(url: &str, session: u64) -> Self {
        let mut client = Self::connect(url).await;
        client.session = session;
        client.claim_session().await;
        client
    }

    /// Says which session a client goes on with that created it in its own words.
    pub fn with_session(mut self, session: u64) -> Self {
        self.session = session;
        self
    }

    /// Says which of its session's handles a client that claimed the session goes on with.
    pub fn with_handle(mut self, handle: u64) -> Self {
        self.handle = handle;
        self
    }

    /// Connects anew, to this or another server, and claims its own session there.
    pub async fn reconnect(&mut self, url: &str) {
        self.socket = Some(open(url).await);
        self.claim_session().await;
    }

    /// Lets go of the socket without a word, as a phone does in a tunnel.
    pub fn drop_socket(&mut self) {
        self.socket = None;
    }

    /// The session's id; 0 before there is one.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// The handle's id; 0 before there is one.
    pub fn handle(&self) -> u64 {
        self.handle
    }

    /// All that was sent and received so far, in order.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Ends the test with what went wrong and what was said until then.
    fn fail(&self, what: &str) -> ! {
        panic!("{}: {what}. All that was said:\n{}", self.name, self.transcript)
    }
}

async fn open(url: &str) -> Websocket {
    Websocket::open(url, API).await.unwrap_or_else(|error| panic!("no Janus API at {url}: {error}"))
}
