//! The body of the screen: the three tables, one below the other, or one stream. The focused table gets the
//! lines that the others leave. A stream has a line for each entry, and below it the whole selected entry.

use super::layout::{Theme, split_title, visible_range};
use crate::format::time_of_day_with_millis;
use crate::top::cell::{Row, SortOrder, Tone};
use crate::top::history::History;
use crate::top::model::StreamEntry;
use crate::top::state::UiState;
use crate::top::stream_view::StreamView;
use crate::top::table::TableKind;
use common::display::{visible, visible_json};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Paragraph, Wrap};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

const COLUMN_GAP: usize = 2;
/// The largest width of a column, except the last one.
const MAX_COLUMN_WIDTH: usize = 44;
/// The width below which a column is not shrunk.
const MIN_COLUMN_WIDTH: usize = 8;
/// The lines of a table above its rows: the title and the column headers.
const HEADER_ROWS: u16 = 2;

/// The fields of a log entry that come first.
const LEADING_FIELDS: [&str; 8] =
    ["event", "caller", "callee", "backend", "reason", "error", "stream", "kind"];

const NO_ENTRIES: &str = "No entries so far. Acknowledged entries are deleted, so a healthy stream is empty most of \
    the time. New entries appear here, and stay.";

/// Draws the tables for which there is room.
pub fn draw_tables(frame: &mut Frame, state: &UiState, history: &History, theme: Theme, area: Rect) {
    let tables = TableKind::ALL.map(|kind| (kind, state.rows(kind, history)));
    let wanted = [0, 1, 2].map(|index: usize| HEADER_ROWS + 1 + tables[index].1.len().max(1) as u16);
    let heights = heights(wanted, state.focus, area.height);
    let areas: [Rect; 3] = Layout::vertical(heights.map(Constraint::Length)).areas(area);
    for ((kind, rows), table_area) in tables.iter().zip(areas) {
        if table_area.height > HEADER_ROWS {
            draw_table(frame, state, *kind, rows, theme, table_area);
        }
    }
}

/// Returns the height of each table. If not all fit, the others get a few lines and the focused one the rest.
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
    let is_focused = state.focused_table() == kind;
    let (title_area, below_title) = split_title(area);
    let (header_area, body) = split_title(below_title);
    frame.render_widget(table_title(state, kind, rows, is_focused), title_area);
    let columns = kind.columns();
    let widths = widths(kind, rows, usize::from(area.width));
    let order = state.view(kind).order;
    let header_style = theme.style(Tone::Dim).add_modifier(Modifier::UNDERLINED);
    let headers = columns.iter().zip(&widths).enumerate().map(|(index, (column, width))| {
        let text = column_header(column, index, order);
        Span::styled(fit(&text, *width, column.starts_with('>')), header_style)
    });
    frame.render_widget(spaced(headers), header_area);
    if rows.is_empty() {
        let text = if state.filter.is_empty() { "none" } else { "none that match the filter" };
        return frame.render_widget(Line::styled(text, theme.style(Tone::Dim)), body);
    }
    let selected = state.selected_index(kind, rows).unwrap_or_default();
    let visible = visible_range(rows.len(), selected, usize::from(body.height));
    for (index, row_area) in visible.zip(body.rows()) {
        let cells = rows[index].cells.iter().zip(columns).zip(&widths).map(|((cell, column), width)| {
            let text = fit(&cell.text, *width, column.starts_with('>'));
            Span::styled(text, theme.style(cell.tone))
        });
        let line = spaced(cells);
        let is_selected = is_focused && index == selected;
        frame.render_widget(if is_selected { line.style(Modifier::REVERSED) } else { line }, row_area);
    }
}

fn table_title<'l>(state: &UiState, kind: TableKind, rows: &[Row], is_focused: bool) -> Line<'l> {
    let prefix = if is_focused { "> " } else { "  " };
    let SortOrder { column, reversed } = state.view(kind).order;
    let order = column.map(|column| {
        let name = kind.columns()[column].trim_start_matches('>').to_lowercase();
        format!(", by {name}{}", if reversed { ", reversed" } else { "" })
    });
    let text = format!("{prefix}{} ({}){}", kind.title(), rows.len(), order.unwrap_or_default());
    let style = if is_focused { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
    Line::styled(text, style)
}

/// Returns the name of a column, with an arrow if the table is sorted by it.
fn column_header(name: &str, index: usize, SortOrder { column, reversed }: SortOrder) -> String {
    let arrow = match (column == Some(index), reversed) {
        (false, _) => "",
        (true, false) => "v",
        (true, true) => "^",
    };
    format!("{}{arrow}", name.trim_start_matches('>'))
}

/// Returns the widths of the columns: as wide as their texts, as far as there is room. A column that is left out
/// has the width 0. The last column gets the remaining width.
fn widths(kind: TableKind, rows: &[Row], room: usize) -> Vec<usize> {
    let columns = kind.columns();
    let text_width = |index: usize| {
        let cells = rows.iter().map(|row| row.cells[index].text.width());
        cells.chain([columns[index].trim_start_matches('>').len() + 1]).max().unwrap_or_default()
    };
    let mut widths: Vec<usize> =
        (0..columns.len()).map(|index| text_width(index).min(MAX_COLUMN_WIDTH)).collect();
    let last = columns.len() - 1;
    if !columns[last].starts_with('>') {
        shrink(&mut widths, last, room);
    }
    for optional in kind.optional_columns() {
        if total_width(&widths) > room {
            widths[*optional] = 0;
        }
    }
    (0..columns.len()).rev().for_each(|index| shrink(&mut widths, index, room));
    if !columns[last].starts_with('>') && widths[last] > 0 {
        widths[last] += room.saturating_sub(total_width(&widths));
    }
    widths
}

/// Makes a column narrower where there is no room, down to [`MIN_COLUMN_WIDTH`].
fn shrink(widths: &mut [usize], index: usize, room: usize) {
    let surplus = total_width(widths).saturating_sub(room);
    widths[index] = widths[index].saturating_sub(surplus).max(MIN_COLUMN_WIDTH.min(widths[index]));
}

fn total_width(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    shown.map(|width| width + COLUMN_GAP).sum::<usize>().saturating_sub(COLUMN_GAP)
}

/// Pads or cuts a text to this width; a text that was cut ends in `~`.
fn fit(text: &str, width: usize, is_right_aligned: bool) -> String {
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
    if is_right_aligned { pad + &shown } else { shown + &pad }
}

fn spaced<'l>(cells: impl Iterator<Item = Span<'l>>) -> Line<'l> {
    let mut spans = Vec::new();
    for cell in cells.filter(|cell| !cell.content.is_empty()) {
        spans.push(cell);
        spans.push(Span::raw(" ".repeat(COLUMN_GAP)));
    }
    Line::from(spans)
}

