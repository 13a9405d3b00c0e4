//! Which connection of this edge has which session.
//!
//! A route is an inbox of at most [`INBOX`] messages. A connection that lets it fill up does not
//! keep up with its clients' events; one event lost would break their order, so it is closed.

use crate::session::Session;
use bus::message::Events;
use protocol::SessionId;
use service::CancellationToken;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot};

/// How many messages an inbox holds.
pub const INBOX: usize = 512;

/// What another task of the edge says to a connection.
pub enum Inbound {
    /// Events for a handle of one of its sessions.
    Events(Box<Events>),
    /// Another connection claims a session.
    Surrender(SessionId, oneshot::Sender<Surrendered>),
}

/// A session that changes hands, with what its client has not heard yet.
pub struct Surrendered {
    /// The session.
    pub session: Session,
    /// What it is to hear first.
    pub unheard: Vec<String>,
}

/// The way to a connection.
#[derive(Clone)]
pub struct Route {
    /// Its inbox.
    pub inbox: mpsc::Sender<Inbound>,
    /// Cancelled when the inbox was full.
    pub overflow: CancellationToken,
}

/// All sessions of an edge; clones share it.
#[derive(Clone, Default)]
pub struct Registry {
    routes: Arc<RwLock<HashMap<SessionId, Route>>>,
}

impl Registry {
    /// The session is at this connection now; returns where it was.
    pub fn set(&self, session: SessionId, route: Route) -> Option<Route> {
        self.routes.write().unwrap_or_else(PoisonError::into_inner).insert(session, route)
    }

    /// Like [`set`](Self::set), but only for a session that is somewhere already.
    pub fn take_over(&self, session: SessionId, route: Route) -> Option<Route> {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.get_mut(&session).map(|place| std::mem::replace(place, route))
    }

    /// Where the session is.
    pub fn get(&self, session: SessionId) -> Option<Route> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).get(&session).cloned()
    }

    /// The session is over.
    pub fn remove(&self, session: SessionId) {
        self.routes.write().unwrap_or_else(PoisonError::into_inner).remove(&session);
    }

    /// How many sessions there are.
    pub fn count(&self) -> usize {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
