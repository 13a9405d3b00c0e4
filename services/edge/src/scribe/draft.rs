//! What is to be written down of one session.

use crate::registry::Route;
use bus::ledger::Receipt;
use directory::record::{Save, Unheard};
use protocol::SessionId;
use std::sync::Arc;
use tokio::time::Instant;

/// A session as it is to be written down.
pub struct Draft {
    /// Which.
    pub session: SessionId,
    /// Its state, as [`Session::save`](crate::session::Session::save) has it.
    pub state: String,
    /// All that its client has not heard.
    pub unheard: Vec<Arc<str>>,
    /// How many of these are written down already, or come with a draft before this.
    pub known: usize,
    /// Since when its client is gone.
    pub away_since: Option<Instant>,
    /// Whose messages are dealt with once this is written.
    pub receipts: Vec<Receipt>,
    /// The connection that has it.
    pub origin: Route,
}

impl Draft {
    /// This one, with what the older one was to do besides.
    pub fn instead_of(mut self, older: Option<Self>) -> Self {
        if let Some(older) = older {
            self.known = self.known.min(older.known);
            self.receipts.extend(older.receipts);
        }
        self
    }

    /// Nothing of it is sure to be written.
    pub fn not_written(mut self) -> Self {
        self.known = 0;
        self
    }

    /// As the directory takes it.
    pub fn as_save(&self) -> Save {
        let texts = |from: usize| self.unheard.iter().skip(from).map(|text| text.to_string()).collect();
        let unheard = match self.known {
            0 => Unheard::Only(texts(0)),
            known => Unheard::Add(texts(known)),
        };
        let away = self.away_since.map(|since| since.elapsed());
        Save { session: self.session, state: self.state.clone(), unheard, away }
    }

    /// About how many bytes travel.
    pub fn bytes(&self) -> usize {
        self.state.len() + self.unheard.iter().skip(self.known).map(|text| text.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(unheard: &[&str], known: usize) -> Draft {
        Draft {
            session: SessionId(1),
            state: "{}".to_owned(),
            unheard: unheard.iter().map(|text| Arc::from(*text)).collect(),
            known,
            away_since: None,
            receipts: Vec::new(),
            origin: Route::new().0,
        }
    }

    fn only(texts: &[&str]) -> Unheard {
        Unheard::Only(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn what_is_known_is_not_written_again() {
        assert_eq!(draft(&["a", "b"], 0).as_save().unheard, only(&["a", "b"]));
        assert_eq!(draft(&["a", "b"], 1).as_save().unheard, Unheard::Add(vec!["b".to_owned()]));
    }

    #[test]
    fn what_an_older_draft_was_to_write_is_written_by_the_newer() {
        let newer = draft(&["a", "b", "c"], 2).instead_of(Some(draft(&["a", "b"], 1)));
        assert_eq!(newer.as_save().unheard, Unheard::Add(vec!["b".to_owned(), "c".to_owned()]));
        let first = draft(&["a", "b"], 1).instead_of(Some(draft(&["a"], 0)));
        assert_eq!(first.as_save().unheard, only(&["a", "b"]));
    }

    #[test]
    fn what_may_not_have_been_written_is_written_as_a_whole() {
        let failed = draft(&["a", "b"], 1).not_written();
        assert_eq!(failed.as_save().unheard, only(&["a", "b"]));
    }
}
