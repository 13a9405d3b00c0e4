//! A road that is looked into: a line for each entry, and below it the chosen one as a whole.

use super::{Theme, split_title, visible_range};
use crate::top::cell::Tone;
use crate::top::detail::StreamView;
use crate::top::frame::StreamEntry;
use crate::when;
use crate::words::sanitize;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};
use serde_json::Value;

/// The fields of a log's line that stand first.
const LEADING_FIELDS: [&str; 8] = ["event", "caller", "callee", "backend", "reason", "error", "road", "kind"];

/// Draws it.
pub fn draw(frame: &mut Frame, road: &StreamView, theme: Theme, area: Rect) {
    let (title_area, rest) = split_title(area);
    frame.render_widget(title(road, theme), title_area);
    let Some(place) = road.selected_index() else {
        let words = "No entries so far. What is done is deleted, so a road on which all is well is empty \
            most of the time; what comes from now on is shown here, and stays.";
        let words = road.error.clone().map_or(words.to_owned(), |trouble| format!("! {trouble}"));
        return frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), rest);
    };
    let [list, whole] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(rest);
    let shown = visible_range(road.entries.len(), place, usize::from(list.height));
    for ((number, entry), row) in road.entries.iter().enumerate().skip(shown.start).zip(list.rows()) {
        let line = Line::raw(entry_line(entry));
        frame.render_widget(if number == place { line.style(Modifier::REVERSED) } else { line }, row);
    }
    let (rule, whole) = split_title(whole);
    frame.render_widget(Line::styled("-".repeat(usize::from(rule.width)), theme.style(Tone::Dim)), rule);
    frame.render_widget(Paragraph::new(entry_text(&road.entries[place])).wrap(Wrap { trim: false }), whole);
}

fn title<'l>(road: &StreamView, theme: Theme) -> Line<'l> {
    let follows = if road.selected.is_none() { "following the newest" } else { "End follows the newest" };
    let full = if road.full { "in full" } else { "shortened: f shows what clients wrote" };
    let words = format!("> {} ({} seen), {follows}, {full}", sanitize(&road.key), road.entries.len());
    let line = Line::raw(words).style(Modifier::BOLD);
    match &road.error {
        Some(trouble) => Line::styled(format!("! {trouble}"), theme.style(Tone::Bad)),
        None => line,
    }
}

/// `TIME KIND WHAT`: of a message its kind and payload, of a line of a log its fields.
fn entry_line(entry: &StreamEntry) -> String {
    let time = when::time_of_day_with_millis(entry.at);
    let text = |name: &str| entry.fields.get(name).and_then(Value::as_str);
    let what = match (text("kind"), entry.fields.get("payload"), text("road")) {
        (Some(kind), Some(payload), None) => format!("{kind:<10} {payload}"),
        _ => {
            let mut fields: Vec<_> = entry.fields.iter().filter(|(name, _)| *name != "at").collect();
            fields.sort_by_key(|(name, _)| {
                LEADING_FIELDS.iter().position(|first| first == name).unwrap_or(LEADING_FIELDS.len())
            });
            let fields = fields.into_iter().map(|(name, value)| format!("{name}={}", plain(value)));
            fields.collect::<Vec<_>>().join(" ")
        }
    };
    sanitize(&format!("{time} {what}"))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Every field, JSON over as many lines as it needs.
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
