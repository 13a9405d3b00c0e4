//! A client: its sockets, its session, what it has asked, and what it knows of its call.

use super::dice::Rng;
use super::socket::Socket;
use super::trace::Trace;
use protocol::{HandleId, HandleRef, SessionId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use testkit::message::VIDEOCALL;
use tokio::io::DuplexStream;
use tokio::time::Instant;

/// A client says something so often, that its session does not end for silence.
const KEEPALIVE: Duration = Duration::from_secs(20);
const EVER: Duration = Duration::from_secs(3_600);

/// What was asked, and what came of it.
pub(super) struct InFlight {
    pub(super) verb: &'static str,
    pub(super) handle: Option<u64>,
    pub(super) acked: Option<Instant>,
    pub(super) answered: Option<Instant>,
    /// Whether it may stay without an answer.
    pub(super) excused: bool,
}

/// What a client knows of its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Call {
    /// There is none.
    #[default]
    None,
    /// It has called.
    Calling,
    /// It is called.
    Ringing,
    /// Both talk.
    Up,
}

/// A client.
pub struct Client {
    /// Its name.
    pub name: &'static str,
    /// The place of the edge that its socket goes to.
    pub edge: usize,
    /// The place that it went to before.
    pub previous_edge: usize,
    /// The name it has registered.
    pub registered: Option<String>,
    /// What it knows of its call.
    pub call: Call,
    /// Its session.
    pub session: Option<u64>,
    /// Its handle.
    pub handle: Option<u64>,
    /// Since when its session has no socket.
    pub away: Option<Instant>,
    pub(super) trace: Trace,
    pub(super) socket: Option<Socket>,
    /// The socket from which the session is being claimed.
    pub(super) former: Option<Socket>,
    /// The request that opens or claims its session.
    pub(super) opening: Option<String>,
    pub(super) in_flight: BTreeMap<String, InFlight>,
    /// Offers and answers it has heard, and when.
    pub(super) received: BTreeMap<String, Instant>,
    /// The number of the last update in its call.
    pub(super) last_update: u64,
    /// Until when updates may overtake each other.
    pub(super) disorder: Instant,
    /// When what it heard may come again, because something died or froze.
    pub(super) doubtful: Vec<(Instant, Instant)>,
    /// Sessions and handles that are over for it.
    pub(super) gone: BTreeSet<u64>,
    number: u64,
    last_said: Instant,
    /// When it did not read, the last time.
    did_not_read: Option<(Instant, Instant)>,
}

impl Client {
    /// Somebody who has no socket yet; numbers count from here on.
    pub fn new(name: &'static str, number: u64, trace: Trace) -> Self {
        Self {
            name,
            edge: 0,
            previous_edge: 0,
            registered: None,
            call: Call::None,
            session: None,
            handle: None,
            away: None,
            trace,
            socket: None,
            former: None,
            opening: None,
            in_flight: BTreeMap::new(),
            received: BTreeMap::new(),
            last_update: 0,
            disorder: Instant::now(),
            doubtful: Vec::new(),
            gone: BTreeSet::new(),
            number,
            last_said: Instant::now(),
            did_not_read: None,
        }
    }

    /// Whether its socket is open and its session, if it has one, is on it.
    pub fn is_there(&self) -> bool {
        self.socket.is_some() && self.away.is_none() && self.opening.is_none()
    }

    /// Its handle, as the cluster knows it.
    pub fn who(&self) -> Option<HandleRef> {
        Some(HandleRef { session: SessionId(self.session?), handle: HandleId(self.handle?) })
    }

    /// Whether it waits for its session.
    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    /// Connects and begins a session.
    pub fn begins(&mut self, door: usize, stream: DuplexStream) {
        self.session_goes();
        self.loses_socket(Instant::now());
        (self.edge, self.socket) = (door, Some(Socket::open(stream)));
        self.opening = Some(self.says("create", json!({})));
    }

    /// Claims its session from another socket; the one it had may still be open.
    pub fn claims(&mut self, door: usize, stream: DuplexStream) {
        self.away.get_or_insert_with(Instant::now);
        self.excuse_what_has_no_ack();
        self.former = self.socket.take();
        self.previous_edge = std::mem::replace(&mut self.edge, door);
        self.socket = Some(Socket::open(stream));
        self.opening = Some(self.says("claim", json!({})));
    }

    /// Its socket is gone, by its own doing or not.
    pub fn loses_socket(&mut self, at: Instant) {
        // What waits in it, or in front of it, was handed over and counts as heard.
        if self.socket.take().is_some_and(|socket| !socket.is_reading()) {
            self.doubts(EVER);
            self.excuses(EVER);
        }
        (self.former, self.opening) = (None, None);
        self.excuse_what_has_no_ack();
        match self.session {
            Some(_) => _ = self.away.get_or_insert(self.noticed(at)),
            None => self.session_goes(),
        }
    }

