//! Somebody with a client that comes back by itself: when its socket breaks, or nothing is answered for a
//! while, it claims its session at the next edge; when there is none any more it begins anew.

use super::figures::Figures;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use testkit::message::{VIDEOCALL, event, is_event_for, is_reply_to, kind, result};
use testkit::raw_websocket::{RawWebsocket, Received};
use tokio::time::{Instant, sleep};

/// How long an edge may be silent until it counts as gone.
const SILENCE: Duration = Duration::from_secs(5);
/// How long anything may take, with breaks in between: a deadline of the edge, a frozen one, a claim.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
const NO_SUCH_SESSION: u64 = 458;

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// The plugin's event, or its error.
    Answer(Value),
    /// An error of the core.
    Refused(u64),
    /// The socket broke before the edge said that it has the request: nobody knows.
    Unknown,
    /// The session is over, and so is all that was asked in it.
    Anew,
}

pub struct ChaosClient {
    pub name: String,
    doors: Vec<String>,
    door: usize,
    wire: Option<RawWebsocket>,
    session: u64,
    handle: u64,
    /// It was told that its name is registered elsewhere.
    is_displaced: bool,
    /// How often it had to begin anew.
    pub lives: usize,
    breaks: usize,
    /// When its socket broke last.
    broken: Instant,
    last: u64,
    inbox: VecDeque<Value>,
    figures: Arc<Figures>,
}

impl ChaosClient {
    /// Comes in by one of the doors and takes its name.
    pub async fn enter(name: String, doors: Vec<String>, door: usize, figures: Arc<Figures>) -> Self {
        let inbox = VecDeque::new();
        let mut person = Self {
            name,
            doors,
            door,
            wire: None,
            session: 0,
            handle: 0,
            is_displaced: false,
            lives: 0,
            breaks: 0,
            broken: Instant::now(),
            last: 0,
            inbox,
            figures,
        };
        person.is_connected().await;
        person
    }

