//! What the operator has chosen: which table, which row, the order, a filter, a pause, a road to look into.
//! Keys change it; nothing here knows a terminal or a network. Pure.

use super::cell::{Row, SortOrder};
use super::detail::StreamView;
use super::memory::History;
use super::table::{TableKind, rows};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The longest filter.
const MAX_FILTER: usize = 60;

/// How one table is looked at.
#[derive(Clone, Debug, Default)]
pub struct TableView {
    pub order: SortOrder,
    /// The name of the row that is chosen; it stays chosen where the row moves.
    pub selected: Option<String>,
}

/// Everything that was chosen.
#[derive(Default)]
pub struct UiState {
    pub focus: usize,
    pub views: [TableView; 3],
    pub filter: String,
    /// Whether the filter is being typed.
    pub is_typing: bool,
    pub is_paused: bool,
    pub shows_help: bool,
    pub stream: Option<StreamView>,
    /// Whether it is over.
    pub is_quitting: bool,
}

impl UiState {
    /// The table that keys go to.
    pub fn focused_table(&self) -> TableKind {
        TableKind::ALL[self.focus]
    }

    /// The rows of a table as they are shown: filtered, in order.
    pub fn rows(&self, kind: TableKind, memory: &History) -> Vec<Row> {
        let Some(frame) = memory.latest() else { return Vec::new() };
        let mut rows = rows(kind, frame, &memory.rates(), &memory.gone());
        rows.retain(|row| row.matches(&self.filter));
        self.view(kind).order.sort(&mut rows);
        rows
    }

    /// How a table is looked at.
    pub fn view(&self, kind: TableKind) -> &TableView {
        &self.views[kind as usize]
    }

    /// The place of the chosen row among these.
    pub fn selected_index(&self, kind: TableKind, rows: &[Row]) -> Option<usize> {
        let chosen = self.view(kind).selected.as_ref();
        let place = chosen.and_then(|name| rows.iter().position(|row| row.name == *name));
        place.or((!rows.is_empty()).then_some(0))
    }