    /// Since when a socket may be gone that was found to be at this moment: nobody knows who does not read.
    fn noticed(&self, at: Instant) -> Instant {
        self.did_not_read.filter(|(_, until)| at <= *until).map_or(at, |(since, _)| since)
    }

    /// Stops or begins to read.
    pub fn reads(&mut self, reads: bool) {
        let now = Instant::now();
        self.did_not_read = match (reads, self.did_not_read) {
            (true, Some((since, _))) => Some((since, now)),
            (true, None) => None,
            (false, _) => Some((now, now + EVER)),
        };
        if let Some(socket) = &self.socket {
            socket.read(reads);
        }
    }

    /// Whether it reads what it is sent.
    pub fn is_reading(&self) -> bool {
        self.socket.as_ref().is_none_or(Socket::is_reading)
    }

    /// Asks something of its session; returns the transaction.
    pub fn says(&mut self, verb: &'static str, mut request: Value) -> String {
        self.number += 1;
        self.last_said = Instant::now();
        let transaction = format!("{}{}", self.name, self.number);
        request["janus"] = json!(verb);
        request["transaction"] = json!(transaction);
        if let Some(session) = self.session {
            request["session_id"] = json!(session);
        }
        let of_handle = !matches!(verb, "create" | "claim" | "attach" | "destroy" | "keepalive");
        let handle = self.handle.filter(|_| of_handle);
        if let Some(handle) = handle {
            request["handle_id"] = json!(handle);
        }
        let (acked, answered, excused) = (None, None, false);
        self.in_flight.insert(transaction.clone(), InFlight { verb, handle, acked, answered, excused });
        self.trace.note(self.name, format_args!("> {request}"));
        if let Some(socket) = &self.socket {
            socket.say(request.to_string());
        }
        self.after(verb);
        transaction
    }

    /// A request to the plugin.
    pub fn requests(&mut self, body: Value, jsep: Option<&str>) {
        let mut request = json!({"body": body});
        if let Some(kind) = jsep {
            request["jsep"] = json!({"type": kind, "sdp": self.sdp()});
        }
        self.says("message", request);
    }

    /// Attaches to the plugin.
    pub fn attaches(&mut self) {
        self.opening = Some(self.says("attach", json!({"plugin": VIDEOCALL})));
    }

    /// A session description that is like no other.
    fn sdp(&self) -> String {
        let number = self.number + 1;
        format!("v=0\r\no=- {number} 1 IN IP4 0.0.0.0\r\ns=-\r\nm=audio 9 RTP/SAVPF 0\r\n")
    }

    /// Says that it is still there, if it has been silent for long.
    pub fn keeps_alive(&mut self) {
        if self.is_there() && self.session.is_some() && self.last_said.elapsed() > KEEPALIVE {
            self.says("keepalive", json!({}));
        }
    }

    fn after(&mut self, verb: &str) {
        match verb {
            "detach" => self.handle_goes(),
            "destroy" => self.session_goes(),
            _ => {}
        }
    }

    fn handle_goes(&mut self) {
        (self.call, self.registered) = (Call::None, None);
        if let Some(gone) = self.handle.take() {
            self.gone.insert(gone);
            let theirs = self.in_flight.values_mut().filter(|asked| asked.handle == Some(gone));
            theirs.filter(|asked| asked.verb != "detach").for_each(|asked| asked.excused = true);
        }
    }

    pub(super) fn session_goes(&mut self) {
        self.handle_goes();
        self.away = None;
        if let Some(gone) = self.session.take() {
            self.gone.insert(gone);
            self.in_flight
                .values_mut()
                .filter(|asked| asked.verb != "destroy")
                .for_each(|asked| asked.excused = true);
        }
    }

    /// What was asked on a socket that is gone may never have arrived.
    fn excuse_what_has_no_ack(&mut self) {
        let unsure = self.in_flight.values_mut().filter(|asked| asked.acked.is_none());
        unsure.for_each(|asked| asked.excused = true);
    }

    /// What it heard in this time before now may come again.
    pub fn doubts(&mut self, before: Duration) {
        let now = Instant::now();
        self.doubtful.push((now.checked_sub(before).unwrap_or(now), now));
    }

    /// Somebody's edge freezes. What that reads when it wakes may be older than what was said elsewhere
    /// meanwhile.
    pub fn expects_disorder(&mut self, until: Instant) {
        self.disorder = self.disorder.max(until);
    }

    /// What it asked, and was acknowledged in this time before now, may be lost.
    pub fn excuses(&mut self, before: Duration) {
        let lost = |asked: &&mut InFlight| asked.acked.is_some_and(|acked| acked.elapsed() <= before);
        self.in_flight.values_mut().filter(lost).for_each(|asked| asked.excused = true);
    }

    /// Something to say next, of several with their weights.
    pub fn chooses<T: Copy>(dice: &mut Rng, of: &[(usize, T)]) -> T {
        let mut left = dice.below(of.iter().map(|(weight, _)| weight).sum());
        let chosen = of.iter().find(|(weight, _)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        chosen.unwrap_or(&of[0]).1
    }
}
