//! Backends and the notes of their connectors. Whoever reads them drops the expired ones.

use super::{Announced, MemoryDirectory, Note, State};
use crate::NOTE_LIFE;
use crate::record::{Backend, Token};
use protocol::BackendName;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn announce_backend(&self, backend: &Backend, life: Duration) {
        let announced = Announced { backend: backend.clone(), until: Instant::now() + life };
        self.state().backends.insert(backend.name.clone(), announced);
    }

    pub(crate) fn backends(&self) -> Vec<Backend> {
        let mut state = self.state();
        let now = Instant::now();
        state.backends.retain(|_, announced| announced.until > now);
        state.served.retain(|_, announced| announced.until > now);
        let State { backends, served, drained, .. } = &*state;
        let mut all: BTreeMap<_, _> = backends.iter().map(|(name, it)| (name, it.backend.clone())).collect();
        all.extend(served.iter().map(|(name, it)| (name, it.backend.clone().beside(state.found(name)))));
        all.into_iter().map(|(name, backend)| backend.seen(drained.contains(name))).collect()
    }

    pub(crate) fn remove_backend(&self, name: &BackendName) {
        let mut state = self.state();
        state.backends.remove(name);
        state.served.remove(name);
    }

    pub(crate) fn drain_backend(&self, name: &BackendName) {
        self.state().drained.insert(name.clone());
    }

    pub(crate) fn undrain_backend(&self, name: &BackendName) {
        self.state().drained.remove(name);
    }

    pub(crate) fn drained_backends(&self) -> Vec<BackendName> {
        self.state().drained.iter().cloned().collect()
    }

    pub(crate) fn note_backend(&self, name: &BackendName, token: Token, note: &str) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        state.notes.retain(|_, note| note.until > now);
        if state.notes.get(name).is_some_and(|note| note.term > token) {
            return false;
        }
        let note = Note { text: note.to_owned(), term: token, until: now + NOTE_LIFE };
        state.notes.insert(name.clone(), note);
        true
    }

    pub(crate) fn backend_note(&self, name: &BackendName) -> Option<String> {
        let mut state = self.state();
        let now = Instant::now();
        state.notes.retain(|_, note| note.until > now);
        state.notes.get(name).map(|note| note.text.clone())
    }
}