    /// A key was pressed.
    pub fn on_key(&mut self, key: KeyEvent, memory: &History) {
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
                Some(detail) => {
                    if !detail.on_key(code) {
                        self.stream = None;
                    }
                }
                None => self.on_table_key(code, memory),
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

    fn on_table_key(&mut self, code: KeyCode, memory: &History) {
        match code {
            KeyCode::Tab | KeyCode::Right => self.focus = (self.focus + 1) % TableKind::ALL.len(),
            KeyCode::BackTab | KeyCode::Left => {
                self.focus = (self.focus + TableKind::ALL.len() - 1) % TableKind::ALL.len();
            }
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('s') => self.sort_by_next(),
            KeyCode::Char('r') => {
                let order = &mut self.views[self.focus].order;
                order.reversed = !order.reversed;
            }
            KeyCode::Up | KeyCode::Char('k') => self.move_selection(-1, memory),
            KeyCode::Down | KeyCode::Char('j') => self.move_selection(1, memory),
            KeyCode::PageUp => self.move_selection(-10, memory),
            KeyCode::PageDown => self.move_selection(10, memory),
            KeyCode::Home => self.move_selection(isize::MIN, memory),
            KeyCode::End => self.move_selection(isize::MAX, memory),
            KeyCode::Enter if self.focused_table() == TableKind::Streams => {
                let rows = self.rows(TableKind::Streams, memory);
                let place = self.selected_index(TableKind::Streams, &rows);
                self.stream = place.map(|place| StreamView::new(&rows[place].name));
            }
            _ => {}
        }
    }

    /// The next column; behind the last one the order of the cluster.
    fn sort_by_next(&mut self) {
        let columns = self.focused_table().columns().len();
        let order = &mut self.views[self.focus].order;
        order.column = match order.column {
            None => Some(0),
            Some(column) => Some(column + 1).filter(|next| *next < columns),
        };
        order.reversed = false;
    }

    fn move_selection(&mut self, by: isize, memory: &History) {
        let rows = self.rows(self.focused_table(), memory);
        let Some(place) = self.selected_index(self.focused_table(), &rows) else { return };
        let place = place.saturating_add_signed(by).min(rows.len() - 1);
        self.views[self.focus].selected = Some(rows[place].name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{ClusterView, StreamStats};
    use super::*;

    fn memory(roads: &[(&str, u64)]) -> History {
        let road = |(key, length): &(&str, u64)| StreamStats {
            key: (*key).to_owned(),
            length: *length,
            ..StreamStats::default()
        };
        let mut memory = History::default();
        memory.push(ClusterView {
            at: 1,
            streams: roads.iter().map(road).collect(),
            ..ClusterView::default()
        });
        memory
    }

    fn press(state: &mut UiState, memory: &History, keys: &[KeyCode]) {
        keys.iter().for_each(|code| state.on_key(KeyEvent::from(*code), memory));
    }

    fn text(state: &mut UiState, memory: &History, text: &str) {
        text.chars().for_each(|char| press(state, memory, &[KeyCode::Char(char)]));
    }

    fn names(state: &UiState, memory: &History) -> Vec<String> {
        state.rows(TableKind::Streams, memory).into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn letters_of_a_filter_are_no_orders() {
        let (mut state, memory) = (UiState::default(), memory(&[("queue", 1), ("edge-q", 2)]));
        text(&mut state, &memory, "/EDGEq");
        assert!(!state.is_quitting && state.is_typing);
        press(&mut state, &memory, &[KeyCode::Backspace, KeyCode::Enter]);
        assert_eq!((names(&state, &memory), state.is_typing), (vec!["edge-q".to_owned()], false));
        press(&mut state, &memory, &[KeyCode::Esc]);
        assert_eq!(names(&state, &memory), ["queue", "edge-q"]);
        text(&mut state, &memory, "/nothing");
        press(&mut state, &memory, &[KeyCode::Enter, KeyCode::Down, KeyCode::Enter]);
        assert!(state.stream.is_none(), "there is no row to look into");
        text(&mut state, &memory, "q");
        assert!(state.is_quitting);
    }

    #[test]
    fn s_sorts_by_one_column_after_the_other_and_r_turns_it_round() {
        let (mut state, memory) = (UiState::default(), memory(&[("b", 1), ("a", 3), ("c", 2)]));
        text(&mut state, &memory, "s");
        assert_eq!(names(&state, &memory), ["a", "b", "c"]);
        text(&mut state, &memory, "ss");
        assert_eq!(names(&state, &memory), ["a", "c", "b"], "by length");
        text(&mut state, &memory, "r");
        assert_eq!(names(&state, &memory), ["b", "c", "a"]);
        text(&mut state, &memory, &"s".repeat(TableKind::Streams.columns().len() - 2));
        assert_eq!(names(&state, &memory), ["b", "a", "c"], "as it was");
    }

    #[test]
    fn the_chosen_row_stays_chosen_where_it_moves() {
        let mut state = UiState::default();
        let before = memory(&[("a", 1), ("b", 2), ("c", 3)]);
        press(&mut state, &before, &[KeyCode::Down]);
        let after = memory(&[("x", 9), ("c", 3), ("b", 2)]);
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
    fn help_covers_all_and_any_key_ends_it() {
        let (mut state, memory) = (UiState::default(), memory(&[]));
        text(&mut state, &memory, "?q");
        assert!(!state.shows_help && !state.is_quitting);
        text(&mut state, &memory, " ");
        assert!(state.is_paused);
        press(&mut state, &memory, &[KeyCode::Tab, KeyCode::BackTab, KeyCode::BackTab]);
        assert_eq!(state.focused_table(), TableKind::Backends);
        state.on_key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), &memory);
        assert!(state.is_quitting);
    }
}
