//! Backends and the records of their connectors. Reading drops the expired ones.

use super::{AnnouncedBackend, ConnectorRecord, MemoryDirectory, State};
use crate::CONNECTOR_RECORD_TTL;
use crate::record::{Backend, FencingToken};
use common::BackendName;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn announce_backend(&self, backend: &Backend, ttl: Duration) {
        let announced = AnnouncedBackend { backend: backend.clone(), expires_at: Instant::now() + ttl };
        self.state().backends.insert(backend.name.clone(), announced);
    }

    pub(crate) fn backends(&self) -> Vec<Backend> {
        let mut state = self.state();
        let now = Instant::now();
        state.backends.retain(|_, announced| announced.expires_at > now);
        state.served.retain(|_, announced| announced.expires_at > now);
        let State { backends, served, drained, .. } = &*state;
        let mut all: BTreeMap<_, _> =
            backends.iter().map(|(name, announced)| (name, announced.backend.clone())).collect();
        for (name, announced) in served {
            let backend = announced.backend.clone().merged_with_record(state.discovered(name));
            all.insert(name, backend);
        }
        all.into_iter().map(|(name, backend)| backend.with_drain(drained.contains(name))).collect()
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

    pub(crate) fn put_connector_record(&self, name: &BackendName, token: FencingToken, text: &str) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        state.connector_records.retain(|_, record| record.expires_at > now);
        if state.connector_records.get(name).is_some_and(|record| record.term > token) {
            return false;
        }
        let expires_at = now + CONNECTOR_RECORD_TTL;
        let record = ConnectorRecord { text: text.to_owned(), term: token, expires_at };
        state.connector_records.insert(name.clone(), record);
        true
    }

    pub(crate) fn connector_record(&self, name: &BackendName) -> Option<String> {
        let mut state = self.state();
        let now = Instant::now();
        state.connector_records.retain(|_, record| record.expires_at > now);
        state.connector_records.get(name).map(|record| record.text.clone())
    }
}
