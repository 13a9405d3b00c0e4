//! What the operator has chosen: which table, which row, the order, a filter, a pause, a road to look into.
//! Keys change it; nothing here knows a terminal or a network. Pure.

use super::cell::{Order, Row};
use super::detail::Detail;
use super::memory::Memory;
use super::table::{Kind, rows};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The longest filter.
const MAX_FILTER: usize = 60;

/// How one table is looked at.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub order: Order,
    /// The name of the row that is chosen; it stays chosen where the row moves.
    pub chosen: Option<String>,
}

/// Everything that was chosen.
#[derive(Default)]
pub struct State {
    pub focus: usize,
    pub views: [View; 3],
    pub filter: String,
    /// Whether the filter is being typed.
    pub is_typing: bool,
    pub is_paused: bool,
    pub shows_help: bool,
    pub detail: Option<Detail>,
    /// Whether it is over.
    pub quits: bool,
}

impl State {
    /// The table that keys go to.
    pub fn kind(&self) -> Kind {
        Kind::ALL[self.focus]
    }

    /// The rows of a table as they are shown: filtered, in order.
    pub fn rows(&self, kind: Kind, memory: &Memory) -> Vec<Row> {
        let Some(frame) = memory.now() else { return Vec::new() };
        let mut rows = rows(kind, frame, &memory.rates(), &memory.gone());
        rows.retain(|row| row.has(&self.filter));
        self.view(kind).order.sort(&mut rows);
        rows
    }

    /// How a table is looked at.
    pub fn view(&self, kind: Kind) -> &View {
        &self.views[kind as usize]
    }

    /// The place of the chosen row among these.
    pub fn place(&self, kind: Kind, rows: &[Row]) -> Option<usize> {
        let chosen = self.view(kind).chosen.as_ref();
        let place = chosen.and_then(|name| rows.iter().position(|row| row.name == *name));
        place.or((!rows.is_empty()).then_some(0))
    }

