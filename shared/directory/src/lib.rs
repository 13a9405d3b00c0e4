//! Who is where: names, handles, sessions, calls, backends, leases.
//!
//! Every operation touches one key in one atomic step, or says in its doc in which order it touches
//! several and what is left when it stops half-way; whoever needs more composes them so that doing
//! them again ends in the same state. [`memory`] and [`redis`] both keep the contract;
//! `tests/conformance` says so for both.
//!
//! | record | owner | end |
//! |---|---|---|
//! | user (a name) | the handle that registered it | released, moved to another handle, or its edge reaped |
//! | handle | its edge | released, or its edge reaped |
//! | session | its edge | ended, or its edge reaped |
//! | call | the backend it is on | freed |
//! | backend | the connector that announces it | its announcement expires |
//! | lease | its holder | released or expired |
//! | edge's sign of life | the edge | reaped |
//!
//! How it fails: [`Error::Unavailable`] when the store does not answer in time; the operation then
//! may or may not have happened.

pub mod memory;
pub mod record;
pub mod redis;

use protocol::{BackendName, CallId, HandleRef, MessageId, ServiceId, SessionId};
use record::{Backend, Call, Claimed, Given, Handle, Owner, Taken, Token, User};
use std::time::Duration;

/// A `list` names at most so many users (as janus-cloud's with Redis).
pub const MAX_LISTED: usize = 1_000;

/// Why the directory could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be reached, or did not answer in time.
    #[error("the directory is not available: {0}")]
    Unavailable(String),
    /// A record that is none of ours stands where ours should.
    #[error("malformed record {key}: {why}")]
    Malformed {
        /// Which.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What every operation returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A handle on the directory; clones share it.
#[derive(Clone)]
pub enum Directory {
    /// Within this process.
    Memory(memory::MemoryDirectory),
    /// In a Redis server.
    Redis(redis::RedisDirectory),
}

/// Forwards to whichever store this is.
macro_rules! on_store {
    ($self:ident, $call:ident($($argument:expr),*)) => {
        match $self {
            Self::Memory(store) => Ok(store.$call($($argument),*)),
            Self::Redis(store) => store.$call($($argument),*).await,
        }
    };
}

impl Directory {
    /// A directory within this process.
    pub fn memory() -> Self {
        Self::Memory(memory::MemoryDirectory::default())
    }

    /// A directory in the Redis at `url` (`redis://[USER:SECRET@]HOST[:PORT][/DB]`).
    ///
    /// # Errors
    /// When the URL makes no sense, or the first connection fails.
    pub async fn redis(url: &str) -> Result<Self> {
        redis::RedisDirectory::connect(url).await.map(Self::Redis)
    }

    /// One round trip to the store and back.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ping(&self) -> Result<()> {
        on_store!(self, ping())
    }
}

/// Names and the handles that own them.
///
/// A name moves in three steps, each atomic and each harmless when repeated:
/// [`claim_name`](Self::claim_name) on the new handle, [`strip_name`](Self::strip_name) on the old
/// one, [`give_name`](Self::give_name) of the name itself. Between the second and the third nobody
/// can be called under it.
impl Directory {
    /// Notes on the handle's record that it is to own `username`, unless it has a name already.
    /// `request` recognises the same request coming again. Creates the record.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn claim_name(&self, owner: &Owner, username: &str, request: MessageId) -> Result<Claimed> {
        on_store!(self, claim_name(owner, username, request))
    }

    /// Makes `owner` the owner of `username` if the name is free, his already, or owned by `instead_of`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn give_name(
        &self,
        username: &str,
        owner: &Owner,
        instead_of: Option<HandleRef>,
    ) -> Result<Given> {
        on_store!(self, give_name(username, owner, instead_of))
    }

    /// Takes `username` off the handle's record, if it is there. The handle stays in its call.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn strip_name(&self, handle: HandleRef, username: &str) -> Result<bool> {
        on_store!(self, strip_name(handle, username))
    }

    /// Frees a name if that handle owns it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn free_name(&self, username: &str, owner: HandleRef) -> Result<bool> {
        on_store!(self, free_name(username, owner))
    }

    /// Who owns this name.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn user(&self, username: &str) -> Result<Option<User>> {
        on_store!(self, user(username))
    }

    /// Some of the registered names, at most [`MAX_LISTED`], in no order. On Redis it looks at the
    /// keys in small steps, so that nobody else waits.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn usernames(&self) -> Result<Vec<String>> {
        on_store!(self, usernames())
    }

    /// The record of a handle; there is none for one that never registered.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        on_store!(self, handle(handle))
    }

    /// The record of a handle, and who owns a name, in one round trip.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn handle_and_user(
        &self,
        handle: HandleRef,
        username: &str,
    ) -> Result<(Option<Handle>, Option<User>)> {
        on_store!(self, handle_and_user(handle, username))
    }

    /// Removes a handle's record and returns it as it was.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove_handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        on_store!(self, remove_handle(handle))
    }
}

