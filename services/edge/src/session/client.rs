//! The state machine of one client connection: its sessions, and who may use them.
//!
//! A session belongs to the connection that created or claimed it. For every other connection it does not exist.
//! Some requests need the directory or another connection: `create`, `claim`, the end of a session. They are returned
//! as an [`Outcome`], and their results come back through the functions in [`lifecycle`].

mod lifecycle;
#[cfg(test)]
mod tests;

use super::Session;
use super::action::{Action, Cx};
use crate::auth::{Auth, Unauthorized};
use crate::options::Limits;
use bus::message::Events;
use common::{MessageId, ServiceId, clock};
use protocol::error::{HANDLE_NOT_FOUND, JanusError, SESSION_NOT_FOUND, UNKNOWN};
use protocol::object::LazyObject;
use protocol::request::{self, Path, Request, Verb};
use protocol::server_info::ServerInfo;
use protocol::{HandleId, HandleRef, SessionId, reply};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// The sessions of one connection.
pub struct Client {
    edge: ServiceId,
    limits: Arc<Limits>,
    server_info: Arc<ServerInfo>,
    /// Boxed, because a map node has room for eleven, and most clients have one session.
    sessions: BTreeMap<SessionId, Box<Session>>,
    /// The sessions whose stored state is out of date.
    changed: BTreeSet<SessionId>,
    /// How many bytes may wait on the handles of all sessions.
    allowance: usize,
    /// How many bytes wait on the handles of a session, without those of `changed`; sessions without any are left out.
    held: BTreeMap<SessionId, usize>,
    disconnected_since: Option<Instant>,
    /// No secret is looked at.
    is_barred: bool,
}

/// What the connection does about a request.
#[derive(Debug)]
pub enum Outcome {
    Perform(Vec<Action>),
    /// Send a reply that is about no session.
    Reply(String),
    /// Send a reply, because the client has not shown a valid secret or token.
    Refuse(String, Unauthorized),
    /// Create a session, with this id or a random one, that only this token may claim.
    Create {
        transaction: String,
        wanted: Option<SessionId>,
        token_digest: Option<String>,
    },
    /// Claim a session for a client with this token.
    Claim {
        transaction: String,
        session: SessionId,
        token_digest: Option<String>,
    },
    /// Perform the actions once the session's state is stored.
    AfterPersist(SessionId, Vec<Action>),
    /// Perform the actions; then the session is over.
    End(SessionId, Vec<Action>),
}

impl Client {
    pub fn new(edge: ServiceId, limits: Arc<Limits>, server_info: Arc<ServerInfo>) -> Self {
        Self {
            edge,
            limits,
            server_info,
            sessions: BTreeMap::new(),
            changed: BTreeSet::new(),
            allowance: usize::MAX,
            held: BTreeMap::new(),
            disconnected_since: None,
            is_barred: false,
        }
    }

    pub fn on_request(&mut self, object: LazyObject<'_>, now: Instant) -> Outcome {
        let request = match request::read(object) {
            Ok(request) => request,
            Err(fault) => return Outcome::Reply(reply::request_error(&fault)),
        };
        if let Err(reason) = self.authenticate(&request) {
            let session = request.path.session();
            let text = reply::error(session, Some(&request.transaction), &reason.error());
            return Outcome::Refuse(text, reason);
        }
        match request.path {
            Path::Server => self.server_request(&request),
            Path::Session(session) => self.session_request(&request, session, now),
            Path::Handle(session, handle) => self.handle_request(&request, session, handle, now),
        }
    }

