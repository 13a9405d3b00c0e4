//! What is to be written down of one session.

use crate::ledger::Receipt;
use crate::registry::Route;
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
