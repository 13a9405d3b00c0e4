//! Everything one websocket connection is responsible for: its sessions. Pure decisions.
//!
//! A session belongs to the connection that created or claimed it; to any other it does not exist.
//! What needs the directory or another connection (`create`, `claim`, the end of a session) is
//! returned as [`Step`] and comes back through [`custody`]: how sessions come here, are written down
//! and leave.

use crate::access::Access;
use crate::act::Act;
use crate::handle::undo;
use crate::options::Limits;
use crate::session::Session;
use bus::message::Events;
use protocol::error::{HANDLE_NOT_FOUND, Refusal, SESSION_NOT_FOUND, UNKNOWN};
use protocol::object::Object;
use protocol::request::{self, Path, Request, Verb};
use protocol::server_info::ServerInfo;
use protocol::{HandleId, HandleRef, MessageId, ServiceId, SessionId, outside, reply};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

mod custody;
#[cfg(test)]
mod tests;

/// The state of a connection.
pub struct Client {
    edge: ServiceId,
    limits: Arc<Limits>,
    info: Arc<ServerInfo>,
    /// Boxed, for a map has room for eleven, and most clients have one.
    sessions: BTreeMap<SessionId, Box<Session>>,
    /// Those that are not as they were written down.
    changed: BTreeSet<SessionId>,
    /// Since when the socket is gone.
    away_since: Option<Instant>,
}

/// What a request asks of the connection.
#[derive(Debug)]
pub enum Step {
    /// These, in order.
    Do(Vec<Act>),
    /// Answer at once, about no session.
    Reply(String),
    /// Open a session, with this id or a random one, to be claimed with this proof.
    Create(String, Option<SessionId>, Option<String>),
    /// Get a session from whoever has it, for a client that shows this proof.
    Claim(String, SessionId, Option<String>),
    /// Do these, in order, once the session is written down as it is now.
    DoWhenWritten(SessionId, Vec<Act>),
    /// Do these; then the session is over.
    End(SessionId, Vec<Act>),
}

impl Client {
    /// A connection without sessions.
    pub fn new(edge: ServiceId, limits: Arc<Limits>, info: Arc<ServerInfo>) -> Self {
        Self { edge, limits, info, sessions: BTreeMap::new(), changed: BTreeSet::new(), away_since: None }
    }

    /// A request.
    pub fn on_request(&mut self, object: Object<'_>, now: Instant) -> Step {
        let request = match request::read(object) {
            Ok(request) => request,
            Err(fault) => return Step::Reply(reply::fault(&fault)),
        };
        if let Err(refusal) = self.admit(&request) {
            let session = request.path.session();
            return Step::Reply(reply::error(session, Some(&request.transaction), &refusal));
        }
        match request.path {
            Path::Server => self.server_request(&request),
            Path::Session(session) => self.session_request(&request, session, now),
            Path::Handle(session, handle) => self.handle_request(&request, session, handle, now),
        }
    }

    fn admit(&self, request: &Request<'_>) -> Result<(), Refusal> {
        match request.is_open() {
            true => Ok(()),
            false => self.limits.access.check(&request.credentials(), unix_seconds()),
        }
    }

    fn server_request(&self, request: &Request<'_>) -> Step {
        match request.verb() {
            Ok(Verb::Ping) => Step::Reply(reply::pong(&request.transaction)),
            Ok(Verb::Info) => Step::Reply(self.info.reply(&request.transaction)),
            Ok(Verb::Create(_)) if self.sessions.len() >= self.limits.max_sessions => {
                let refusal = Refusal::new(UNKNOWN, "Too many sessions on this connection");
                Step::Reply(reply::error(None, Some(&request.transaction), &refusal))
            }
            Ok(Verb::Create(wanted)) => {
                Step::Create(request.transaction.clone(), wanted, self.proof(request))
            }
            Ok(_) => unreachable!("the path of the server has these three verbs"),
            Err(refusal) => Step::Reply(reply::error(None, Some(&request.transaction), &refusal)),
        }
    }

