//! A list of names that stays within its bounds.

use super::{MAX_LISTED_BYTES, MAX_LISTED_USERS};
use std::collections::BTreeSet;

/// Names, each once: at most [`MAX_LISTED_USERS`], with at most [`MAX_LISTED_BYTES`].
#[derive(Default)]
pub(crate) struct NameList {
    names: BTreeSet<String>,
    bytes: usize,
    is_full: bool,
}

impl NameList {
    /// Adds a name, or leaves it out where the list has no room for it.
    pub fn push(&mut self, name: String) {
        let has_room = self.names.len() < MAX_LISTED_USERS && self.bytes + name.len() <= MAX_LISTED_BYTES;
        self.is_full |= !has_room;
        if has_room {
            let bytes = name.len();
            if self.names.insert(name) {
                self.bytes += bytes;
            }
        }
    }

    /// Whether a name was left out, or the next one will be.
    pub fn is_full(&self) -> bool {
        self.is_full || self.names.len() >= MAX_LISTED_USERS
    }

    /// Returns the names in their order.
    pub fn into_names(self) -> Vec<String> {
        self.names.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_bounded_in_names_and_bytes() {
        let mut list = NameList::default();
        for number in 0..2 * MAX_LISTED_USERS {
            list.push((number % MAX_LISTED_USERS).to_string());
        }
        assert!(list.is_full());
        assert_eq!(list.into_names().len(), MAX_LISTED_USERS);
        let mut long = NameList::default();
        while !long.is_full() {
            long.push(format!("{:4096}", long.names.len()));
        }
        assert_eq!(long.into_names().len(), MAX_LISTED_BYTES / 4096);
    }
}
