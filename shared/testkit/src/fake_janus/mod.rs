//! A Janus without media, in this process: fast, and able to fail on demand.
//! [`MedialessJanus`](crate::MedialessJanus) is the same as a separate process.
//!
//! It serves the Janus API over websockets and answers as Janus 1.1.2 does in recordings. The tests of this crate
//! run the same scenarios against both. Differences:
//!
//! - SDPs are forwarded unchanged.
//! - PeerConnections are closed at once; a real Janus closes them up to a second later.
//! - A session ends when it is destroyed, or 30 s after its connection is closed. It does not expire when idle.
//!
//! `envelope` checks a request, `core` has sessions and handles, `videocall` is the plugin. All three are without
//! I/O: they turn a request into messages. `socket` has the connections.

mod core;
mod envelope;
mod fault;
mod socket;
mod videocall;

use self::core::Core;
use crate::port;
pub use fault::Fault;
use serde_json::Value;
use socket::Connections;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A running server. Dropping it closes its connections.
pub struct FakeJanus {
    /// 0 without a listener.
    port: u16,
    is_down: bool,
    core: Arc<Mutex<Core>>,
    connections: Arc<Connections>,
    listening: Option<AbortHandle>,
}

impl FakeJanus {
    /// Starts a server on a free port.
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

    /// Starts a server on this listener that keeps no requests, so that its memory stays bounded.
    pub fn without_history(listener: TcpListener) -> Self {
        let mut fake = Self::in_memory();
        fake.core().discards_requests = true;
        fake.port = listener.local_addr().map_or(0, |address| address.port());
        fake.listen(listener);
        fake
    }

    /// Creates a server without a listener, for [`FakeJanus::connect`] only.
    pub fn in_memory() -> Self {
        let (core, connections) = Default::default();
        Self { port: 0, is_down: false, core, connections, listening: None }
    }

    /// Opens a connection within this process, for a websocket; `None` while the server is down.
    pub fn connect(&self) -> Option<DuplexStream> {
        (!self.is_down).then(|| self.connections.connect(&self.core))
    }

    fn listen(&mut self, listener: TcpListener) {
        let serving = socket::serve(listener, self.core.clone(), self.connections.clone());
        self.listening = Some(tokio::spawn(serving).abort_handle());
    }

    /// Returns the URL of the Janus API: `ws://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Returns the number of sessions, except those of probes.
    pub fn sessions(&self) -> usize {
        self.core().sessions()
    }

    /// Returns the number of plugin handles, except those of probes.
    pub fn handles(&self) -> usize {
        self.core().handles()
    }

    /// Returns the number of calls that ring or are established.
    pub fn calls(&self) -> usize {
        self.core().calls()
    }

    /// Returns the number of handles with which connectors probe the plugin. All other counts exclude them, their
    /// sessions and their requests.
    pub fn probes(&self) -> usize {
        self.core().probes()
    }

    /// Returns all requests so far, in order; none for a server [without history](FakeJanus::without_history).
    pub fn requests(&self) -> Vec<Value> {
        self.core().requests().cloned().collect()
    }

    /// Returns the requests of probes, within their sessions.
    pub fn probe_requests(&self) -> Vec<Value> {
        self.core().probe_requests().cloned().collect()
    }

    /// Freezes the plugin, as happens to Janus 1.1.2 under load. Then a message gets its `ack` but no event, while
    /// `ping`, `create`, `attach` and `detach` still work.
    pub fn freeze_plugin(&self) {
        self.core().frozen = true;
    }

    /// Reverts [`FakeJanus::freeze_plugin`]. Messages received meanwhile get no event.
    pub fn unfreeze_plugin(&self) {
        self.core().frozen = false;
    }

    /// Makes requests fail in this way from now on; `None` for none.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.core().fault = fault;
    }

    /// Refuses new sessions (`create` gets 472), as an operator does before a shutdown.
    pub fn refuse_sessions(&self, refuse: bool) {
        self.core().refuses_sessions = refuse;
    }

    /// Closes the PeerConnections of all calls for this reason, as when the media of one side is lost.
    pub fn lose_media(&self, reason: &str) {
        let mut core = self.core();
        let messages = core.lose_media(reason);
        self.connections.deliver(messages);
    }

    /// Closes all connections without a closing handshake. Sessions can still be claimed.
    pub fn drop_connections(&self) {
        self.connections.cut().for_each(|connection| socket::reclaim(connection, self.core.clone()));
    }

    /// Sends a close frame with this code on all connections. Sessions can still be claimed.
    pub fn close_connections(&self, code: u16) {
        self.connections.close(code);
    }

    /// Returns how clients have ended their connections, in order: the code of their close frame, 1005 if it had none,
    /// or `None` without a close frame.
    pub fn closes(&self) -> Vec<Option<u16>> {
        self.connections.closes()
    }

    /// Stops reading while connections stay open, as a stopped process does.
    pub fn stop_answering(&self) {
        self.connections.pause(true);
    }

    /// Reverts [`FakeJanus::stop_answering`] and answers what was received meanwhile.
    pub fn resume_answering(&self) {
        self.connections.pause(false);
    }

    /// Simulates a crash: closes listener and connections, and loses all state.
    pub async fn crash(&mut self) {
        self.is_down = true;
        if let Some(listening) = self.listening.take() {
            listening.abort();
            // The port is free once the task has ended.
            while !listening.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        self.connections.cut().for_each(drop);
        self.core().reset();
    }

    /// Starts again after a [crash](FakeJanus::crash), empty, on the same port.
    pub async fn restart(&mut self) {
        assert!(std::mem::take(&mut self.is_down), "the server is not down");
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
