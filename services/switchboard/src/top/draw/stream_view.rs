//! A stream: a line for each entry, and below it the whole selected entry.

use super::layout::{Theme, split_title, visible_range};
use crate::format::{sanitize, time_of_day_with_millis};
use crate::top::cell::Tone;
use crate::top::model::StreamEntry;
use crate::top::stream_view::StreamView;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};
use serde_json::Value;

/// The fields of a log entry that come first.
const LEADING_FIELDS: [&str; 8] =
    ["event", "caller", "callee", "backend", "reason", "error", "stream", "kind"];

const NO_ENTRIES: &str = "No entries so far. Acknowledged entries are deleted, so a healthy stream is empty most of \
    the time. New entries appear here, and stay.";

pub fn draw(frame: &mut Frame, stream: &StreamView, theme: Theme, area: Rect) {
    let (title_area, below_title) = split_title(area);
    frame.render_widget(title(stream, theme), title_area);
    let Some(selected) = stream.selected_index() else {
        let text = stream.error.as_ref().map_or(NO_ENTRIES.to_owned(), |error| format!("! {error}"));
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

fn title<'l>(stream: &StreamView, theme: Theme) -> Line<'l> {
    if let Some(error) = &stream.error {
        return Line::styled(format!("! {error}"), theme.style(Tone::Bad));
    }
    let follows = if stream.selected.is_none() { "following the newest" } else { "End follows the newest" };
    let form = if stream.is_full { "in full" } else { "shortened: f shows what clients wrote" };
    let text = format!("> {} ({} entries), {follows}, {form}", sanitize(&stream.key), stream.entries.len());
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
    sanitize(&format!("{time} {content}"))
}

fn without_quotes(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns every field, JSON on as many lines as it needs.
fn entry_text<'t>(entry: &StreamEntry) -> Text<'t> {
    let mut lines = vec![format!("entry {}", sanitize(&entry.id))];
    for (name, value) in &entry.fields {
        let pretty = match value {
            Value::String(text) => sanitize(text),
            other => serde_json::to_string_pretty(other).unwrap_or_default(),
        };
        lines.extend(format!("{}: {pretty}", sanitize(name)).lines().map(str::to_owned));
    }
    Text::from(lines.into_iter().map(Line::raw).collect::<Vec<_>>())
}
