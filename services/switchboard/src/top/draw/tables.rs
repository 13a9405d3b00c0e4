//! The three tables, below each other. The one that keys go to gets the room that the others leave.

use super::{Theme, split_title, visible_range};
use crate::top::cell::{Cell, Row, SortOrder, Tone};
use crate::top::memory::History;
use crate::top::state::UiState;
use crate::top::table::TableKind;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

/// Between two columns.
const COLUMN_GAP: usize = 2;
/// The widest that a column of text is, but for the last.
const MAX_COLUMN_WIDTH: usize = 44;
/// As narrow as a column gets.
const MIN_COLUMN_WIDTH: usize = 8;
/// The lines of a table beside its rows: the title, the heads of its columns.
const HEADER_ROWS: u16 = 2;

/// Draws those that there is room for.
pub fn draw(frame: &mut Frame, state: &UiState, memory: &History, theme: Theme, area: Rect) {
    let tables = TableKind::ALL.map(|kind| (kind, state.rows(kind, memory)));
    let wanted = [0, 1, 2].map(|number: usize| HEADER_ROWS + 1 + tables[number].1.len().max(1) as u16);
    let heights = heights(wanted, state.focus, area.height);
    let areas: [Rect; 3] = Layout::vertical(heights.map(Constraint::Length)).areas(area);
    for ((kind, rows), area) in tables.iter().zip(areas).filter(|(_, area)| area.height > HEADER_ROWS) {
        draw_table(frame, state, *kind, rows, theme, area);
    }
}

/// Each gets what it wants, if all fits. Else the others get a few lines, and the chosen one the rest.
fn heights(wanted: [u16; 3], focus: usize, height: u16) -> [u16; 3] {
    if wanted.iter().sum::<u16>() <= height {
        return wanted;
    }
    let few = (height / 4).max(HEADER_ROWS + 2);
    let mut left = height;
    let mut heights = [0; 3];
    let least = wanted[focus].min(height.saturating_sub(2 * few).max(HEADER_ROWS + 3));
    heights[focus] = least.min(left);
    left -= heights[focus];
    for other in (0..3).filter(|other| *other != focus) {
        let share = wanted[other].min(few.max(left / 2)).min(left);
        heights[other] = if share > HEADER_ROWS { share } else { 0 };
        left -= heights[other];
    }
    heights[focus] = (heights[focus] + left).min(wanted[focus]);
    heights
}

fn draw_table(frame: &mut Frame, state: &UiState, kind: TableKind, rows: &[Row], theme: Theme, area: Rect) {
    let is_focus = state.focused_table() == kind;
    let (title_area, rest) = split_title(area);
    let (head_area, body) = split_title(rest);
    frame.render_widget(title(state, kind, rows, is_focus), title_area);
    let columns = kind.columns();
    let widths = widths(kind, rows, usize::from(area.width));
    let order = state.view(kind).order;
    let heads: Vec<_> =
        columns.iter().enumerate().map(|(number, name)| column_header(name, number, order)).collect();
    let heads = heads.iter().zip(columns).zip(&widths).map(|((head, column), width)| {
        let style = theme.style(Tone::Dim).add_modifier(Modifier::UNDERLINED);
        Span::styled(fit(head, *width, column.starts_with('>')), style)
    });
    frame.render_widget(spaced(heads), head_area);
    let chosen = state.selected_index(kind, rows).unwrap_or_default();
    let shown = visible_range(rows.len(), chosen, usize::from(body.height));
    for ((number, row), area) in rows.iter().enumerate().skip(shown.start).zip(body.rows()) {
        if number >= shown.end {
            break;
        }
        let cells = row.cells.iter().zip(columns).zip(&widths).map(|((cell, column), width)| {
            Span::styled(fit(&cell.text, *width, column.starts_with('>')), style(cell, theme))
        });
        let line = spaced(cells);
        let is_chosen = is_focus && number == chosen;
        frame.render_widget(if is_chosen { line.style(Modifier::REVERSED) } else { line }, area);
    }
    if rows.is_empty() {
        let words = if state.filter.is_empty() { "none" } else { "none that the filter lets through" };
        frame.render_widget(Line::styled(words, theme.style(Tone::Dim)), body);
    }
}