    /// Sets whether requests are refused without a look at their secrets. Without configured secrets it changes nothing.
    pub fn set_barred(&mut self, is_barred: bool) {
        self.is_barred = is_barred;
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<(), Unauthorized> {
        if request.is_public() {
            return Ok(());
        }
        if self.is_barred {
            return Err(Unauthorized::Unchecked);
        }
        self.limits.auth.check(&request.credentials(), clock::earliest_unix_seconds())
    }

    fn server_request(&self, request: &Request<'_>) -> Outcome {
        match request.verb() {
            Ok(Verb::Ping) => Outcome::Reply(reply::pong(&request.transaction)),
            Ok(Verb::Info) => Outcome::Reply(self.server_info.reply(&request.transaction)),
            Ok(Verb::Create(_)) if self.sessions.len() >= self.limits.max_sessions => {
                Outcome::Reply(reply::error(None, Some(&request.transaction), &too_many_sessions()))
            }
            Ok(Verb::Create(wanted)) => Outcome::Create {
                transaction: request.transaction.clone(),
                wanted,
                token_digest: self.token_digest(request),
            },
            Ok(_) => unreachable!("the path of the server has these three verbs"),
            Err(error) => Outcome::Reply(reply::error(None, Some(&request.transaction), &error)),
        }
    }

    fn session_request(&mut self, request: &Request<'_>, id: SessionId, now: Instant) -> Outcome {
        let (transaction, verb) = (&request.transaction, request.verb());
        if let Err(outcome) = self.authorize(request, &verb, id, now) {
            return outcome;
        }
        match verb {
            Ok(Verb::Keepalive) => send(id, reply::ack(id, transaction)),
            Ok(Verb::Claim) => send(id, reply::success(id, transaction)),
            Ok(Verb::Attach) => self.attach(request, id),
            Ok(Verb::Destroy) => self.destroy(id, transaction, now),
            Ok(_) => unreachable!("the path of a session has these four verbs"),
            Err(error) => refuse(id, transaction, &error),
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
        let room = self.room();
        let session = match self.authorize(request, &verb, id, now) {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        let Some(handle) = session.handle(handle_id) else {
            let reason = format!("No such handle {handle_id} in session {id}");
            return refuse(id, transaction, &JanusError::new(HANDLE_NOT_FOUND, reason));
        };
        let mut cx = Cx::new(now);
        cx.room = room;
        let mut is_queued = false;
        match verb {
            Ok(Verb::Keepalive) => return send(id, reply::ack(id, transaction)),
            Ok(Verb::Claim) => return send(id, reply::success(id, transaction)),
            Ok(Verb::Message { body, jsep }) => {
                handle.on_message(transaction, body, jsep, &mut cx);
                is_queued = handle.has_queued_requests();
            }
            Ok(Verb::Trickle(candidates)) => handle.on_trickle(transaction, &candidates, &mut cx),
            Ok(Verb::Hangup) => handle.on_hangup(transaction, &mut cx),
            Ok(Verb::Detach) => session.detach(handle_id, transaction, &mut cx),
            Ok(_) => unreachable!("the path of a handle has these six verbs"),
            Err(error) => return refuse(id, transaction, &error),
        }
        self.changed.insert(id);
        if is_queued {
            // Only this edge knows of a queued request: without the snapshot it is lost if the edge dies.
            return Outcome::AfterPersist(id, cx.into_actions());
        }
        Outcome::Perform(cx.into_actions())
    }

    /// Returns the session of a request, if it belongs to this connection, and restarts its timeout. The session of
    /// another connection can only be claimed, and any session only with its token.
    fn authorize(
        &mut self,
        request: &Request<'_>,
        verb: &Result<Verb<'_>, JanusError>,
        id: SessionId,
        now: Instant,
    ) -> Result<&mut Session, Outcome> {
        let is_claim = matches!(verb, Ok(Verb::Claim));
        let token_digest = if is_claim { self.token_digest(request) } else { None };
        let has_room = if is_claim { self.check_room() } else { Ok(()) };
        match self.sessions.get_mut(&id) {
            Some(session)
                if !is_claim
                    || Auth::same_token(session.token_digest.as_deref(), token_digest.as_deref()) =>
            {
                session.last_request = now;
                Ok(session)
            }
            None if is_claim => {
                if let Err(error) = has_room {
                    return Err(Outcome::Reply(reply::error(Some(id), Some(&request.transaction), &error)));
                }
                let transaction = request.transaction.clone();
                Err(Outcome::Claim { transaction, session: id, token_digest })
            }
            _ => Err(Outcome::Reply(no_such_session(&request.transaction, id))),
        }
    }

    /// Whether a session with its handles may be claimed. With one free handle there is room for all of a session's: so a
    /// client can claim what it had, and has at most twice as many.
    fn check_room(&self) -> Result<(), JanusError> {
        if self.sessions.len() >= self.limits.max_sessions {
            return Err(too_many_sessions());
        }
        if self.handle_count() >= self.limits.max_handles {
            return Err(too_many_handles());
        }
        Ok(())
    }

    fn handle_count(&self) -> usize {
        self.sessions.values().map(|session| session.handle_count()).sum()
    }

    fn token_digest(&self, request: &Request<'_>) -> Option<String> {
        self.limits.auth.token_digest(&request.credentials())
    }

    fn attach(&mut self, request: &Request<'_>, id: SessionId) -> Outcome {
        if let Err(error) =
            self.limits.auth.check_plugin(&request.credentials(), clock::earliest_unix_seconds())
        {
            return refuse(id, &request.transaction, &error);
        }
        let is_full = self.handle_count() >= self.limits.max_handles;
        match self.sessions.get_mut(&id).filter(|_| !is_full) {
            Some(session) => {
                let handle = session.attach(&self.edge);
                self.changed.insert(id);
                let attached = reply::attached(id, &request.transaction, handle);
                Outcome::AfterPersist(id, vec![Action::SendToClient(id, attached)])
            }
            None => refuse(id, &request.transaction, &too_many_handles()),
        }
    }

    fn destroy(&mut self, id: SessionId, transaction: &str, now: Instant) -> Outcome {
        let mut cx = Cx::new(now);
        cx.send_to_client(id, reply::success(id, transaction));
        self.end(id, &mut cx);
        Outcome::End(id, cx.into_actions())
    }

    /// Handles events for a handle of one of the sessions.
    pub fn on_events(&mut self, events: Events, now: Instant) -> Vec<Action> {
        let mut cx = Cx::new(now);
        (cx.disconnected, cx.room) = (self.disconnected_since.is_some(), self.room());
        let Some(session) = self.sessions.get_mut(&events.session) else {
            cx.undo(&events);
            return cx.into_actions();
        };
        self.changed.insert(events.session);
        if session.on_released(&events, &mut cx) {
            return cx.into_actions();
        }
        match session.handle(events.handle) {
            Some(handle) => handle.on_events(events, &mut cx),
            None => cx.undo(&events),
        }
        cx.into_actions()
    }

    /// Handles the failure to send a message of this handle.
    pub fn on_send_failed(&mut self, handle: HandleRef, message: MessageId, now: Instant) -> Vec<Action> {
        let mut cx = Cx::new(now);
        if let Some(session) = self.sessions.get_mut(&handle.session)
            && let Some(failed) = session.handle(handle.handle)
        {
            failed.on_send_failed(message, &mut cx);
            self.changed.insert(handle.session);
        }
        cx.into_actions()
    }

    /// When [`on_timer`](Self::on_timer) is to be called, at the latest.
    pub fn next_timer(&self) -> Option<Instant> {
        let expiries = self.sessions.values().filter_map(|session| self.expires_at(session));
        expiries.chain(self.sessions.values().filter_map(|session| session.next_timer())).min()
    }

    /// Returns the sessions that have expired, and what to do.
    pub fn on_timer(&mut self, now: Instant) -> (Vec<SessionId>, Vec<Action>) {
        let is_expired = |session: &Session| self.expires_at(session).is_some_and(|at| at <= now);
        let expired = self.sessions.values().filter(|session| is_expired(session));
        let expired: Vec<SessionId> = expired.map(|session| session.id).collect();
        let mut cx = Cx::new(now);
        for id in &expired {
            self.expire(*id, &mut cx);
        }
        for session in self.sessions.values_mut() {
            if session.next_timer().is_some_and(|at| at <= now) {
                session.on_timer(&mut cx);
                self.changed.insert(session.id);
            }
        }
        (expired, cx.into_actions())
    }

    /// A session ends some time after the client's last request, or after its socket is gone.
    fn expires_at(&self, session: &Session) -> Option<Instant> {
        match self.disconnected_since {
            Some(since) => Some(since + self.limits.reclaim_timeout),
            None => self.limits.session_timeout.map(|timeout| session.last_request + timeout),
        }
    }
}

fn too_many_sessions() -> JanusError {
    JanusError::new(UNKNOWN, "Too many sessions on this connection")
}

fn too_many_handles() -> JanusError {
    JanusError::new(UNKNOWN, "Too many handles on this connection")
}

/// The reply for a session that does not exist, or belongs to another connection.
pub fn no_such_session(transaction: &str, id: SessionId) -> String {
    let error = JanusError::new(SESSION_NOT_FOUND, format!("No such session {id}"));
    reply::error(Some(id), Some(transaction), &error)
}

fn refuse(id: SessionId, transaction: &str, error: &JanusError) -> Outcome {
    send(id, reply::error(Some(id), Some(transaction), error))
}

fn send(id: SessionId, text: String) -> Outcome {
    Outcome::Perform(vec![Action::SendToClient(id, text)])
}
