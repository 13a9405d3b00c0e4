//! A road that is looked into: the entries that were seen on it, the newest last, and the one that is chosen.
//! Pure. It keeps the newest [`KEPT`]; an entry that is done, and gone from the road, stays here.

use super::frame::StreamEntry;
use ratatui::crossterm::event::KeyCode;
use std::collections::VecDeque;

/// How many entries are kept.
const MAX_ENTRIES: usize = 500;

/// A road that is looked into.
#[derive(Clone, Debug, Default)]
pub struct StreamView {
    /// The key of the road.
    pub key: String,
    /// Whether session descriptions and addresses are wanted.
    pub full: bool,
    pub entries: VecDeque<StreamEntry>,
    /// The id of the chosen entry; none follows the newest.
    pub selected: Option<String>,
    /// Why nothing more can be seen of it.
    pub error: Option<String>,
}

impl StreamView {
    /// Of the road with this key.
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }

    /// A key was pressed; false where it leaves.
    pub fn on_key(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => return false,
            KeyCode::Up | KeyCode::Char('k') => self.move_selection(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_selection(1),
            KeyCode::PageUp => self.move_selection(-10),
            KeyCode::PageDown => self.move_selection(10),
            KeyCode::Home => self.move_selection(isize::MIN),
            KeyCode::End => self.selected = None,
            KeyCode::Char('f') => {
                self.full = !self.full;
                self.entries.clear();
                self.selected = None;
            }
            _ => {}
        }
        true
    }

    /// What was seen on the road just now, or why nothing was.
    pub fn apply(&mut self, seen: Result<Vec<StreamEntry>, String>) {
        match seen {
            Ok(entries) => {
                self.error = None;
                for entry in entries {
                    if !self.entries.iter().rev().any(|known| known.id == entry.id) {
                        self.entries.push_back(entry);
                    }
                }
                let surplus = self.entries.len().saturating_sub(MAX_ENTRIES);
                self.entries.drain(..surplus);
            }
            Err(trouble) => self.error = Some(trouble),
        }
    }

    /// The place of the chosen entry.
    pub fn selected_index(&self) -> Option<usize> {
        let chosen = self.selected.as_ref();
        let place = chosen.and_then(|id| self.entries.iter().position(|entry| entry.id == *id));
        place.or(self.entries.len().checked_sub(1))
    }

    fn move_selection(&mut self, by: isize) {
        let Some(place) = self.selected_index() else { return };
        let place = place.saturating_add_signed(by).min(self.entries.len() - 1);
        let is_last = place + 1 == self.entries.len();
        self.selected = (!is_last).then(|| self.entries[place].id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(ids: std::ops::Range<usize>) -> Vec<StreamEntry> {
        ids.map(|id| StreamEntry { id: id.to_string(), ..StreamEntry::default() }).collect()
    }

    fn chosen(detail: &StreamView) -> &str {
        &detail.entries[detail.selected_index().unwrap()].id
    }

    #[test]
    fn what_was_seen_stays_and_is_there_once() {
        let mut detail = StreamView::new("k");
        assert_eq!(detail.selected_index(), None);
        detail.apply(Ok(entries(0..3)));
        detail.apply(Ok(entries(2..5)));
        detail.apply(Err("away".to_owned()));
        assert_eq!((detail.entries.len(), detail.error.as_deref()), (5, Some("away")));
        detail.apply(Ok(entries(5..MAX_ENTRIES + 7)));
        assert_eq!((detail.entries.len(), &detail.error), (MAX_ENTRIES, &None));
        assert_eq!(detail.entries[0].id, "7");
    }

    #[test]
    fn it_follows_the_newest_until_another_is_chosen() {
        let mut detail = StreamView::new("k");
        detail.apply(Ok(entries(0..3)));
        assert_eq!(chosen(&detail), "2");
        assert!(detail.on_key(KeyCode::Up));
        detail.apply(Ok(entries(3..6)));
        assert_eq!(chosen(&detail), "1");
        detail.on_key(KeyCode::PageDown);
        detail.apply(Ok(entries(6..8)));
        assert_eq!(chosen(&detail), "7", "it follows again");
        detail.on_key(KeyCode::Home);
        assert_eq!(chosen(&detail), "0");
        detail.on_key(KeyCode::End);
        assert_eq!(chosen(&detail), "7");
        detail.on_key(KeyCode::Char('f'));
        assert!(detail.full && detail.entries.is_empty(), "what was shortened is asked for anew");
        assert!(!detail.on_key(KeyCode::Esc));
    }
}
