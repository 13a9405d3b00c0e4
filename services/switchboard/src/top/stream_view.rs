//! The entries of one stream: those that were received, the newest last, and the selected one. An entry stays
//! here after it was acknowledged and deleted from the stream.

use super::model::StreamEntry;
use ratatui::crossterm::event::KeyCode;
use std::collections::VecDeque;

/// How many entries are kept, the newest.
const MAX_ENTRIES: usize = 500;

#[derive(Clone, Debug, Default)]
pub struct StreamView {
    pub key: String,
    /// Whether what clients wrote is shown in full: session descriptions, candidates.
    pub is_full: bool,
    pub entries: VecDeque<StreamEntry>,
    /// The id of the selected entry; `None` selects the newest.
    pub selected: Option<String>,
    /// Why the last request failed.
    pub error: Option<String>,
}

impl StreamView {
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }

    /// Handles a key; returns false for one that leaves the stream.
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
                self.is_full = !self.is_full;
                self.entries.clear();
                self.selected = None;
            }
            _ => {}
        }
        true
    }

    /// Records the outcome of a request; entries that are known already are dropped.
    pub fn apply(&mut self, outcome: Result<Vec<StreamEntry>, String>) {
        match outcome {
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
            Err(error) => self.error = Some(error),
        }
    }

    pub fn selected_index(&self) -> Option<usize> {
        let selected = self.selected.as_ref();
        let index = selected.and_then(|id| self.entries.iter().position(|entry| entry.id == *id));
        index.or(self.entries.len().checked_sub(1))
    }

    fn move_selection(&mut self, by: isize) {
        let Some(index) = self.selected_index() else { return };
        let moved = index.saturating_add_signed(by).min(self.entries.len() - 1);
        let is_last = moved + 1 == self.entries.len();
        self.selected = (!is_last).then(|| self.entries[moved].id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(ids: std::ops::Range<usize>) -> Vec<StreamEntry> {
        ids.map(|id| StreamEntry { id: id.to_string(), ..StreamEntry::default() }).collect()
    }

    fn selected(view: &StreamView) -> &str {
        &view.entries[view.selected_index().unwrap()].id
    }

    #[test]
    fn entries_are_kept_once() {
        let mut view = StreamView::new("k");
        assert_eq!(view.selected_index(), None);
        view.apply(Ok(entries(0..3)));
        view.apply(Ok(entries(2..5)));
        view.apply(Err("down".to_owned()));
        assert_eq!((view.entries.len(), view.error.as_deref()), (5, Some("down")));
        view.apply(Ok(entries(5..MAX_ENTRIES + 7)));
        assert_eq!((view.entries.len(), &view.error), (MAX_ENTRIES, &None));
        assert_eq!(view.entries[0].id, "7");
    }

    #[test]
    fn newest_is_selected_until_another_is() {
        let mut view = StreamView::new("k");
        view.apply(Ok(entries(0..3)));
        assert_eq!(selected(&view), "2");
        assert!(view.on_key(KeyCode::Up));
        view.apply(Ok(entries(3..6)));
        assert_eq!(selected(&view), "1");
        view.on_key(KeyCode::PageDown);
        view.apply(Ok(entries(6..8)));
        assert_eq!(selected(&view), "7", "the newest is selected again");
        view.on_key(KeyCode::Home);
        assert_eq!(selected(&view), "0");
        view.on_key(KeyCode::End);
        assert_eq!(selected(&view), "7");
        view.on_key(KeyCode::Char('f'));
        assert!(view.is_full && view.entries.is_empty(), "the entries are requested again");
        assert!(!view.on_key(KeyCode::Esc));
    }
}
