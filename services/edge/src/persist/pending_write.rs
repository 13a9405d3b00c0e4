//! What is to be written down of one session.

use crate::registry::InboxSender;
use bus::ack_tracker::AckGuard;
use directory::record::{BacklogUpdate, SaveRequest};
use protocol::SessionId;
use std::sync::Arc;
use tokio::time::Instant;

/// A session as it is to be written down.
pub struct PendingWrite {
    /// Which.
    pub session: SessionId,
    /// Its state, as [`Session::save`](crate::session::Session::save) has it.
    pub state: String,
    /// All that its client has not heard.
    pub backlog: Vec<Arc<str>>,
    /// How many of these are written down already, or come with a draft before this.
    pub already_stored: usize,
    /// Since when its client is gone.
    pub disconnected_since: Option<Instant>,
    /// Whose messages are dealt with once this is written.
    pub ack_guards: Vec<AckGuard>,
    /// The connection that has it.
    pub owner: InboxSender,
}

impl PendingWrite {
    /// This one, with what the older one was to do besides.
    pub fn merge_older(mut self, older: Option<Self>) -> Self {
        if let Some(older) = older {
            self.already_stored = self.already_stored.min(older.already_stored);
            self.ack_guards.extend(older.ack_guards);
        }
        self
    }

    /// Nothing of it is sure to be written.
    pub fn reset_stored(mut self) -> Self {
        self.already_stored = 0;
        self
    }

    /// As the directory takes it.
    pub fn to_save_request(&self) -> SaveRequest {
        let texts = |from: usize| self.backlog.iter().skip(from).map(|text| text.to_string()).collect();
        let unheard = match self.already_stored {
            0 => BacklogUpdate::Replace(texts(0)),
            known => BacklogUpdate::Append(texts(known)),
        };
        let away = self.disconnected_since.map(|since| since.elapsed());
        SaveRequest { session: self.session, state: self.state.clone(), backlog: unheard, away }
    }

    /// About how many bytes travel.
    pub fn bytes(&self) -> usize {
        self.state.len() + self.backlog.iter().skip(self.already_stored).map(|text| text.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(unheard: &[&str], known: usize) -> PendingWrite {
        PendingWrite {
            session: SessionId(1),
            state: "{}".to_owned(),
            backlog: unheard.iter().map(|text| Arc::from(*text)).collect(),
            already_stored: known,
            disconnected_since: None,
            ack_guards: Vec::new(),
            owner: InboxSender::new().0,
        }
    }

    fn only(texts: &[&str]) -> BacklogUpdate {
        BacklogUpdate::Replace(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn what_is_known_is_not_written_again() {
        assert_eq!(draft(&["a", "b"], 0).to_save_request().backlog, only(&["a", "b"]));
        assert_eq!(
            draft(&["a", "b"], 1).to_save_request().backlog,
            BacklogUpdate::Append(vec!["b".to_owned()])
        );
    }

    #[test]
    fn what_an_older_draft_was_to_write_is_written_by_the_newer() {
        let newer = draft(&["a", "b", "c"], 2).merge_older(Some(draft(&["a", "b"], 1)));
        assert_eq!(
            newer.to_save_request().backlog,
            BacklogUpdate::Append(vec!["b".to_owned(), "c".to_owned()])
        );
        let first = draft(&["a", "b"], 1).merge_older(Some(draft(&["a"], 0)));
        assert_eq!(first.to_save_request().backlog, only(&["a", "b"]));
    }

    #[test]
    fn what_may_not_have_been_written_is_written_as_a_whole() {
        let failed = draft(&["a", "b"], 1).reset_stored();
        assert_eq!(failed.to_save_request().backlog, only(&["a", "b"]));
    }
}