    /// Asks the plugin, and waits for what becomes of it.
    pub async fn request(&mut self, body: Value, jsep: Option<Value>) -> Outcome {
        let mut request =
            json!({"janus": "message", "body": body, "session_id": self.session, "handle_id": self.handle});
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        let what = request["body"]["request"].as_str().unwrap_or_default().to_owned();
        let transaction = self.send(request).await;
        let (life, breaks, begun) = (self.lives, self.breaks, Instant::now());
        let mut accepted = false;
        while begun.elapsed() < REPLY_TIMEOUT {
            if self.lives != life {
                return Outcome::Anew;
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
            // What the edge had not heard of is not answered; what it had is, soon after the claim.
            let since_broken = self.broken.elapsed();
            if self.breaks != breaks && self.wire.is_some() && !accepted && since_broken > SILENCE {
                return Outcome::Unknown;
            }
            self.listen(Instant::now() + PAUSE * 2).await;
            if begun.elapsed() > SILENCE && self.breaks == breaks {
                self.break_off();
            }
        }
        self.figures
            .broken(&format!("{}: {what} ({transaction}) was never answered: {:?}", self.name, self.inbox));
        Outcome::Unknown
    }

    /// Waits for an event of the plugin or a message of the core of that name; false when the session is
    /// another by then, or nothing came.
    pub async fn expect(&mut self, name: &str, patience: Duration) -> Option<Value> {
        let (life, begun) = (self.lives, Instant::now());
        while begun.elapsed() < patience && self.lives == life {
            let named =
                |it: &Value| it.get("transaction").is_none() && (event(it) == name || kind(it) == name);
            if let Some(found) = self.take(named) {
                return Some(found);
            }
            self.listen(Instant::now() + PAUSE).await;
        }
        None
    }

    /// Takes its name again if it was told that somebody else has it: that is an older session of its own, whose
    /// `register` was held up by what broke.
    pub async fn keeps_its_name(&mut self) {
        if self.is_displaced {
            self.figures.note("names taken by an older registration");
            let life = self.lives;
            let outcome = self.request(json!({"request": "register", "username": self.name}), None).await;
            let is_named = matches!(outcome, Outcome::Answer(it) if it["result"]["event"] == "registered");
            self.is_displaced = self.lives == life && !is_named;
        }
    }

    /// Listens to nothing in particular.
    pub async fn listen(&mut self, until: Instant) {
        let Some(wire) = &mut self.wire else { return self.connect().await };
        let heard = wire.next_until(until).await;
        self.notes(heard);
    }

    fn notes(&mut self, heard: Received) {
        match heard {
            Received::Text(text) => self.receive(&text),
            Received::Timeout => {}
            Received::Closed => self.break_off(),
        }
    }

    fn receive(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        self.is_displaced |= event(&message) == "unregistered";
        self.inbox.push_back(message);
    }

    /// Listens until something has happened; is connected then, as far as one can be.
    pub async fn stays(&mut self, until: impl Future) {
        let mut until = pin!(until);
        loop {
            let Some(wire) = &mut self.wire else {
                self.connect().await;
                continue;
            };
            tokio::select! {
                _ = &mut until => return,
                heard = wire.next_until(Instant::now() + SILENCE) => self.notes(heard),
            }
        }
    }

    /// Forgets what it has heard.
    pub fn forget(&mut self) {
        self.inbox.clear();
    }

    /// Ends its session.
    pub async fn leave(mut self) {
        self.is_connected().await;
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
        let sent = match &mut self.wire {
            Some(wire) => wire.send(request.to_string()).await,
            None => false,
        };
        if !sent {
            self.break_off();
        }
        transaction
    }

    async fn is_connected(&mut self) {
        while self.wire.is_none() {
            self.connect().await;
        }
    }

    fn break_off(&mut self) {
        self.wire = None;
        self.breaks += 1;
        self.broken = Instant::now();
    }

    /// One attempt to be connected, with the session it has or with a new one.
    async fn connect(&mut self) {
        self.door = (self.door + 1) % self.doors.len();
        let Ok(wire) = RawWebsocket::open(&self.doors[self.door]).await else { return sleep(PAUSE).await };
        self.wire = Some(wire);
        let back = match self.session {
            0 => self.begin().await,
            _ => self.claim().await,
        };
        if back.is_none() {
            self.break_off();
            sleep(PAUSE).await;
        }
    }

    /// What the directory knows of it.
    pub async fn is_known_as(&mut self) -> String {
        let record = self.figures.record_of_handle(self.session, self.handle).await;
        format!("{} ({record})", self.name)
    }

    async fn claim(&mut self) -> Option<()> {
        let begun = Instant::now();
        let reply = self.reply(json!({"janus": "claim", "session_id": self.session})).await?;
        match reply["error"]["code"].as_u64() {
            None => {
                self.figures.claimed(begun.elapsed());
                Some(())
            }
            Some(NO_SUCH_SESSION) => {
                let record = self.figures.record_of(self.session).await;
                self.figures
                    .broken(&format!("{} finds its session {} gone: {record}", self.name, self.session));
                self.begin().await
            }
            Some(code) => {
                self.figures.error(code, "claim");
                None
            }
        }
    }

    async fn begin(&mut self) -> Option<()> {
        self.inbox.clear();
        (self.session, self.handle, self.is_displaced) = (0, 0, false);
        let created = self.reply(json!({"janus": "create"})).await?["data"]["id"].as_u64()?;
        let attach = json!({"janus": "attach", "session_id": created, "plugin": VIDEOCALL});
        self.handle = self.reply(attach).await?["data"]["id"].as_u64()?;
        let body = json!({"request": "register", "username": self.name});
        let register =
            json!({"janus": "message", "session_id": created, "handle_id": self.handle, "body": body});
        self.reply(register).await?;
        let end = Instant::now() + SILENCE;
        while Instant::now() < end {
            if let Some(answer) = self.take(|it| kind(it) == "event" && it.get("transaction").is_some()) {
                (self.session, self.lives) = (created, self.lives + 1);
                return (event(&answer) == "registered" && !result(&answer).is_null()).then_some(());
            }
            self.read(end).await?;
        }
        None
    }

    /// The immediate reply to a request on the socket that there is now.
    async fn reply(&mut self, mut request: Value) -> Option<Value> {
        self.last += 1;
        let transaction = format!("{} {}", self.name, self.last);
        request["transaction"] = json!(transaction);
        let end = Instant::now() + SILENCE;
        self.wire.as_mut()?.send(request.to_string()).await.then_some(())?;
        loop {
            if let Some(reply) = self.take(|it| is_reply_to(it, &transaction)) {
                return Some(reply);
            }
            self.read(end).await?;
        }
    }

    async fn read(&mut self, end: Instant) -> Option<()> {
        match self.wire.as_mut()?.next_until(end).await {
            Received::Text(text) => {
                self.receive(&text);
                Some(())
            }
            Received::Closed | Received::Timeout => None,
        }
    }
}
