//! A road that is looked into: the entries that were seen on it, the newest last, and the one that is chosen.
//! Pure. It keeps the newest [`KEPT`]; an entry that is done, and gone from the road, stays here.

use super::frame::Entry;
use ratatui::crossterm::event::KeyCode;
use std::collections::VecDeque;

/// How many entries are kept.
const KEPT: usize = 500;

/// A road that is looked into.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// The key of the road.
    pub key: String,
    /// Whether session descriptions and addresses are wanted.
    pub full: bool,
    pub entries: VecDeque<Entry>,
    /// The id of the chosen entry; none follows the newest.
    pub chosen: Option<String>,
    /// Why nothing more can be seen of it.
    pub trouble: Option<String>,
}

impl Detail {
    /// Of the road with this key.
    pub fn of(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }

    /// A key was pressed; false where it leaves.
    pub fn press(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => return false,
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-10),
            KeyCode::PageDown => self.step(10),
            KeyCode::Home => self.step(isize::MIN),
            KeyCode::End => self.chosen = None,
            KeyCode::Char('f') => {
                self.full = !self.full;
                self.entries.clear();
                self.chosen = None;
            }
            _ => {}
        }
        true
    }

    /// What was seen on the road just now, or why nothing was.
    pub fn learn(&mut self, seen: Result<Vec<Entry>, String>) {
        match seen {
            Ok(entries) => {
                self.trouble = None;
                for entry in entries {
                    if !self.entries.iter().rev().any(|known| known.id == entry.id) {
                        self.entries.push_back(entry);
                    }
                }
                let surplus = self.entries.len().saturating_sub(KEPT);
                self.entries.drain(..surplus);
            }
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// The place of the chosen entry.
    pub fn place(&self) -> Option<usize> {
        let chosen = self.chosen.as_ref();
        let place = chosen.and_then(|id| self.entries.iter().position(|entry| entry.id == *id));
        place.or(self.entries.len().checked_sub(1))
    }

    fn step(&mut self, by: isize) {
        let Some(place) = self.place() else { return };
        let place = place.saturating_add_signed(by).min(self.entries.len() - 1);
        let is_last = place + 1 == self.entries.len();
        self.chosen = (!is_last).then(|| self.entries[place].id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(ids: std::ops::Range<usize>) -> Vec<Entry> {
        ids.map(|id| Entry { id: id.to_string(), ..Entry::default() }).collect()
    }

    fn chosen(detail: &Detail) -> &str {
        &detail.entries[detail.place().unwrap()].id
    }

    #[test]
    fn what_was_seen_stays_and_is_there_once() {
        let mut detail = Detail::of("k");
        assert_eq!(detail.place(), None);
        detail.learn(Ok(entries(0..3)));
        detail.learn(Ok(entries(2..5)));
        detail.learn(Err("away".to_owned()));
        assert_eq!((detail.entries.len(), detail.trouble.as_deref()), (5, Some("away")));
        detail.learn(Ok(entries(5..KEPT + 7)));
        assert_eq!((detail.entries.len(), &detail.trouble), (KEPT, &None));
        assert_eq!(detail.entries[0].id, "7");
    }

    #[test]
    fn it_follows_the_newest_until_another_is_chosen() {
        let mut detail = Detail::of("k");
        detail.learn(Ok(entries(0..3)));
        assert_eq!(chosen(&detail), "2");
        assert!(detail.press(KeyCode::Up));
        detail.learn(Ok(entries(3..6)));
        assert_eq!(chosen(&detail), "1");
        detail.press(KeyCode::PageDown);
        detail.learn(Ok(entries(6..8)));
        assert_eq!(chosen(&detail), "7", "it follows again");
        detail.press(KeyCode::Home);
        assert_eq!(chosen(&detail), "0");
        detail.press(KeyCode::End);
        assert_eq!(chosen(&detail), "7");
        detail.press(KeyCode::Char('f'));
        assert!(detail.full && detail.entries.is_empty(), "what was shortened is asked for anew");
        assert!(!detail.press(KeyCode::Esc));
    }
}
