//! A Janus without media, in this process: quick, and able to fail on demand. As a process of its own it is
//! [`MedialessJanus`](crate::MedialessJanus).
//!
//! It speaks the Janus API over websockets and answers as the recordings of Janus 1.1.2 do; the crate's
//! own tests play the same stories against it and against the real one. It differs in that an SDP is
//! passed on as it is, that what a real Janus does up to a second later (closing the PeerConnections) it
//! does at once, and that a session lives until it is destroyed, or for 30 s after its connection is gone:
//! silence ends none.
//!
//! `envelope` checks a request, `core` has the sessions and handles, `videocall` is the plugin. All three
//! are pure: a request goes in, messages come out. `socket` has the connections.

mod core;
mod envelope;
mod socket;
mod videocall;

use self::core::Core;
use crate::port;
use serde_json::Value;
use socket::Connections;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A running fake; its connections end when it is dropped.
pub struct FakeJanus {
    /// 0 for one without an address.
    port: u16,
    is_down: bool,
    core: Arc<Mutex<Core>>,
    connections: Arc<Connections>,
    listening: Option<AbortHandle>,
}

impl FakeJanus {
    /// Starts one.
    pub async fn start() -> Self {
        let mut fake = Self::in_memory();
        loop {
            fake.port = port::free();
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", fake.port)).await {
                fake.listen(listener);
                return fake;
            }
        }
    }

    /// One that listens here and does not keep what it was asked, so that it can work for long.
    pub fn without_history(listener: TcpListener) -> Self {
        let mut fake = Self::in_memory();
        fake.core().discards_requests = true;
        fake.port = listener.local_addr().map_or(0, |address| address.port());
        fake.listen(listener);
        fake
    }

    /// One without an address, for [`FakeJanus::connect`] alone.
    pub fn in_memory() -> Self {
        let (core, connections) = Default::default();
        Self { port: 0, is_down: false, core, connections, listening: None }
    }

    /// A connection within this process, to speak a websocket over; none while it is away.
    pub fn connect(&self) -> Option<DuplexStream> {
        (!self.is_down).then(|| self.connections.connect(&self.core))
    }

    fn listen(&mut self, listener: TcpListener) {
        let serving = socket::serve(listener, self.core.clone(), self.connections.clone());
        self.listening = Some(tokio::spawn(serving).abort_handle());
    }

    /// Where it speaks the Janus API: `ws://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.core().sessions()
    }

    /// How many plugin handles there are, over all sessions.
    pub fn handles(&self) -> usize {
        self.core().handles()
    }

    /// How many calls ring or run.
    pub fn calls(&self) -> usize {
        self.core().calls()
    }

    /// How many handles connectors have that only find out whether the plugin works. They, and their
    /// sessions and requests, are counted nowhere else.
    pub fn probes(&self) -> usize {
        self.core().probes()
    }

    /// All requests it has taken so far, in order; none if it is [forgetful](FakeJanus::forgetful).
    pub fn requests(&self) -> Vec<Value> {
        self.core().requests().cloned().collect()
    }

    /// Those of probes, within their sessions.
    pub fn probe_requests(&self) -> Vec<Value> {
        self.core().probe_requests().cloned().collect()
    }

    /// Freezes the plugin, as Janus 1.1.2 sometimes does under load (janus-api.md 5.5): a message gets its
    /// `ack` and never its event, while `ping`, `create`, `attach` and `detach` work on.
    pub fn freeze_plugin(&self) {
        self.core().frozen = true;
    }

    /// Ends what [`FakeJanus::freeze_plugin`] began. What came meanwhile stays without an event.
    pub fn unfreeze_plugin(&self) {
        self.core().frozen = false;
    }

    /// Takes no new sessions (`create` gets 472), as an operator has a Janus do before it is shut down.
    pub fn refuse_sessions(&self, refuse: bool) {
        self.core().refuses_sessions = refuse;
    }

    /// Closes the PeerConnections of all calls for that reason, as when the media of one side is lost.
    pub fn lose_media(&self, reason: &str) {
        let mut core = self.core();
        let messages = core.lose_media(reason);
        self.connections.deliver(messages);
    }

    /// Cuts all connections without a word. Sessions stay and can be claimed.
    pub fn drop_connections(&self) {
        self.connections.cut().for_each(|connection| socket::reclaim(connection, self.core.clone()));
    }

    /// Stops answering while connections stay up, as a stopped process does. What comes waits.
    pub fn stop_answering(&self) {
        self.connections.pause(true);
    }

    /// Ends what [`FakeJanus::stop_answering`] began, and answers what came meanwhile.
    pub fn resume_answering(&self) {
        self.connections.pause(false);
    }

    /// Dies: no connection, no listener, nothing remembered.
    pub async fn crash(&mut self) {
        self.is_down = true;
        if let Some(listening) = self.listening.take() {
            listening.abort();
            // The port is free once the task is gone.
            while !listening.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        self.connections.cut().for_each(drop);
        self.core().reset();
    }

    /// Lives again, empty, at the address it had.
    pub async fn restart(&mut self) {
        assert!(std::mem::take(&mut self.is_down), "it was not away");
        if self.port == 0 {
            return;
        }
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
        self.listen(listener.expect("the port of the fake Janus is still free"));
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap()
    }
}

impl Drop for FakeJanus {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
        self.connections.cut().for_each(drop);
    }
}
