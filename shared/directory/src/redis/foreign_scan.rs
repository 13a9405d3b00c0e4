//! The progress of the search for names that janus-cloud's proxies wrote.

use super::keys;
use crate::MAX_LISTED_USERS;
use std::collections::BTreeSet;

const STEPS_WITHOUT_PROXY: usize = 2;
const STEPS_WITH_PROXY: usize = 20;

/// A scan of all keys, and the names it has found, at most twice [`MAX_LISTED_USERS`].
#[derive(Default)]
pub(super) struct ForeignScan {
    /// Where the next step begins.
    pub cursor: u64,
    proxy_seen: bool,
    pub names: BTreeSet<String>,
}

impl ForeignScan {
    /// How many steps one list may take: fewer while no proxy was seen.
    pub fn steps(&self) -> usize {
        if self.proxy_seen { STEPS_WITH_PROXY } else { STEPS_WITHOUT_PROXY }
    }

    /// Adds what one step found. Names of this cluster are among it.
    pub fn add(&mut self, found: &[Vec<u8>]) {
        for key in found.iter().filter_map(|key| str::from_utf8(key).ok()) {
            match key.strip_prefix(keys::USER_PREFIX) {
                Some(name) if self.names.len() < 2 * MAX_LISTED_USERS => {
                    self.names.insert(name.to_owned());
                }
                Some(_) => {}
                None => self.proxy_seen |= keys::is_other_proxy(key),
            }
        }
    }
}
