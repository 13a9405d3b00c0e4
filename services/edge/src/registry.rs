//! Which connection of this edge has which session, and the way to it.
//!
//! What lies in an inbox is still in the edge's mailbox, which bounds all inboxes together. A
//! connection that finds more than [`INBOX`] messages in its own is too far behind: its socket is
//! closed as slow, and its sessions wait to be claimed.

use crate::session::Session;
use bus::ledger::Receipt;
use bus::message::Events;
use protocol::{ServiceId, SessionId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{mpsc, oneshot};

/// How many messages may wait for a connection.
pub const INBOX: usize = 512;

/// What another task of the edge says to a connection.
pub enum Inbound {
    /// Events for a handle of one of its sessions.
    Events(Events, Receipt),
    /// Another connection claims a session.
    Surrender(SessionId, oneshot::Sender<Surrendered>),
    /// Another edge claims a session.
    GiveUp(SessionId, ServiceId),
    /// Another edge has taken a session.
    Lost(SessionId),
    /// An operator ends a session.
    End(SessionId, Receipt),
    /// The directory may have lost a session: all of it is to be written down again.
    Save(SessionId),
    /// The directory had lost a session: names and calls may be lost too.
    Restore(SessionId),
}

/// A session that changes hands, with what its client has not heard yet.
pub struct Surrendered {
    /// The session.
    pub session: Session,
    /// What it is to hear first.
    pub unheard: Vec<Arc<str>>,
    /// For what has reached it and is not written down yet.
    pub receipts: Vec<Receipt>,
}

/// The way to a connection. What travels is boxed, for an idle inbox has room for many.
#[derive(Clone)]
pub struct Route(mpsc::UnboundedSender<Box<Inbound>>);

impl Route {
    /// A way, and its end.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Box<Inbound>>) {
        let (sender, inbox) = mpsc::unbounded_channel();
        (Self(sender), inbox)
    }

    /// Says something to the connection; returned when that is gone.
    pub fn say(&self, what: Inbound) -> Result<(), Box<Inbound>> {
        self.0.send(Box::new(what)).map_err(|gone| gone.0)
    }

    fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

/// A session's place.
struct Place {
    route: Route,
    /// What whoever claims it must show the same of.
    proof: Option<String>,
    /// It is still another edge's.
    is_coming: bool,
}

/// All sessions of an edge.
#[derive(Default)]
pub struct Registry {
    places: RwLock<BTreeMap<SessionId, Place>>,
}

impl Registry {
    /// The session is at this connection now.
    pub fn set(&self, session: SessionId, route: Route, proof: Option<String>) {
        self.write().insert(session, Place { route, proof, is_coming: false });
    }

    /// A session is about to come to this connection from another edge; false for one that is here or
    /// comes already.
    pub fn enter(&self, session: SessionId, route: Route, proof: Option<String>) -> bool {
        match self.write().entry(session) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(Place { route, proof, is_coming: true });
                true
            }
        }
    }

    /// Like [`set`](Self::set), but only for a session that is somewhere already, if `may` says so of
    /// its proof; returns where it was.
    pub fn take_over(
        &self,
        session: SessionId,
        route: Route,
        may: impl FnOnce(Option<&str>) -> bool,
    ) -> TakeOver {
        match self.write().get_mut(&session) {
            None => TakeOver::Unknown,
            Some(place) if !may(place.proof.as_deref()) => TakeOver::Refused,
            Some(place) => TakeOver::From(std::mem::replace(&mut place.route, route)),
        }
    }

    /// The session has come from another edge.
    pub fn arrived(&self, session: SessionId) {
        if let Some(place) = self.write().get_mut(&session) {
            place.is_coming = false;
        }
    }

    /// Whether the session is here, and not only coming.
    pub fn is_here(&self, session: SessionId) -> bool {
        self.read().get(&session).is_some_and(|place| !place.is_coming)
    }

    /// Where the session is.
    pub fn get(&self, session: SessionId) -> Option<Route> {
        self.read().get(&session).map(|place| place.route.clone())
    }

    /// What whoever claims the session must show the same of; none for a session that is not here.
    pub fn proof(&self, session: SessionId) -> Option<Option<String>> {
        self.read().get(&session).map(|place| place.proof.clone())
    }

    /// The session is not here any more; returns where it was.
    pub fn remove(&self, session: SessionId) -> Option<Route> {
        self.write().remove(&session).map(|place| place.route)
    }

    /// The session is not at this connection any more.
    pub fn leave(&self, session: SessionId, route: &Route) {
        let mut places = self.write();
        if places.get(&session).is_some_and(|place| place.route.is(route)) {
            places.remove(&session);
        }
    }

    /// Every session and where it is.
    pub fn all(&self) -> Vec<(SessionId, Route)> {
        self.read().iter().map(|(session, place)| (*session, place.route.clone())).collect()
    }

    /// How many sessions there are.
    pub fn count(&self) -> usize {
        self.read().len()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<SessionId, Place>> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<SessionId, Place>> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a connection may have a session.
pub enum TakeOver {
    /// It has it now, and it was here before.
    From(Route),
    /// It has not shown what it must.
    Refused,
    /// There is no such session on this edge.
    Unknown,
}