pub fn draw_stream(frame: &mut Frame, stream: &StreamView, theme: Theme, area: Rect) {
    let (title_area, below_title) = split_title(area);
    frame.render_widget(stream_title(stream, theme), title_area);
    let Some(selected) = stream.selected_index() else {
        let text =
            stream.error.as_ref().map_or(NO_ENTRIES.to_owned(), |error| format!("! {}", visible(error)));
        return frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), below_title);
    };
    let [list, below_list] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(below_title);
    let visible = visible_range(stream.entries.len(), selected, usize::from(list.height));
    for ((index, entry), row) in stream.entries.iter().enumerate().skip(visible.start).zip(list.rows()) {
        let line = Line::raw(entry_line(entry));
        frame.render_widget(if index == selected { line.style(Modifier::REVERSED) } else { line }, row);
    }
    let (rule, details) = split_title(below_list);
    frame.render_widget(Line::styled("-".repeat(usize::from(rule.width)), theme.style(Tone::Dim)), rule);
    let text = entry_text(&stream.entries[selected]);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), details);
}

fn stream_title<'l>(stream: &StreamView, theme: Theme) -> Line<'l> {
    if let Some(error) = &stream.error {
        return Line::styled(format!("! {}", visible(error)), theme.style(Tone::Bad));
    }
    let follows = if stream.selected.is_none() { "following the newest" } else { "End follows the newest" };
    let form = if stream.is_full { "in full" } else { "shortened: f shows what clients wrote" };
    let text = format!("> {} ({} entries), {follows}, {form}", visible(&stream.key), stream.entries.len());
    Line::raw(text).style(Modifier::BOLD)
}

/// `TIME KIND PAYLOAD` for a message, `TIME FIELD=VALUE ...` for an entry of a log.
fn entry_line(entry: &StreamEntry) -> String {
    let time = time_of_day_with_millis(entry.at);
    let text = |name: &str| entry.fields.get(name).and_then(Value::as_str);
    let content = match (text("kind"), entry.fields.get("payload"), text("stream")) {
        (Some(kind), Some(payload), None) => format!("{kind:<10} {payload}"),
        _ => {
            let mut fields: Vec<_> = entry.fields.iter().filter(|(name, _)| *name != "at").collect();
            let rank = |name: &String| {
                LEADING_FIELDS.iter().position(|leading| leading == name).unwrap_or(LEADING_FIELDS.len())
            };
            fields.sort_by_key(|(name, _)| rank(name));
            let fields = fields.into_iter().map(|(name, value)| format!("{name}={}", without_quotes(value)));
            fields.collect::<Vec<_>>().join(" ")
        }
    };
    visible(&format!("{time} {content}")).into_owned()
}

fn without_quotes(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns every field, JSON on as many lines as it needs.
fn entry_text<'t>(entry: &StreamEntry) -> Text<'t> {
    let mut lines = vec![format!("entry {}", visible(&entry.id))];
    for (name, value) in &entry.fields {
        let pretty = match value {
            Value::String(text) => visible(text).into_owned(),
            other => visible_json(&serde_json::to_string_pretty(other).unwrap_or_default()).into_owned(),
        };
        lines.extend(format!("{}: {pretty}", visible(name)).lines().map(str::to_owned));
    }
    Text::from(lines.into_iter().map(Line::raw).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn focused_table_gets_the_lines_that_others_leave() {
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
    fn narrow_terminal_leaves_out_columns_first() {
        let key = "sb:{edge-0a1b2c3d}";
        let stream = crate::top::model::StreamStats {
            key: key.to_owned(),
            kind: "mailbox".to_owned(),
            ..Default::default()
        };
        let view = crate::top::model::ClusterView { streams: vec![stream], ..Default::default() };
        let rows = crate::top::table::rows(TableKind::Streams, &view, &Default::default());
        for (room, hidden) in [(132, 0), (80, 2), (60, 4)] {
            let widths = widths(TableKind::Streams, &rows, room);
            assert_eq!(widths.iter().filter(|width| **width == 0).count(), hidden, "{room}: {widths:?}");
            assert!(widths[0] >= key.len(), "{room}: {widths:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_and_short_ones_padded() {
        assert_eq!(fit("abc", 5, false), "abc  ");
        assert_eq!(fit("abc", 5, true), "  abc");
        assert_eq!(fit("abcdef", 4, false), "abc~");
        assert_eq!(fit("日本語", 4, false), "日~ ");
    }
}
