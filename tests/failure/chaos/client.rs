//! A client that reconnects by itself. When its socket breaks, or no reply arrives for a while, it claims its
//! session at the next edge. If the session is gone it creates a new one.

use super::report::Report;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use testkit::message::{VIDEOCALL, event, is_event_for, is_reply_to, kind, result};
use testkit::raw_websocket::{RawWebsocket, Received};
use tokio::time::{Instant, sleep};

/// How long an edge may be silent before the client reconnects.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for a request, including faults: a deadline of the edge, a freeze, a claim.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
const NO_SUCH_SESSION: u64 = 458;

/// The outcome of a request.
#[derive(Debug)]
pub enum Outcome {
    /// The plugin's event, or its error.
    Answer(Value),
    /// An error of the core.
    Refused(u64),
    /// The socket broke before the edge acknowledged the request.
    Lost,
    /// The session is over, with all of its requests.
    SessionLost,
}

pub struct ChaosClient {
    pub name: String,
    edge_urls: Vec<String>,
    edge: usize,
    websocket: Option<RawWebsocket>,
    session: u64,
    handle: u64,
    /// Whether its name was registered elsewhere.
    is_unregistered: bool,
    /// Number of sessions created after the first one.
    pub sessions_created: usize,
    disconnects: usize,
    /// When its socket broke last.
    disconnected_at: Instant,
    last: u64,
    inbox: VecDeque<Value>,
    report: Arc<Report>,
}

impl ChaosClient {
    /// Connects to one of the edges and registers its name.
    pub async fn start(name: String, edge_urls: Vec<String>, edge: usize, report: Arc<Report>) -> Self {
        let inbox = VecDeque::new();
        let mut client = Self {
            name,
            edge_urls,
            edge,
            websocket: None,
            session: 0,
            handle: 0,
            is_unregistered: false,
            sessions_created: 0,
            disconnects: 0,
            disconnected_at: Instant::now(),
            last: 0,
            inbox,
            report,
        };
        client.wait_connected().await;
        client
    }

    /// Sends a request to the plugin and waits for its outcome.
    pub async fn request(&mut self, body: Value, jsep: Option<Value>) -> Outcome {
        let mut request =
            json!({"janus": "message", "body": body, "session_id": self.session, "handle_id": self.handle});
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        let what = request["body"]["request"].as_str().unwrap_or_default().to_owned();
        let transaction = self.send(request).await;
        let (sessions_before, disconnects, begun) = (self.sessions_created, self.disconnects, Instant::now());
        let mut accepted = false;
        while begun.elapsed() < REPLY_TIMEOUT {
            if self.sessions_created != sessions_before {
                return Outcome::SessionLost;
            }
            if let Some(answer) = self.take(|it| is_event_for(it, &transaction)) {
                return Outcome::Answer(answer["plugindata"]["data"].clone());
            }
            if let Some(reply) = self.take(|it| is_reply_to(it, &transaction)) {
                match reply["error"]["code"].as_u64() {
                    Some(code) => return Outcome::Refused(code),
                    None => accepted = true,
                }
            }
            // A request that the edge has not acknowledged gets no answer. An acknowledged one is answered
            // soon after the claim.
            let since_broken = self.disconnected_at.elapsed();
            if self.disconnects != disconnects
                && self.websocket.is_some()
                && !accepted
                && since_broken > SILENCE_TIMEOUT
            {
                return Outcome::Lost;
            }
            self.listen(Instant::now() + PAUSE * 2).await;
            if begun.elapsed() > SILENCE_TIMEOUT && self.disconnects == disconnects {
                self.disconnect();
            }
        }
        self.report
            .violated(&format!("{}: {what} ({transaction}) got no answer: {:?}", self.name, self.inbox));
        Outcome::Lost
    }

    /// Waits for an event of the plugin or a message of the core of that name. Returns none if the session
    /// was replaced, or the event did not arrive.
    pub async fn expect(&mut self, name: &str, timeout: Duration) -> Option<Value> {
        let (sessions_before, begun) = (self.sessions_created, Instant::now());
        while begun.elapsed() < timeout && self.sessions_created == sessions_before {
            let named =
                |it: &Value| it.get("transaction").is_none() && (event(it) == name || kind(it) == name);
            if let Some(found) = self.take(named) {
                return Some(found);
            }
            self.listen(Instant::now() + PAUSE).await;
        }
        None
    }

    /// Registers its name again after an `unregistered` event. The other owner is an older session of this
    /// client, whose delayed `register` was processed late.
    pub async fn regain_name(&mut self) {
        if self.is_unregistered {
            self.report.note("names taken by an older registration");
            let sessions_before = self.sessions_created;
            let outcome = self.request(json!({"request": "register", "username": self.name}), None).await;
            let is_named = matches!(outcome, Outcome::Answer(it) if it["result"]["event"] == "registered");
            self.is_unregistered = self.sessions_created == sessions_before && !is_named;
        }
    }

    /// Reads one message, or none until then. Reconnects if necessary.
    pub async fn listen(&mut self, until: Instant) {
        let Some(websocket) = &mut self.websocket else { return self.connect().await };
        let received = websocket.next_until(until).await;
        self.handle(received);
    }

