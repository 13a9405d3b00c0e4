//! Draws the screen, from top to bottom: the address of rest and the time, the findings, the calls, the tables
//! or the shown stream, the keys. A small terminal leaves out what is at the bottom.

mod body;
mod frame;
mod layout;

pub use layout::Theme;

use super::history::History;
use super::state::UiState;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

/// The smallest terminal in which anything is shown.
const MIN_WIDTH: u16 = 40;
const MIN_HEIGHT: u16 = 8;

pub fn draw(frame: &mut Frame, state: &UiState, history: &History, theme: Theme) {
    let [area, bottom] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
    draw_in(frame, state, history, theme, area);
    frame.render_widget(frame::keys(state, theme), bottom);
    if state.shows_help {
        frame::draw_help(frame, theme, frame.area());
    }
}

/// Does the same without the keys, for a text that is printed.
pub fn draw_without_keys(frame: &mut Frame, state: &UiState, history: &History, theme: Theme) {
    draw_in(frame, state, history, theme, frame.area());
}

fn draw_in(frame: &mut Frame, state: &UiState, history: &History, theme: Theme, area: Rect) {
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        let text = format!("too small: {MIN_WIDTH} columns and {MIN_HEIGHT} lines are needed");
        return frame.render_widget(Line::raw(text), area);
    }
    let lines = frame::header_lines(state, history, theme, area);
    let parts = [Constraint::Length(lines.len() as u16), Constraint::Min(3)];
    let [header, rest] = Layout::vertical(parts).areas(area);
    for (line, row) in lines.into_iter().zip(header.rows()) {
        frame.render_widget(line, row);
    }
    match &state.stream {
        Some(stream) => body::draw_stream(frame, stream, theme, rest),
        None => body::draw_tables(frame, state, history, theme, rest),
    }
}

#[cfg(test)]
mod tests;
