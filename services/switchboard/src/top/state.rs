//! What the operator has selected: the table, the row, the order, a filter, a pause, and a stream to show.
//! Key presses change it.

use super::cell::{Row, SortOrder};
use super::history::History;
use super::stream_view::StreamView;
use super::table::{TableKind, rows};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The longest filter, in characters.
const MAX_FILTER: usize = 60;

#[derive(Clone, Debug, Default)]
pub struct TableView {
    pub order: SortOrder,
    /// The name of the selected row, which stays selected when it moves.
    pub selected: Option<String>,
}

#[derive(Default)]
pub struct UiState {
    /// The index of the table that keys go to.
    pub focus: usize,
    pub views: [TableView; 3],
    pub filter: String,
    /// Whether keys go to the filter.
    pub is_typing: bool,
    pub is_paused: bool,
    pub shows_help: bool,
    /// The stream whose entries are shown instead of the tables.
    pub stream: Option<StreamView>,
    pub is_quitting: bool,
}

impl UiState {
    /// Returns the table that keys go to.
    pub fn focused_table(&self) -> TableKind {
        TableKind::ALL[self.focus]
    }

    /// Returns the rows of a table as they are shown: filtered, in order.
    pub fn rows(&self, kind: TableKind, history: &History) -> Vec<Row> {
        let Some(view) = history.latest() else { return Vec::new() };
        let mut rows = rows(kind, view, &history.rates());
        rows.retain(|row| row.matches(&self.filter));
        self.view(kind).order.sort(&mut rows);
        rows
    }

    pub fn view(&self, kind: TableKind) -> &TableView {
        &self.views[kind as usize]
    }

    /// Returns the index of the selected row among these.
    pub fn selected_index(&self, kind: TableKind, rows: &[Row]) -> Option<usize> {
        let selected = self.view(kind).selected.as_ref();
        let index = selected.and_then(|name| rows.iter().position(|row| row.name == *name));
        index.or((!rows.is_empty()).then_some(0))
    }