    fn session_request(&mut self, request: &Request<'_>, id: SessionId, now: Instant) -> Step {
        let (transaction, verb) = (&request.transaction, request.verb());
        if let Err(step) = self.own(request, &verb, id, now) {
            return step;
        }
        match verb {
            Ok(Verb::Keepalive) => tell(id, reply::ack(id, transaction)),
            Ok(Verb::Claim) => tell(id, reply::success(id, transaction)),
            Ok(Verb::Attach) => self.attach(request, id),
            Ok(Verb::Destroy) => self.destroy(id, transaction),
            Ok(_) => unreachable!("the path of a session has these four verbs"),
            Err(refusal) => refuse(id, transaction, &refusal),
        }
    }

    fn handle_request(
        &mut self,
        request: &Request<'_>,
        id: SessionId,
        handle_id: HandleId,
        now: Instant,
    ) -> Step {
        let (transaction, verb) = (&request.transaction, request.verb());
        let session = match self.own(request, &verb, id, now) {
            Ok(session) => session,
            Err(step) => return step,
        };
        let Some(handle) = session.handle(handle_id) else {
            let reason = format!("No such handle {handle_id} in session {id}");
            return refuse(id, transaction, &Refusal::new(HANDLE_NOT_FOUND, reason));
        };
        let mut acts = Vec::new();
        match verb {
            Ok(Verb::Keepalive) => return tell(id, reply::ack(id, transaction)),
            Ok(Verb::Claim) => return tell(id, reply::success(id, transaction)),
            Ok(Verb::Message { body, jsep }) => {
                handle.on_message(transaction, body, jsep, now, &mut acts);
                if handle.is_waiting() {
                    // Nobody else knows of it before its turn comes.
                    self.changed.insert(id);
                    return Step::DoWhenWritten(id, acts);
                }
            }
            Ok(Verb::Trickle(candidates)) => handle.on_trickle(transaction, &candidates, now, &mut acts),
            Ok(Verb::Hangup) => handle.on_hangup(transaction, &mut acts),
            Ok(Verb::Detach) => session.detach(handle_id, transaction, now, &mut acts),
            Ok(_) => unreachable!("the path of a handle has these six verbs"),
            Err(refusal) => return refuse(id, transaction, &refusal),
        }
        self.changed.insert(id);
        Step::Do(acts)
    }

    /// A session of this connection, which is not silent any more; otherwise what becomes of the
    /// request. One of others can only be claimed, and any only with the proof it was created with.
    fn own(
        &mut self,
        request: &Request<'_>,
        verb: &Result<Verb<'_>, Refusal>,
        id: SessionId,
        now: Instant,
    ) -> Result<&mut Session, Step> {
        let claims = matches!(verb, Ok(Verb::Claim));
        let proof = if claims { self.proof(request) } else { None };
        match self.sessions.get_mut(&id) {
            Some(session) if !claims || Access::same_proof(session.proof.as_deref(), proof.as_deref()) => {
                session.last_request = now;
                Ok(session)
            }
            None if claims => Err(Step::Claim(request.transaction.clone(), id, proof)),
            _ => Err(no_such_session(&request.transaction, id)),
        }
    }

    fn proof(&self, request: &Request<'_>) -> Option<String> {
        self.limits.access.proof(&request.credentials())
    }

    fn attach(&mut self, request: &Request<'_>, id: SessionId) -> Step {
        if let Err(refusal) = self.limits.access.check_plugin(&request.credentials(), unix_seconds()) {
            return refuse(id, &request.transaction, &refusal);
        }
        match self.sessions.get_mut(&id).and_then(|session| session.attach(&self.edge)) {
            Some(handle) => {
                self.changed.insert(id);
                let attached = reply::attached(id, &request.transaction, handle);
                Step::DoWhenWritten(id, vec![Act::Tell(id, attached)])
            }
            None => {
                let refusal = Refusal::new(UNKNOWN, "Too many handles in this session");
                refuse(id, &request.transaction, &refusal)
            }
        }
    }