fn title<'l>(state: &UiState, kind: TableKind, rows: &[Row], is_focus: bool) -> Line<'l> {
    let mark = if is_focus { "> " } else { "  " };
    let SortOrder { column, reversed } = state.view(kind).order;
    let sorted = column.map(|column| {
        let name = kind.columns()[column].trim_start_matches('>').to_lowercase();
        format!(", by {name}{}", if reversed { ", turned round" } else { "" })
    });
    let words = format!("{mark}{} ({}){}", kind.title(), rows.len(), sorted.unwrap_or_default());
    let style = if is_focus { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
    Line::styled(words, style)
}

/// A column's name; an arrow where the table is sorted by it.
fn column_header(name: &str, number: usize, SortOrder { column, reversed }: SortOrder) -> String {
    let arrow = match (column == Some(number), reversed) {
        (false, _) => "",
        (true, false) => "v",
        (true, true) => "^",
    };
    format!("{}{arrow}", name.trim_start_matches('>'))
}

/// As wide as what stands in them, as far as there is room; 0 for a column that is left out. The last one gets
/// what is left.
fn widths(kind: TableKind, rows: &[Row], room: usize) -> Vec<usize> {
    let columns = kind.columns();
    let widest = |number: usize| {
        let cells = rows.iter().map(|row| row.cells[number].text.width());
        cells.chain([columns[number].trim_start_matches('>').len() + 1]).max().unwrap_or_default()
    };
    let mut widths: Vec<usize> =
        (0..columns.len()).map(|number| widest(number).min(MAX_COLUMN_WIDTH)).collect();
    let last = columns.len() - 1;
    if !columns[last].starts_with('>') {
        shrink(&mut widths, last, MIN_COLUMN_WIDTH, room);
    }
    for spare in kind.optional_columns() {
        if total_width(&widths) > room {
            widths[*spare] = 0;
        }
    }
    (0..columns.len()).rev().for_each(|number| shrink(&mut widths, number, MIN_COLUMN_WIDTH, room));
    if !columns[last].starts_with('>') && widths[last] > 0 {
        widths[last] += room.saturating_sub(total_width(&widths));
    }
    widths
}

/// Makes a column narrower where there is no room, but not below `least`.
fn shrink(widths: &mut [usize], number: usize, least: usize, room: usize) {
    let surplus = total_width(widths).saturating_sub(room);
    widths[number] = widths[number].saturating_sub(surplus).max(least.min(widths[number]));
}

fn total_width(widths: &[usize]) -> usize {
    widths
        .iter()
        .filter(|width| **width > 0)
        .map(|width| width + COLUMN_GAP)
        .sum::<usize>()
        .saturating_sub(COLUMN_GAP)
}

/// A text in so many columns of the terminal; what is cut ends in `~`.
fn fit(text: &str, width: usize, is_right: bool) -> String {
    if width == 0 {
        return String::new();
    }
    let mut shown = text.to_owned();
    if shown.width() > width {
        while shown.width() >= width {
            shown.pop();
        }
        shown.push('~');
    }
    let pad = " ".repeat(width.saturating_sub(shown.width()));
    if is_right { pad + &shown } else { shown + &pad }
}

fn spaced<'l>(cells: impl Iterator<Item = Span<'l>>) -> Line<'l> {
    let mut spans = Vec::new();
    for cell in cells.filter(|cell| !cell.content.is_empty()) {
        spans.push(cell);
        spans.push(Span::raw(" ".repeat(COLUMN_GAP)));
    }
    Line::from(spans)
}

fn style(cell: &Cell, theme: Theme) -> Style {
    theme.style(cell.tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_table_gets_the_room_that_the_others_leave() {
        assert_eq!(heights([5, 6, 4], 0, 20), [5, 6, 4]);
        assert_eq!(heights([50, 6, 4], 0, 30), [20, 6, 4]);
        assert_eq!(heights([50, 50, 50], 1, 40), [10, 20, 10]);
        for height in 3..40 {
            for focus in 0..3 {
                let got = heights([50, 50, 50], focus, height);
                assert!(got.iter().sum::<u16>() <= height, "{height} {focus}: {got:?}");
                assert!(height < 5 || got[focus] > HEADER_ROWS, "{height} {focus}: {got:?}");
            }
        }
    }

    #[test]
    fn a_narrow_terminal_leaves_columns_out_before_it_cuts_names() {
        let key = "sb:{edge-0a1b2c3d}";
        let road = super::super::super::frame::StreamStats {
            key: key.to_owned(),
            kind: "mailbox".to_owned(),
            ..Default::default()
        };
        let frame = super::super::super::frame::ClusterView { streams: vec![road], ..Default::default() };
        let rows = crate::top::table::rows(TableKind::Streams, &frame, &Default::default(), &[]);
        for (room, hidden) in [(132, 0), (80, 1), (60, 4)] {
            let widths = widths(TableKind::Streams, &rows, room);
            assert_eq!(widths.iter().filter(|width| **width == 0).count(), hidden, "{room}: {widths:?}");
            assert!(widths[0] >= key.len(), "{room}: {widths:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_numbers_stand_to_the_right() {
        assert_eq!(fit("abc", 5, false), "abc  ");
        assert_eq!(fit("abc", 5, true), "  abc");
        assert_eq!(fit("abcdef", 4, false), "abc~");
        assert_eq!(fit("日本語", 4, false), "日~ ");
    }
}