    pub fn on_key(&mut self, key: KeyEvent, history: &History) {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => self.is_quitting = true,
            _ if is_control => {}
            _ if self.is_typing => self.on_filter_key(key.code),
            _ if self.shows_help => self.shows_help = false,
            KeyCode::Char('q') => self.is_quitting = true,
            KeyCode::Char('?' | 'h') => self.shows_help = true,
            KeyCode::Char(' ' | 'p') => self.is_paused = !self.is_paused,
            code => match &mut self.stream {
                Some(stream) => {
                    if !stream.on_key(code) {
                        self.stream = None;
                    }
                }
                None => self.on_table_key(code, history),
            },
        }
    }

    fn on_filter_key(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(char) if self.filter.chars().count() < MAX_FILTER => self.filter.push(char),
            _ => {}
        }
    }

    fn on_table_key(&mut self, code: KeyCode, history: &History) {
        match code {
            KeyCode::Tab | KeyCode::Right => self.focus = (self.focus + 1) % TableKind::ALL.len(),
            KeyCode::BackTab | KeyCode::Left => {
                self.focus = (self.focus + TableKind::ALL.len() - 1) % TableKind::ALL.len();
            }
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('s') => self.sort_by_next_column(),
            KeyCode::Char('r') => {
                let order = &mut self.views[self.focus].order;
                order.reversed = !order.reversed;
            }
            KeyCode::Up | KeyCode::Char('k') => self.move_selection(-1, history),
            KeyCode::Down | KeyCode::Char('j') => self.move_selection(1, history),
            KeyCode::PageUp => self.move_selection(-10, history),
            KeyCode::PageDown => self.move_selection(10, history),
            KeyCode::Home => self.move_selection(isize::MIN, history),
            KeyCode::End => self.move_selection(isize::MAX, history),
            KeyCode::Enter if self.focused_table() == TableKind::Streams => {
                let rows = self.rows(TableKind::Streams, history);
                let index = self.selected_index(TableKind::Streams, &rows);
                self.stream = index.map(|index| StreamView::new(&rows[index].name));
            }
            _ => {}
        }
    }

    /// Sorts by the next column; after the last one, in the order of the response.
    fn sort_by_next_column(&mut self) {
        let columns = self.focused_table().columns().len();
        let order = &mut self.views[self.focus].order;
        order.column = match order.column {
            None => Some(0),
            Some(column) => Some(column + 1).filter(|next| *next < columns),
        };
        order.reversed = false;
    }

    fn move_selection(&mut self, by: isize, history: &History) {
        let rows = self.rows(self.focused_table(), history);
        let Some(index) = self.selected_index(self.focused_table(), &rows) else { return };
        let moved = index.saturating_add_signed(by).min(rows.len() - 1);
        self.views[self.focus].selected = Some(rows[moved].name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{ClusterView, StreamStats};
    use super::*;

    fn history(streams: &[(&str, u64)]) -> History {
        let stream = |(key, length): &(&str, u64)| StreamStats {
            key: (*key).to_owned(),
            length: *length,
            ..StreamStats::default()
        };
        let streams = streams.iter().map(stream).collect();
        let mut history = History::default();
        history.apply(Ok(ClusterView { at: 1, streams, ..ClusterView::default() }));
        history
    }

    fn press(state: &mut UiState, history: &History, keys: &[KeyCode]) {
        keys.iter().for_each(|code| state.on_key(KeyEvent::from(*code), history));
    }

    fn text(state: &mut UiState, history: &History, text: &str) {
        text.chars().for_each(|char| press(state, history, &[KeyCode::Char(char)]));
    }

    fn names(state: &UiState, history: &History) -> Vec<String> {
        state.rows(TableKind::Streams, history).into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn keys_go_to_the_filter_while_it_is_typed() {
        let (mut state, history) = (UiState::default(), history(&[("queue", 1), ("edge-q", 2)]));
        text(&mut state, &history, "/EDGEq");
        assert!(!state.is_quitting && state.is_typing);
        press(&mut state, &history, &[KeyCode::Backspace, KeyCode::Enter]);
        assert_eq!((names(&state, &history), state.is_typing), (vec!["edge-q".to_owned()], false));
        press(&mut state, &history, &[KeyCode::Esc]);
        assert_eq!(names(&state, &history), ["queue", "edge-q"]);
        text(&mut state, &history, "/nothing");
        press(&mut state, &history, &[KeyCode::Enter, KeyCode::Down, KeyCode::Enter]);
        assert!(state.stream.is_none(), "there is no row to show");
        text(&mut state, &history, "q");
        assert!(state.is_quitting);
    }

    #[test]
    fn s_sorts_by_the_next_column_and_r_reverses() {
        let (mut state, history) = (UiState::default(), history(&[("b", 1), ("a", 3), ("c", 2)]));
        text(&mut state, &history, "s");
        assert_eq!(names(&state, &history), ["a", "b", "c"]);
        text(&mut state, &history, "ss");
        assert_eq!(names(&state, &history), ["a", "c", "b"], "by length");
        text(&mut state, &history, "r");
        assert_eq!(names(&state, &history), ["b", "c", "a"]);
        text(&mut state, &history, &"s".repeat(TableKind::Streams.columns().len() - 2));
        assert_eq!(names(&state, &history), ["b", "a", "c"], "in the order of the response");
    }

    #[test]
    fn selected_row_stays_selected_when_it_moves() {
        let mut state = UiState::default();
        let before = history(&[("a", 1), ("b", 2), ("c", 3)]);
        press(&mut state, &before, &[KeyCode::Down]);
        let after = history(&[("x", 9), ("c", 3), ("b", 2)]);
        let rows = state.rows(TableKind::Streams, &after);
        assert_eq!(state.selected_index(TableKind::Streams, &rows), Some(2));
        press(&mut state, &after, &[KeyCode::End, KeyCode::Home, KeyCode::Up]);
        assert_eq!(state.view(TableKind::Streams).selected.as_deref(), Some("x"));
        press(&mut state, &after, &[KeyCode::Enter]);
        assert_eq!(state.stream.as_ref().unwrap().key, "x");
        press(&mut state, &after, &[KeyCode::Esc]);
        assert!(state.stream.is_none() && !state.is_quitting);
    }

    #[test]
    fn any_key_closes_the_help() {
        let (mut state, history) = (UiState::default(), history(&[]));
        text(&mut state, &history, "?q");
        assert!(!state.shows_help && !state.is_quitting);
        text(&mut state, &history, " ");
        assert!(state.is_paused);
        press(&mut state, &history, &[KeyCode::Tab, KeyCode::BackTab, KeyCode::BackTab]);
        assert_eq!(state.focused_table(), TableKind::Backends);
        state.on_key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), &history);
        assert!(state.is_quitting);
    }
}