    fn destroy(&mut self, id: SessionId, transaction: &str) -> Step {
        let mut acts = vec![Act::Tell(id, reply::success(id, transaction))];
        self.end(id, &mut acts);
        Step::End(id, acts)
    }

    fn end(&mut self, id: SessionId, acts: &mut Vec<Act>) {
        self.changed.remove(&id);
        if let Some(session) = self.sessions.remove(&id) {
            session.end(acts);
        }
    }

    /// Ends a session whose client is not to be told.
    pub fn drop_session(&mut self, id: SessionId) -> Vec<Act> {
        let mut acts = Vec::new();
        self.end(id, &mut acts);
        acts
    }

    /// Ends a session of its own accord, and tells its client so.
    pub fn disconnect(&mut self, id: SessionId) -> Vec<Act> {
        let mut acts = self.drop_session(id);
        acts.push(Act::Tell(id, reply::timeout(id)));
        acts
    }

    /// Events for a handle.
    pub fn on_events(&mut self, events: Events, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        let away = self.away_since.is_some();
        let Some(session) = self.sessions.get_mut(&events.session) else {
            undo(&events, &mut acts);
            return acts;
        };
        self.changed.insert(events.session);
        if session.on_released(&events, &mut acts) {
            return acts;
        }
        match session.handle(events.handle) {
            Some(handle) => handle.on_events(events, away, now, &mut acts),
            None => undo(&events, &mut acts),
        }
        acts
    }

    /// The bus did not take a message of this handle.
    pub fn on_send_failed(&mut self, who: HandleRef, message: MessageId, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        let session = self.sessions.get_mut(&who.session);
        if let Some(handle) = session.and_then(|session| session.handle(who.handle)) {
            handle.on_send_failed(message, now, &mut acts);
            self.changed.insert(who.session);
        }
        acts
    }

    /// When something is due, at the latest.
    pub fn due(&self) -> Option<Instant> {
        let ends = self.sessions.values().filter_map(|session| self.end_of(session));
        ends.chain(self.sessions.values().filter_map(|session| session.due())).min()
    }

    /// Does what is due: the sessions that are over, and the acts.
    pub fn on_time(&mut self, now: Instant) -> (Vec<SessionId>, Vec<Act>) {
        let mut acts = Vec::new();
        let is_over = |session: &Session| self.end_of(session).is_some_and(|end| end <= now);
        let over = self.sessions.values().filter(|session| is_over(session)).map(|session| session.id);
        let over: Vec<SessionId> = over.collect();
        for id in &over {
            acts.extend(self.disconnect(*id));
        }
        for session in
            self.sessions.values_mut().filter(|session| session.due().is_some_and(|due| due <= now))
        {
            session.on_time(now, &mut acts);
            self.changed.insert(session.id);
        }
        (over, acts)
    }

    /// When a session ends: after its silence, or, once the socket is gone, after the time in which
    /// it can be claimed.
    fn end_of(&self, session: &Session) -> Option<Instant> {
        match self.away_since {
            Some(since) => Some(since + self.limits.reclaim_timeout),
            None => self.limits.session_timeout.map(|timeout| session.last_request + timeout),
        }
    }
}

/// The wall clock, for tokens that expire.
fn unix_seconds() -> u64 {
    outside::unix_millis() / 1000
}

/// Refuses a session that does not exist, or not for this connection.
pub fn no_such_session(transaction: &str, id: SessionId) -> Step {
    let refusal = Refusal::new(SESSION_NOT_FOUND, format!("No such session {id}"));
    Step::Reply(reply::error(Some(id), Some(transaction), &refusal))
}

fn refuse(id: SessionId, transaction: &str, refusal: &Refusal) -> Step {
    tell(id, reply::error(Some(id), Some(transaction), refusal))
}

fn tell(id: SessionId, text: String) -> Step {
    Step::Do(vec![Act::Tell(id, text)])
}
