//! A client of the Janus API, with one method for each step of a call.
//!
//! ```no_run
//! # async fn scenario(url: &str) {
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
//! Each received message is kept in the transcript, which only grows, and in the inbox. An `expect` takes the
//! first matching message from the inbox and leaves the others in order. A test therefore names the messages it
//! needs and may ignore how messages of different kinds interleave.
//!
//! Every wait ends at [`crate::DEADLINE`] with a panic that prints the transcript.
//!
//! `core` has the requests of the core API, `videocall` those of one VideoCall handle.

mod core;
mod expect;
mod transcript;
mod videocall;

pub use transcript::{Line, Transcript};

use crate::websocket::{API, Websocket};
use common::transport::Transport;
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
    /// Connects, without a session.
    pub async fn connect(url: &str) -> Self {
        Self::with_socket(open(url).await)
    }

    /// Performs the websocket's handshake over an open stream, for instance TLS.
    pub async fn over(stream: Box<dyn Transport>) -> Self {
        let socket = Websocket::over(stream, "ws://localhost", API).await;
        Self::with_socket(socket.unwrap_or_else(|error| panic!("no Janus API on this stream: {error}")))
    }

    fn with_socket(socket: Websocket) -> Self {
        let (inbox, transcript) = (VecDeque::new(), Transcript::default());
        Self { name: "a client".to_owned(), socket: Some(socket), session: 0, handle: 0, inbox, transcript }
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

    /// Connects and claims the session of another client.
    pub async fn claim(url: &str, session: u64) -> Self {
        let mut client = Self::connect(url).await;
        client.session = session;
        client.claim_session().await;
        client
    }

    /// Sets the session of a client that created it with [`send`](Self::send).
    pub fn with_session(mut self, session: u64) -> Self {
        self.session = session;
        self
    }

    /// Sets the handle of a client that claimed a session.
    pub fn with_handle(mut self, handle: u64) -> Self {
        self.handle = handle;
        self
    }

    /// Connects to this or another server and claims its session there.
    pub async fn reconnect(&mut self, url: &str) {
        self.socket = Some(open(url).await);
        self.claim_session().await;
    }

    /// Drops the connection without a closing handshake, as a lost network does.
    pub fn drop_socket(&mut self) {
        self.socket = None;
    }

    /// Returns the id of the session, or 0.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// Returns the id of the handle, or 0.
    pub fn handle(&self) -> u64 {
        self.handle
    }

    /// Returns all messages so far, in order.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Panics with the transcript.
    fn fail(&self, what: &str) -> ! {
        panic!("{}: {what}. The transcript:\n{}", self.name, self.transcript)
    }
}

async fn open(url: &str) -> Websocket {
    Websocket::open(url, API).await.unwrap_or_else(|error| panic!("no Janus API at {url}: {error}"))
}
