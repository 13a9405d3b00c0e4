//! A client: its sockets, its session, its requests, and the state of its call.

use super::socket::Socket;
use super::trace::Trace;
use protocol::{HandleId, HandleRef, SessionId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use testkit::Rng;
use testkit::message::VIDEOCALL;
use tokio::io::DuplexStream;
use tokio::time::Instant;

/// Interval of keepalives, which prevent the session timeout.
const KEEPALIVE: Duration = Duration::from_secs(20);
const FOREVER: Duration = Duration::from_secs(3_600);

/// A request in flight and its replies.
pub(super) struct InFlight {
    pub(super) verb: &'static str,
    pub(super) handle: Option<u64>,
    pub(super) acked: Option<Instant>,
    pub(super) answered: Option<Instant>,
    /// Whether the request may remain unanswered.
    pub(super) excused: bool,
}

/// A client's view of its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Call {
    #[default]
    None,
    Calling,
    Ringing,
    Up,
}

pub struct Client {
    pub name: &'static str,
    /// The slot of the edge that it is connected to.
    pub edge: usize,
    /// The slot of the edge that it was connected to before.
    pub previous_edge: usize,
    /// The name it has registered.
    pub registered: Option<String>,
    /// Its view of its call.
    pub call: Call,
    pub session: Option<u64>,
    pub handle: Option<u64>,
    /// Since when its session has no socket.
    pub away: Option<Instant>,
    pub(super) trace: Trace,
    pub(super) socket: Option<Socket>,
    /// The socket from which the session is being claimed.
    pub(super) former_socket: Option<Socket>,
    /// The transaction that creates or claims its session, or attaches its handle.
    pub(super) opening: Option<String>,
    pub(super) in_flight: BTreeMap<String, InFlight>,
    /// Offers and answers it has received, and when.
    pub(super) received: BTreeMap<String, Instant>,
    /// The number of the last update in its call.
    pub(super) last_update: u64,
    /// Until when updates may overtake each other.
    pub(super) reordering_until: Instant,
    /// Periods whose events may be repeated, because a service died or froze.
    pub(super) repeat_windows: Vec<(Instant, Instant)>,
    /// Sessions and handles that have ended for the client.
    pub(super) ended: BTreeSet<u64>,
    number: u64,
    last_sent: Instant,
    /// The last period in which it did not read.
    did_not_read: Option<(Instant, Instant)>,
}

