//! Paginated lists; see [`listing`](crate::listing).

use super::on_store;
use crate::listing::{Cursor, ListedSession, MAX_PAGE, Page};
use crate::record::{Call, RegisteredName};
use crate::{Directory, Result};
use protocol::SessionId;

/// Paginated lists.
///
/// A malformed record is left out and counted, so that it does not hide the others.
///
/// A page has at most `limit` items, and never more than [`MAX_PAGE`]. On Redis a page scans at most 50,000
/// keys, in small steps.
impl Directory {
    /// Returns a page of the registered names, foreign ones too.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn users_page(&self, after: Cursor, limit: usize) -> Result<Page<RegisteredName>> {
        let limit = limit.clamp(1, MAX_PAGE);
        on_store!(self, users_page(after, limit))
    }

    /// Returns a page of the sessions.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn sessions_page(&self, after: Cursor, limit: usize) -> Result<Page<ListedSession>> {
        let limit = limit.clamp(1, MAX_PAGE);
        on_store!(self, sessions_page(after, limit))
    }

    /// Returns a page of the calls that have not ended.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn calls_page(&self, after: Cursor, limit: usize) -> Result<Page<Call>> {
        let limit = limit.clamp(1, MAX_PAGE);
        on_store!(self, calls_page(after, limit))
    }

    /// Returns how many malformed records each list left out when it was read last: services, backends, calls of
    /// backends. Pages count their own.
    pub fn malformed_records(&self) -> Vec<(&'static str, usize)> {
        match self {
            Self::Memory(_) => Vec::new(),
            Self::Redis(store) => store.malformed_records(),
        }
    }

    /// Returns the state that an edge stored of a session, which may contain secrets. Returns `None` when
    /// none is stored, or there is no such session.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn session_state(&self, session: SessionId) -> Result<Option<String>> {
        on_store!(self, session_state(session))
    }
}
