//! The incremental scan for discovered backends: only the keys themselves show which backends others registered.

use super::keys;
use common::BackendName;
use std::collections::BTreeSet;

/// The bound of the names that are remembered.
const MAX_DISCOVERED: usize = 10_000;

/// The progress of the scan, and the names it has found.
#[derive(Default)]
pub(super) struct DiscoveryScan {
    pub(super) cursor: u64,
    pub(super) names: BTreeSet<BackendName>,
}

impl DiscoveryScan {
    /// Records the result of one step, and returns the cursor of the next.
    pub(super) fn advance(&mut self, (cursor, found): (u64, Vec<Vec<u8>>)) -> u64 {
        self.cursor = cursor;
        for key in found {
            let name = str::from_utf8(&key).ok().and_then(|key| key.strip_prefix(keys::BACKEND_PREFIX));
            if let Some(name) = name.filter(|_| self.names.len() < MAX_DISCOVERED) {
                self.names.insert(BackendName::from(name));
            }
        }
        cursor
    }

    /// Forgets names whose records are removed.
    pub(super) fn remove(&mut self, names: &[BackendName]) {
        self.names.retain(|name| !names.contains(name));
    }
}
