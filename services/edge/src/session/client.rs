//! Everything one websocket connection is responsible for: its sessions. Pure decisions.
//!
//! A session belongs to the connection that created or claimed it; to any other it does not exist.
//! What needs the directory or another connection (`create`, `claim`, the end of a session) is
//! returned as [`Step`] and comes back through [`lifecycle`]: how sessions come here, are written down
//! and leave.

use crate::auth::Auth;
use crate::options::Limits;
use crate::session::Session;
use crate::session::action::Action;
use crate::session::handle::undo;
use bus::message::Events;
use common::{MessageId, ServiceId, entropy};
use protocol::error::{HANDLE_NOT_FOUND, JanusError, SESSION_NOT_FOUND, UNKNOWN};
use protocol::object::LazyObject;
use protocol::request::{self, Path, Request, Verb};
use protocol::server_info::ServerInfo;
use protocol::{HandleId, HandleRef, SessionId, reply};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

mod lifecycle;
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
    disconnected_since: Option<Instant>,
}

/// What a request asks of the connection.
#[derive(Debug)]
pub enum Outcome {
    /// These, in order.
    Perform(Vec<Action>),
    /// Answer at once, about no session.
    Reply(String),
    /// Open a session, with this id or a random one, to be claimed with this proof.
    Create(String, Option<SessionId>, Option<String>),
    /// Get a session from whoever has it, for a client that shows this proof.
    Claim(String, SessionId, Option<String>),
    /// Do these, in order, once the session is written down as it is now.
    AfterPersist(SessionId, Vec<Action>),
    /// Do these; then the session is over.
    End(SessionId, Vec<Action>),
}

impl Client {
    /// A connection without sessions.
    pub fn new(edge: ServiceId, limits: Arc<Limits>, info: Arc<ServerInfo>) -> Self {
        Self {
            edge,
            limits,
            info,
            sessions: BTreeMap::new(),
            changed: BTreeSet::new(),
            disconnected_since: None,
        }
    }