    fn handle(&mut self, received: Received) {
        match received {
            Received::Text(text) => self.receive(&text),
            Received::Timeout => {}
            Received::Closed => self.disconnect(),
        }
    }

    fn receive(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        self.is_unregistered |= event(&message) == "unregistered";
        self.inbox.push_back(message);
    }

    /// Reads until the future completes. Reconnects if necessary.
    pub async fn read_until(&mut self, until: impl Future) {
        let mut until = pin!(until);
        loop {
            let Some(websocket) = &mut self.websocket else {
                self.connect().await;
                continue;
            };
            tokio::select! {
                _ = &mut until => return,
                received = websocket.next_until(Instant::now() + SILENCE_TIMEOUT) => self.handle(received),
            }
        }
    }

    /// Discards the received messages.
    pub fn clear_inbox(&mut self) {
        self.inbox.clear();
    }

    /// Ends its session.
    pub async fn leave(mut self) {
        self.wait_connected().await;
        let destroy = json!({"janus": "destroy", "session_id": self.session});
        let transaction = self.send(destroy).await;
        let begun = Instant::now();
        while self.take(|it| is_reply_to(it, &transaction)).is_none() && begun.elapsed() < REPLY_TIMEOUT {
            self.listen(Instant::now() + PAUSE).await;
        }
    }

    fn take(&mut self, matches: impl Fn(&Value) -> bool) -> Option<Value> {
        let at = self.inbox.iter().position(matches)?;
        self.inbox.remove(at)
    }

    async fn send(&mut self, mut request: Value) -> String {
        self.last += 1;
        let transaction = format!("{} {}", self.name, self.last);
        request["transaction"] = json!(transaction);
        let sent = match &mut self.websocket {
            Some(websocket) => websocket.send(request.to_string()).await,
            None => false,
        };
        if !sent {
            self.disconnect();
        }
        transaction
    }

    async fn wait_connected(&mut self) {
        while self.websocket.is_none() {
            self.connect().await;
        }
    }

    fn disconnect(&mut self) {
        self.websocket = None;
        self.disconnects += 1;
        self.disconnected_at = Instant::now();
    }

    /// One attempt to connect, with the existing session or a new one.
    async fn connect(&mut self) {
        self.edge = (self.edge + 1) % self.edge_urls.len();
        let Ok(websocket) = RawWebsocket::open(&self.edge_urls[self.edge]).await else {
            return sleep(PAUSE).await;
        };
        self.websocket = Some(websocket);
        let restored = match self.session {
            0 => self.create_session().await,
            _ => self.claim().await,
        };
        if restored.is_none() {
            self.disconnect();
            sleep(PAUSE).await;
        }
    }

    /// The directory's record of this client.
    pub async fn describe(&mut self) -> String {
        let record = self.report.record_of_handle(self.session, self.handle).await;
        format!("{} ({record})", self.name)
    }

    async fn claim(&mut self) -> Option<()> {
        let begun = Instant::now();
        let reply = self.reply(json!({"janus": "claim", "session_id": self.session})).await?;
        match reply["error"]["code"].as_u64() {
            None => {
                self.report.claimed(begun.elapsed());
                Some(())
            }
            Some(NO_SUCH_SESSION) => {
                let record = self.report.record_of(self.session).await;
                self.report.violated(&format!(
                    "{} finds that its session {} is gone: {record}",
                    self.name, self.session
                ));
                self.create_session().await
            }
            Some(code) => {
                self.report.error(code, "claim");
                None
            }
        }
    }

    async fn create_session(&mut self) -> Option<()> {
        self.inbox.clear();
        (self.session, self.handle, self.is_unregistered) = (0, 0, false);
        let created = self.reply(json!({"janus": "create"})).await?["data"]["id"].as_u64()?;
        let attach = json!({"janus": "attach", "session_id": created, "plugin": VIDEOCALL});
        self.handle = self.reply(attach).await?["data"]["id"].as_u64()?;
        let body = json!({"request": "register", "username": self.name});
        let register =
            json!({"janus": "message", "session_id": created, "handle_id": self.handle, "body": body});
        self.reply(register).await?;
        let end = Instant::now() + SILENCE_TIMEOUT;
        while Instant::now() < end {
            if let Some(answer) = self.take(|it| kind(it) == "event" && it.get("transaction").is_some()) {
                (self.session, self.sessions_created) = (created, self.sessions_created + 1);
                return (event(&answer) == "registered" && !result(&answer).is_null()).then_some(());
            }
            self.read(end).await?;
        }
        None
    }

    /// The immediate reply to a request on the current socket.
    async fn reply(&mut self, mut request: Value) -> Option<Value> {
        self.last += 1;
        let transaction = format!("{} {}", self.name, self.last);
        request["transaction"] = json!(transaction);
        let end = Instant::now() + SILENCE_TIMEOUT;
        self.websocket.as_mut()?.send(request.to_string()).await.then_some(())?;
        loop {
            if let Some(reply) = self.take(|it| is_reply_to(it, &transaction)) {
                return Some(reply);
            }
            self.read(end).await?;
        }
    }

    async fn read(&mut self, end: Instant) -> Option<()> {
        match self.websocket.as_mut()?.next_until(end).await {
            Received::Text(text) => {
                self.receive(&text);
                Some(())
            }
            Received::Closed | Received::Timeout => None,
        }
    }
}
