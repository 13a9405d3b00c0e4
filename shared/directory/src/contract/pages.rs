//! Lists for operators, by page; see [`listed`](crate::listed).

use crate::listing::{Cursor, ListedSession, MAX_PAGE, Page};
use crate::record::{Call, RegisteredName};
use crate::{Directory, Result};
use protocol::SessionId;

/// Lists, by page.
///
/// A page has at most `limit` items, and never more than [`MAX_PAGE`]. On Redis one page looks at the
/// keys in small steps, and at no more than 50,000 of them.
impl Directory {
    /// The registered names, those of other proxies too; what makes no sense is left out.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn users_page(&self, after: Cursor, limit: usize) -> Result<Page<RegisteredName>> {
        let limit = limit.clamp(1, MAX_PAGE);
        on_store!(self, users_page(after, limit))
    }

    /// The sessions.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn sessions_page(&self, after: Cursor, limit: usize) -> Result<Page<ListedSession>> {
        let limit = limit.clamp(1, MAX_PAGE);
        on_store!(self, sessions_page(after, limit))
    }

    /// The calls; one that is being freed is none of them.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn calls_page(&self, after: Cursor, limit: usize) -> Result<Page<Call>> {
        let limit = limit.clamp(1, MAX_PAGE);
        on_store!(self, calls_page(after, limit))
    }

    /// What an edge has written down of a session, as edges read it; it may hold secrets. None where it
    /// has written nothing, or there is no such session.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn session_state(&self, session: SessionId) -> Result<Option<String>> {
        on_store!(self, session_state(session))
    }
}
