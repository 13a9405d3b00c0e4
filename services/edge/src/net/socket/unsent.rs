//! The messages that a websocket has not written as a whole. They go to the connection that claims their session.

use super::Socket;
use crate::net::closing::Outgoing;
use protocol::SessionId;
use std::sync::Arc;

impl Socket {
    /// The messages that the operating system has not taken completely.
    pub(super) fn unsent(&self) -> impl Iterator<Item = &Outgoing> {
        let written = self.stream.get_ref().bytes_written();
        let buffered = self.buffered.iter().filter(move |(end, _)| *end > written);
        let unwritten = self.closing.iter().flat_map(|closing| &closing.unwritten);
        buffered.map(|(_, message)| message).chain(&self.queue).chain(unwritten)
    }

    /// The unsent messages of a session.
    pub fn unsent_for(&self, session: SessionId) -> Vec<Arc<str>> {
        let unsent = self.unsent().filter(|(owner, _)| *owner == Some(session));
        unsent.map(|(_, text)| text.as_str().into()).collect()
    }

    /// Returns the unsent messages of a session and removes those that the websocket has not begun to write.
    pub fn take_unsent(&mut self, session: SessionId) -> Vec<Arc<str>> {
        let unsent = self.unsent_for(session);
        let unwritten = self.closing.as_mut().map(|closing| &mut closing.unwritten);
        self.queued_bytes = 0;
        for queue in std::iter::once(&mut self.queue).chain(unwritten) {
            queue.retain(|(owner, _)| *owner != Some(session));
            self.queued_bytes += queue.iter().map(|(_, text)| text.len()).sum::<usize>();
        }
        self.replayed_bytes = self.replayed_bytes.min(self.queued_bytes);
        self.memory.set(self.queued_bytes);
        unsent
    }

    /// The unsent messages of all sessions.
    pub fn unsent_by_session(&self) -> impl Iterator<Item = (SessionId, String)> {
        self.unsent().filter_map(|(session, text)| session.map(|session| (session, text.as_str().to_owned())))
    }
}
