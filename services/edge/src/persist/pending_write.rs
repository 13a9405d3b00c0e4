//! What the session writer has to store of one session.

use crate::registry::InboxSender;
use bus::ack_tracker::AckGuard;
use common::coalescing_queue::Coalesce;
use directory::record::{BacklogUpdate, SaveRequest};
use protocol::SessionId;
use std::sync::Arc;
use tokio::time::Instant;

/// A session that waits to be stored.
pub struct PendingWrite {
    pub session: SessionId,
    /// From [`Session::snapshot`](crate::session::Session::snapshot).
    pub state: String,
    /// All messages that the client has not received.
    pub backlog: Vec<Arc<str>>,
    /// How many of these are stored, or part of an earlier write.
    pub already_stored: usize,
    pub disconnected_since: Option<Instant>,
    /// For the messages whose effect is in `state`.
    pub ack_guards: Vec<AckGuard>,
    /// The connection that has the session.
    pub owner: InboxSender,
}

impl PendingWrite {
    /// None of the backlog is certain to be stored.
    pub fn reset_stored(mut self) -> Self {
        self.already_stored = 0;
        self
    }

    pub fn to_save_request(&self) -> SaveRequest {
        let messages = self.backlog.iter().skip(self.already_stored).map(|text| text.to_string()).collect();
        let backlog = match self.already_stored {
            0 => BacklogUpdate::Replace(messages),
            _ => BacklogUpdate::Append(messages),
        };
        let away = self.disconnected_since.map(|since| since.elapsed());
        SaveRequest { session: self.session, state: self.state.clone(), backlog, away }
    }

    /// The approximate size on the wire.
    pub fn bytes(&self) -> usize {
        let messages = self.backlog.iter().skip(self.already_stored);
        self.state.len() + messages.map(|text| text.len()).sum::<usize>()
    }
}

impl Coalesce for PendingWrite {
    fn merge_older(&mut self, older: Self) {
        self.already_stored = self.already_stored.min(older.already_stored);
        self.ack_guards.extend(older.ack_guards);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(backlog: &[&str], already_stored: usize) -> PendingWrite {
        PendingWrite {
            session: SessionId(1),
            state: "{}".to_owned(),
            backlog: backlog.iter().map(|text| Arc::from(*text)).collect(),
            already_stored,
            disconnected_since: None,
            ack_guards: Vec::new(),
            owner: InboxSender::new().0,
        }
    }

    fn replace(texts: &[&str]) -> BacklogUpdate {
        BacklogUpdate::Replace(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    fn append(texts: &[&str]) -> BacklogUpdate {
        BacklogUpdate::Append(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn stored_messages_are_not_written_again() {
        assert_eq!(write(&["a", "b"], 0).to_save_request().backlog, replace(&["a", "b"]));
        assert_eq!(write(&["a", "b"], 1).to_save_request().backlog, append(&["b"]));
    }

    #[test]
    fn newer_write_includes_the_messages_of_an_older_one() {
        let mut newer = write(&["a", "b", "c"], 2);
        newer.merge_older(write(&["a", "b"], 1));
        assert_eq!(newer.to_save_request().backlog, append(&["b", "c"]));
        let mut second = write(&["a", "b"], 1);
        second.merge_older(write(&["a"], 0));
        assert_eq!(second.to_save_request().backlog, replace(&["a", "b"]));
    }

    #[test]
    fn failed_write_replaces_the_whole_backlog() {
        let failed = write(&["a", "b"], 1).reset_stored();
        assert_eq!(failed.to_save_request().backlog, replace(&["a", "b"]));
    }
}
