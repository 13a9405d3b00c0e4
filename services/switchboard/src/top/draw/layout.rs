//! Colours, and how areas and lists are divided.

use crate::top::cell::Tone;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use std::ops::Range;

#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub has_colour: bool,
}

impl Theme {
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

/// Returns the part of a list that is shown, so that the selected item is in it.
pub fn visible_range(length: usize, selected: usize, height: usize) -> Range<usize> {
    let first = selected.saturating_sub(height.saturating_sub(1)).min(length.saturating_sub(height));
    first..(first + height).min(length)
}

/// Returns the first line of an area, and the rest.
pub fn split_title(area: Rect) -> (Rect, Rect) {
    let [title, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    (title, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selected_item_is_always_visible() {
        for length in 0..30 {
            for selected in 0..length {
                for height in 1..12 {
                    let range = visible_range(length, selected, height);
                    assert!(range.contains(&selected) && range.len() <= height && range.end <= length);
                }
            }
        }
        assert_eq!(visible_range(0, 0, 5), 0..0);
    }
}