/// Calls.
///
/// A call is opened, then takes its two handles one after the other, the smaller
/// [`HandleRef`] first: of two calls that want the same handles, exactly one gets both.
impl Directory {
    /// Writes the call's record and counts it for its backend. Writing it again changes nothing:
    /// the answer is the call as it was opened first, perhaps on another backend than `call` says.
    /// (Redis: the backend's set of calls first, then the record.)
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open_call(&self, call: &Call) -> Result<Call> {
        on_store!(self, open_call(call))
    }

    /// Takes a handle for an open call: only if it owns `username` and is in no other call. Taking
    /// it again for the same call is `Won` too, even after it lost the name. A call that was freed
    /// meanwhile gets nothing (`Gone`), so that no handle is left in a call that is over.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn take(&self, handle: HandleRef, username: &str, call: CallId) -> Result<Taken> {
        on_store!(self, take(handle, username, call))
    }

    /// The call's record.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn call(&self, call: CallId) -> Result<Option<Call>> {
        on_store!(self, call(call))
    }

    /// Ends a call: frees whichever of its handles are still in it, removes the record and the
    /// backend's count of it. `None` when there is no such call any more. Touches no handle that is
    /// in another call. (Redis: a mark that it is over, handles, the record, the count; stopped
    /// half-way, it can be done again. Two who free it at once may both get the record.)
    ///
    /// # Errors
    /// [`Error`].
    pub async fn free_call(&self, call: CallId) -> Result<Option<Call>> {
        on_store!(self, free_call(call))
    }

    /// The calls on a backend.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn calls_on(&self, backend: &BackendName) -> Result<Vec<CallId>> {
        on_store!(self, calls_on(backend))
    }

    /// How many calls each of these backends has, in the same order, in one round trip.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn live_calls(&self, backends: &[BackendName]) -> Result<Vec<u64>> {
        on_store!(self, live_calls(backends))
    }
}

/// Sessions and the edges that hold them.
impl Directory {
    /// Writes down a new session; false when the id is taken.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open_session(&self, session: SessionId, edge: &ServiceId) -> Result<bool> {
        on_store!(self, open_session(session, edge))
    }

    /// The edge that holds a session.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn session(&self, session: SessionId) -> Result<Option<ServiceId>> {
        on_store!(self, session(session))
    }

    /// Removes a session, if that edge holds it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn close_session(&self, session: SessionId, edge: &ServiceId) -> Result<()> {
        on_store!(self, close_session(session, edge))
    }

    /// The edge is alive: to be said every few seconds.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn edge_alive(&self, edge: &ServiceId) -> Result<()> {
        on_store!(self, edge_alive(edge))
    }

    /// Edges that have given no sign of life for this long, by the store's own clock.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn silent_edges(&self, silent_for: Duration) -> Result<Vec<ServiceId>> {
        on_store!(self, silent_edges(silent_for))
    }

    /// All handles with a record that this edge has or had, and its sessions. The list may name
    /// what is gone or is held by another edge by now: look at each before removing it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn held_by(&self, edge: &ServiceId) -> Result<(Vec<HandleRef>, Vec<SessionId>)> {
        on_store!(self, held_by(edge))
    }

    /// Forgets an edge: its sign of life and the list of what it held, which must have been
    /// removed before.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn forget_edge(&self, edge: &ServiceId) -> Result<()> {
        on_store!(self, forget_edge(edge))
    }
}

/// Backends and leases.
impl Directory {
    /// Writes down a backend for `life`; to be said again before that is over.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn announce_backend(&self, backend: &Backend, life: Duration) -> Result<()> {
        on_store!(self, announce_backend(backend, life))
    }

    /// All announced backends, by name.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn backends(&self) -> Result<Vec<Backend>> {
        on_store!(self, backends())
    }

    /// Removes a backend.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove_backend(&self, name: &BackendName) -> Result<()> {
        on_store!(self, remove_backend(name))
    }

    /// Takes or renews the lease on `what` for `life`. `None` while somebody else has it. The token
    /// grows with each new holder, and stays the same while one holder renews.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn lease(&self, what: &str, holder: &ServiceId, life: Duration) -> Result<Option<Token>> {
        on_store!(self, lease(what, holder, life))
    }

    /// Gives a lease back, if that holder has it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn release_lease(&self, what: &str, holder: &ServiceId) -> Result<()> {
        on_store!(self, release_lease(what, holder))
    }
}
