//! The screen: from what was seen and what was chosen to a buffer of letters. Pure; a terminal and a test draw
//! alike.
//!
//! From the top: the address of rest and the time; what is wrong; calls; the tables, or a road that is looked
//! into; the keys. What does not fit into a small terminal is left out from below.

mod detail;
mod head;
mod help;
mod tables;

use super::cell::Tone;
use super::state::UiState;
use super::watch::ClusterMonitor;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;

/// The smallest terminal that anything is shown in.
const MIN_WIDTH: u16 = 40;
const MIN_HEIGHT: u16 = 8;

/// How tones look.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub has_colour: bool,
}

impl Theme {
    /// Of this tone.
    pub fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        match (tone, self.has_colour) {
            (Tone::Plain, _) | (Tone::Good, false) => style,
            (Tone::Dim, _) => style.add_modifier(Modifier::DIM),
            (Tone::Good, true) => style.fg(Color::Green),
            (Tone::Warning, true) => style.fg(Color::Yellow),
            (Tone::Bad, true) => style.fg(Color::Red).add_modifier(Modifier::BOLD),
            (Tone::Warning | Tone::Bad, false) => style.add_modifier(Modifier::BOLD),
        }
    }
}

/// Draws all of it.
pub fn draw(frame: &mut Frame, state: &UiState, watch: &ClusterMonitor, theme: Theme) {
    let [area, foot] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
    draw_in(frame, state, watch, theme, area);
    frame.render_widget(help::keys(state, theme), foot);
    if state.shows_help {
        help::draw(frame, theme, frame.area());
    }
}

/// As [`draw`], where nobody can press a key.
pub fn draw_without_keys(frame: &mut Frame, state: &UiState, watch: &ClusterMonitor, theme: Theme) {
    draw_in(frame, state, watch, theme, frame.area());
}

fn draw_in(frame: &mut Frame, state: &UiState, watch: &ClusterMonitor, theme: Theme, area: Rect) {
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        let words = format!("too small: {MIN_WIDTH} by {MIN_HEIGHT} letters are needed");
        return frame.render_widget(Line::raw(words), area);
    }
    let lines = head::lines(state, watch, theme, area);
    let rows = [Constraint::Length(lines.len() as u16), Constraint::Min(3)];
    let [head, body] = Layout::vertical(rows).areas(area);
    for (line, row) in lines.into_iter().zip(head.rows()) {
        frame.render_widget(line, row);
    }
    match &state.stream {
        Some(road) => detail::draw(frame, road, theme, body),
        None => tables::draw(frame, state, &watch.history, theme, body),
    }
}

/// The part of a list that is shown, so that the chosen one is in it.
fn visible_range(length: usize, chosen: usize, height: usize) -> std::ops::Range<usize> {
    let first = chosen.saturating_sub(height.saturating_sub(1)).min(length.saturating_sub(height));
    first..(first + height).min(length)
}

/// The area without its first line, and that line.
fn split_title(area: Rect) -> (Rect, Rect) {
    let [title, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    (title, rest)
}

#[cfg(test)]
mod tests;