impl Client {
    /// A client without a socket. Its transactions count from `number` on.
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
            former_socket: None,
            opening: None,
            in_flight: BTreeMap::new(),
            received: BTreeMap::new(),
            last_update: 0,
            reordering_until: Instant::now(),
            repeat_windows: Vec::new(),
            ended: BTreeSet::new(),
            number,
            last_sent: Instant::now(),
            did_not_read: None,
        }
    }

    /// Whether its socket is open and its session, if it has one, is on it.
    pub fn is_connected(&self) -> bool {
        self.socket.is_some() && self.away.is_none() && self.opening.is_none()
    }

    /// Its handle, as the cluster knows it.
    pub fn handle_ref(&self) -> Option<HandleRef> {
        Some(HandleRef { session: SessionId(self.session?), handle: HandleId(self.handle?) })
    }

    /// Whether it waits for its session or handle.
    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    /// Connects and creates a session.
    pub fn connect(&mut self, edge: usize, stream: DuplexStream) {
        self.drop_session();
        self.lose_socket(Instant::now());
        (self.edge, self.socket) = (edge, Some(Socket::open(stream)));
        self.opening = Some(self.send("create", json!({})));
    }

    /// Claims its session from another socket. Its former socket may still be open.
    pub fn claim(&mut self, edge: usize, stream: DuplexStream) {
        self.away.get_or_insert_with(Instant::now);
        self.excuse_unacked();
        self.former_socket = self.socket.take();
        self.previous_edge = std::mem::replace(&mut self.edge, edge);
        self.socket = Some(Socket::open(stream));
        self.opening = Some(self.send("claim", json!({})));
    }

    /// Its socket is closed, by itself or by a fault.
    pub fn lose_socket(&mut self, at: Instant) {
        // Messages in the socket's buffer were handed over, and count as received.
        if self.socket.take().is_some_and(|socket| !socket.is_reading()) {
            self.allow_repeats(FOREVER);
            self.excuse_acked(FOREVER);
        }
        (self.former_socket, self.opening) = (None, None);
        self.excuse_unacked();
        match self.session {
            Some(_) => _ = self.away.get_or_insert(self.noticed_at(at)),
            None => self.drop_session(),
        }
    }

    /// When a client noticed that its socket was gone. A client that does not read notices it late.
    fn noticed_at(&self, at: Instant) -> Instant {
        self.did_not_read.filter(|(_, until)| at <= *until).map_or(at, |(since, _)| since)
    }

    /// Stops or resumes reading.
    pub fn set_reading(&mut self, reads: bool) {
        let now = Instant::now();
        self.did_not_read = match (reads, self.did_not_read) {
            (true, Some((since, _))) => Some((since, now)),
            (true, None) => None,
            (false, _) => Some((now, now + FOREVER)),
        };
        if let Some(socket) = &self.socket {
            socket.set_reading(reads);
        }
    }

    /// Whether it reads.
    pub fn is_reading(&self) -> bool {
        self.socket.as_ref().is_none_or(Socket::is_reading)
    }

    /// Sends a request for its session. Returns the transaction.
    pub fn send(&mut self, verb: &'static str, mut request: Value) -> String {
        self.number += 1;
        self.last_sent = Instant::now();
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
            socket.send(request.to_string());
        }
        self.after_send(verb);
        transaction
    }

    /// Sends a request to the plugin.
    pub fn request(&mut self, body: Value, jsep: Option<&str>) {
        let mut request = json!({"body": body});
        if let Some(kind) = jsep {
            request["jsep"] = json!({"type": kind, "sdp": self.sdp()});
        }
        self.send("message", request);
    }

    /// Attaches to the plugin.
    pub fn attach(&mut self) {
        self.opening = Some(self.send("attach", json!({"plugin": VIDEOCALL})));
    }

    /// A unique session description.
    fn sdp(&self) -> String {
        let number = self.number + 1;
        format!("v=0\r\no=- {number} 1 IN IP4 0.0.0.0\r\ns=-\r\nm=audio 9 RTP/SAVPF 0\r\n")
    }

    /// Sends a keepalive after a long silence.
    pub fn keep_alive(&mut self) {
        if self.is_connected() && self.session.is_some() && self.last_sent.elapsed() > KEEPALIVE {
            self.send("keepalive", json!({}));
        }
    }

    fn after_send(&mut self, verb: &str) {
        match verb {
            "detach" => self.drop_handle(),
            "destroy" => self.drop_session(),
            _ => {}
        }
    }

    fn drop_handle(&mut self) {
        (self.call, self.registered) = (Call::None, None);
        if let Some(id) = self.handle.take() {
            self.ended.insert(id);
            let of_handle = self.in_flight.values_mut().filter(|request| request.handle == Some(id));
            of_handle.filter(|request| request.verb != "detach").for_each(|request| request.excused = true);
        }
    }

    pub(super) fn drop_session(&mut self) {
        self.drop_handle();
        self.away = None;
        if let Some(id) = self.session.take() {
            self.ended.insert(id);
            self.in_flight
                .values_mut()
                .filter(|request| request.verb != "destroy")
                .for_each(|request| request.excused = true);
        }
    }

    /// A request on a lost socket may never have arrived.
    fn excuse_unacked(&mut self) {
        let unsure = self.in_flight.values_mut().filter(|request| request.acked.is_none());
        unsure.for_each(|request| request.excused = true);
    }

    /// Events received within `before` may be repeated.
    pub fn allow_repeats(&mut self, before: Duration) {
        let now = Instant::now();
        self.repeat_windows.push((now.checked_sub(before).unwrap_or(now), now));
    }

    /// An edge freezes. Events that it delivers after resuming may be older than those that another edge
    /// delivered during the freeze.
    pub fn allow_reordering(&mut self, until: Instant) {
        self.reordering_until = self.reordering_until.max(until);
    }

    /// Requests acknowledged within `before` may be lost.
    pub fn excuse_acked(&mut self, before: Duration) {
        let lost = |request: &&mut InFlight| request.acked.is_some_and(|acked| acked.elapsed() <= before);
        self.in_flight.values_mut().filter(lost).for_each(|request| request.excused = true);
    }

    /// A weighted random choice.
    pub fn choose<T: Copy>(rng: &mut Rng, of: &[(usize, T)]) -> T {
        let mut left = rng.below(of.iter().map(|(weight, _)| weight).sum());
        let chosen = of.iter().find(|(weight, _)| {
            let is_chosen = left < *weight;
            left = left.saturating_sub(*weight);
            is_chosen
        });
        chosen.unwrap_or(&of[0]).1
    }
}