    /// A request.
    pub fn on_request(&mut self, object: LazyObject<'_>, now: Instant) -> Outcome {
        let request = match request::read(object) {
            Ok(request) => request,
            Err(fault) => return Outcome::Reply(reply::request_error(&fault)),
        };
        if let Err(refusal) = self.authenticate(&request) {
            let session = request.path.session();
            return Outcome::Reply(reply::error(session, Some(&request.transaction), &refusal));
        }
        match request.path {
            Path::Server => self.server_request(&request),
            Path::Session(session) => self.session_request(&request, session, now),
            Path::Handle(session, handle) => self.handle_request(&request, session, handle, now),
        }
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<(), JanusError> {
        match request.is_public() {
            true => Ok(()),
            false => self.limits.auth.check(&request.credentials(), unix_seconds()),
        }
    }

    fn server_request(&self, request: &Request<'_>) -> Outcome {
        match request.verb() {
            Ok(Verb::Ping) => Outcome::Reply(reply::pong(&request.transaction)),
            Ok(Verb::Info) => Outcome::Reply(self.info.reply(&request.transaction)),
            Ok(Verb::Create(_)) if self.sessions.len() >= self.limits.max_sessions => {
                let refusal = JanusError::new(UNKNOWN, "Too many sessions on this connection");
                Outcome::Reply(reply::error(None, Some(&request.transaction), &refusal))
            }
            Ok(Verb::Create(wanted)) => {
                Outcome::Create(request.transaction.clone(), wanted, self.token_digest(request))
            }
            Ok(_) => unreachable!("the path of the server has these three verbs"),
            Err(refusal) => Outcome::Reply(reply::error(None, Some(&request.transaction), &refusal)),
        }
    }

    fn session_request(&mut self, request: &Request<'_>, id: SessionId, now: Instant) -> Outcome {
        let (transaction, verb) = (&request.transaction, request.verb());
        if let Err(step) = self.authorize(request, &verb, id, now) {
            return step;
        }
        match verb {
            Ok(Verb::Keepalive) => send_to_client(id, reply::ack(id, transaction)),
            Ok(Verb::Claim) => send_to_client(id, reply::success(id, transaction)),
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
    ) -> Outcome {
        let (transaction, verb) = (&request.transaction, request.verb());
        let session = match self.authorize(request, &verb, id, now) {
            Ok(session) => session,
            Err(step) => return step,
        };
        let Some(handle) = session.handle(handle_id) else {
            let reason = format!("No such handle {handle_id} in session {id}");
            return refuse(id, transaction, &JanusError::new(HANDLE_NOT_FOUND, reason));
        };
        let mut acts = Vec::new();
        match verb {
            Ok(Verb::Keepalive) => return send_to_client(id, reply::ack(id, transaction)),
            Ok(Verb::Claim) => return send_to_client(id, reply::success(id, transaction)),
            Ok(Verb::Message { body, jsep }) => {
                handle.on_message(transaction, body, jsep, now, &mut acts);
                if handle.has_queued() {
                    // Nobody else knows of it before its turn comes.
                    self.changed.insert(id);
                    return Outcome::AfterPersist(id, acts);
                }
            }
            Ok(Verb::Trickle(candidates)) => handle.on_trickle(transaction, &candidates, now, &mut acts),
            Ok(Verb::Hangup) => handle.on_hangup(transaction, &mut acts),
            Ok(Verb::Detach) => session.detach(handle_id, transaction, now, &mut acts),
            Ok(_) => unreachable!("the path of a handle has these six verbs"),
            Err(refusal) => return refuse(id, transaction, &refusal),
        }
        self.changed.insert(id);
        Outcome::Perform(acts)
    }

    /// A session of this connection, which is not silent any more; otherwise what becomes of the
    /// request. One of others can only be claimed, and any only with the proof it was created with.
    fn authorize(
        &mut self,
        request: &Request<'_>,
        verb: &Result<Verb<'_>, JanusError>,
        id: SessionId,
        now: Instant,
    ) -> Result<&mut Session, Outcome> {
        let claims = matches!(verb, Ok(Verb::Claim));
        let proof = if claims { self.token_digest(request) } else { None };
        match self.sessions.get_mut(&id) {
            Some(session)
                if !claims || Auth::same_token(session.token_digest.as_deref(), proof.as_deref()) =>
            {
                session.last_request = now;
                Ok(session)
            }
            None if claims => Err(Outcome::Claim(request.transaction.clone(), id, proof)),
            _ => Err(no_such_session(&request.transaction, id)),
        }
    }

    fn token_digest(&self, request: &Request<'_>) -> Option<String> {
        self.limits.auth.token_digest(&request.credentials())
    }

    fn attach(&mut self, request: &Request<'_>, id: SessionId) -> Outcome {
        if let Err(refusal) = self.limits.auth.check_plugin(&request.credentials(), unix_seconds()) {
            return refuse(id, &request.transaction, &refusal);
        }
        match self.sessions.get_mut(&id).and_then(|session| session.attach(&self.edge)) {
            Some(handle) => {
                self.changed.insert(id);
                let attached = reply::attached(id, &request.transaction, handle);
                Outcome::AfterPersist(id, vec![Action::SendToClient(id, attached)])
            }
            None => {
                let refusal = JanusError::new(UNKNOWN, "Too many handles in this session");
                refuse(id, &request.transaction, &refusal)
            }
        }
    }

    fn destroy(&mut self, id: SessionId, transaction: &str) -> Outcome {
        let mut acts = vec![Action::SendToClient(id, reply::success(id, transaction))];
        self.end(id, &mut acts);
        Outcome::End(id, acts)
    }

    fn end(&mut self, id: SessionId, acts: &mut Vec<Action>) {
        self.changed.remove(&id);
        if let Some(session) = self.sessions.remove(&id) {
            session.end(acts);
        }
    }

    /// Ends a session whose client is not to be told.
    pub fn drop_session(&mut self, id: SessionId) -> Vec<Action> {
        let mut acts = Vec::new();
        self.end(id, &mut acts);
        acts
    }

    /// Ends a session of its own accord, and tells its client so.
    pub fn expire_session(&mut self, id: SessionId) -> Vec<Action> {
        let mut acts = self.drop_session(id);
        acts.push(Action::SendToClient(id, reply::timeout(id)));
        acts
    }

    /// Events for a handle.
    pub fn on_events(&mut self, events: Events, now: Instant) -> Vec<Action> {
        let mut acts = Vec::new();
        let away = self.disconnected_since.is_some();
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
    pub fn on_send_failed(&mut self, who: HandleRef, message: MessageId, now: Instant) -> Vec<Action> {
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
        let ends = self.sessions.values().filter_map(|session| self.expires_at(session));
        ends.chain(self.sessions.values().filter_map(|session| session.due())).min()
    }

    /// Does what is due: the sessions that are over, and the acts.
    pub fn on_timer(&mut self, now: Instant) -> (Vec<SessionId>, Vec<Action>) {
        let mut acts = Vec::new();
        let is_over = |session: &Session| self.expires_at(session).is_some_and(|end| end <= now);
        let over = self.sessions.values().filter(|session| is_over(session)).map(|session| session.id);
        let over: Vec<SessionId> = over.collect();
        for id in &over {
            acts.extend(self.expire_session(*id));
        }
        for session in
            self.sessions.values_mut().filter(|session| session.due().is_some_and(|due| due <= now))
        {
            session.on_timer(now, &mut acts);
            self.changed.insert(session.id);
        }
        (over, acts)
    }

    /// When a session ends: after its silence, or, once the socket is gone, after the time in which
    /// it can be claimed.
    fn expires_at(&self, session: &Session) -> Option<Instant> {
        match self.disconnected_since {
            Some(since) => Some(since + self.limits.reclaim_timeout),
            None => self.limits.session_timeout.map(|timeout| session.last_request + timeout),
        }
    }
}

/// The wall clock, for tokens that expire.
fn unix_seconds() -> u64 {
    entropy::unix_millis() / 1000
}

/// Refuses a session that does not exist, or not for this connection.
pub fn no_such_session(transaction: &str, id: SessionId) -> Outcome {
    let refusal = JanusError::new(SESSION_NOT_FOUND, format!("No such session {id}"));
    Outcome::Reply(reply::error(Some(id), Some(transaction), &refusal))
}

fn refuse(id: SessionId, transaction: &str, refusal: &JanusError) -> Outcome {
    send_to_client(id, reply::error(Some(id), Some(transaction), refusal))
}

fn send_to_client(id: SessionId, text: String) -> Outcome {
    Outcome::Perform(vec![Action::SendToClient(id, text)])
}