    /// A key was pressed.
    pub fn press(&mut self, key: KeyEvent, memory: &Memory) {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => self.quits = true,
            _ if is_control => {}
            _ if self.is_typing => self.type_filter(key.code),
            _ if self.shows_help => self.shows_help = false,
            KeyCode::Char('q') => self.quits = true,
            KeyCode::Char('?' | 'h') => self.shows_help = true,
            KeyCode::Char(' ' | 'p') => self.is_paused = !self.is_paused,
            code => match &mut self.detail {
                Some(detail) => {
                    if !detail.press(code) {
                        self.detail = None;
                    }
                }
                None => self.press_in_tables(code, memory),
            },
        }
    }

    fn type_filter(&mut self, code: KeyCode) {
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

    fn press_in_tables(&mut self, code: KeyCode, memory: &Memory) {
        match code {
            KeyCode::Tab | KeyCode::Right => self.focus = (self.focus + 1) % Kind::ALL.len(),
            KeyCode::BackTab | KeyCode::Left => {
                self.focus = (self.focus + Kind::ALL.len() - 1) % Kind::ALL.len();
            }
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('s') => self.sort_by_next(),
            KeyCode::Char('r') => {
                let order = &mut self.views[self.focus].order;
                order.reversed = !order.reversed;
            }
            KeyCode::Up | KeyCode::Char('k') => self.step(-1, memory),
            KeyCode::Down | KeyCode::Char('j') => self.step(1, memory),
            KeyCode::PageUp => self.step(-10, memory),
            KeyCode::PageDown => self.step(10, memory),
            KeyCode::Home => self.step(isize::MIN, memory),
            KeyCode::End => self.step(isize::MAX, memory),
            KeyCode::Enter if self.kind() == Kind::Roads => {
                let rows = self.rows(Kind::Roads, memory);
                let place = self.place(Kind::Roads, &rows);
                self.detail = place.map(|place| Detail::of(&rows[place].name));
            }
            _ => {}
        }
    }

    /// The next column; behind the last one the order of the cluster.
    fn sort_by_next(&mut self) {
        let columns = self.kind().columns().len();
        let order = &mut self.views[self.focus].order;
        order.column = match order.column {
            None => Some(0),
            Some(column) => Some(column + 1).filter(|next| *next < columns),
        };
        order.reversed = false;
    }

    fn step(&mut self, by: isize, memory: &Memory) {
        let rows = self.rows(self.kind(), memory);
        let Some(place) = self.place(self.kind(), &rows) else { return };
        let place = place.saturating_add_signed(by).min(rows.len() - 1);
        self.views[self.focus].chosen = Some(rows[place].name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Frame, Road};
    use super::*;

    fn memory(roads: &[(&str, u64)]) -> Memory {
        let road =
            |(key, length): &(&str, u64)| Road { key: (*key).to_owned(), length: *length, ..Road::default() };
        let mut memory = Memory::default();
        memory.learn(Frame { at: 1, roads: roads.iter().map(road).collect(), ..Frame::default() });
        memory
    }

    fn press(state: &mut State, memory: &Memory, keys: &[KeyCode]) {
        keys.iter().for_each(|code| state.press(KeyEvent::from(*code), memory));
    }

    fn text(state: &mut State, memory: &Memory, text: &str) {
        text.chars().for_each(|char| press(state, memory, &[KeyCode::Char(char)]));
    }

    fn names(state: &State, memory: &Memory) -> Vec<String> {
        state.rows(Kind::Roads, memory).into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn letters_of_a_filter_are_no_orders() {
        let (mut state, memory) = (State::default(), memory(&[("queue", 1), ("edge-q", 2)]));
        text(&mut state, &memory, "/EDGEq");
        assert!(!state.quits && state.is_typing);
        press(&mut state, &memory, &[KeyCode::Backspace, KeyCode::Enter]);
        assert_eq!((names(&state, &memory), state.is_typing), (vec!["edge-q".to_owned()], false));
        press(&mut state, &memory, &[KeyCode::Esc]);
        assert_eq!(names(&state, &memory), ["queue", "edge-q"]);
        text(&mut state, &memory, "/nothing");
        press(&mut state, &memory, &[KeyCode::Enter, KeyCode::Down, KeyCode::Enter]);
        assert!(state.detail.is_none(), "there is no row to look into");
        text(&mut state, &memory, "q");
        assert!(state.quits);
    }

    #[test]
    fn s_sorts_by_one_column_after_the_other_and_r_turns_it_round() {
        let (mut state, memory) = (State::default(), memory(&[("b", 1), ("a", 3), ("c", 2)]));
        text(&mut state, &memory, "s");
        assert_eq!(names(&state, &memory), ["a", "b", "c"]);
        text(&mut state, &memory, "ss");
        assert_eq!(names(&state, &memory), ["a", "c", "b"], "by length");
        text(&mut state, &memory, "r");
        assert_eq!(names(&state, &memory), ["b", "c", "a"]);
        text(&mut state, &memory, &"s".repeat(Kind::Roads.columns().len() - 2));
        assert_eq!(names(&state, &memory), ["b", "a", "c"], "as it was");
    }

    #[test]
    fn the_chosen_row_stays_chosen_where_it_moves() {
        let mut state = State::default();
        let before = memory(&[("a", 1), ("b", 2), ("c", 3)]);
        press(&mut state, &before, &[KeyCode::Down]);
        let after = memory(&[("x", 9), ("c", 3), ("b", 2)]);
        let rows = state.rows(Kind::Roads, &after);
        assert_eq!(state.place(Kind::Roads, &rows), Some(2));
        press(&mut state, &after, &[KeyCode::End, KeyCode::Home, KeyCode::Up]);
        assert_eq!(state.view(Kind::Roads).chosen.as_deref(), Some("x"));
        press(&mut state, &after, &[KeyCode::Enter]);
        assert_eq!(state.detail.as_ref().unwrap().key, "x");
        press(&mut state, &after, &[KeyCode::Esc]);
        assert!(state.detail.is_none() && !state.quits);
    }

    #[test]
    fn help_covers_all_and_any_key_ends_it() {
        let (mut state, memory) = (State::default(), memory(&[]));
        text(&mut state, &memory, "?q");
        assert!(!state.shows_help && !state.quits);
        text(&mut state, &memory, " ");
        assert!(state.is_paused);
        press(&mut state, &memory, &[KeyCode::Tab, KeyCode::BackTab, KeyCode::BackTab]);
        assert_eq!(state.kind(), Kind::Backends);
        state.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), &memory);
        assert!(state.quits);
    }
}
