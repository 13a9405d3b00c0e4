//! A road that is looked into: a line for each entry, and below it the chosen one as a whole.

use super::{Theme, below_title, window};
use crate::top::cell::Tone;
use crate::top::detail::Detail;
use crate::top::frame::Entry;
use crate::when;
use crate::words::harmless;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};
use serde_json::Value;

/// The fields of a log's line that stand first.
const FIRST: [&str; 8] = ["event", "caller", "callee", "backend", "reason", "error", "road", "kind"];

/// Draws it.
pub fn draw(frame: &mut Frame, road: &Detail, theme: Theme, area: Rect) {
    let (title_area, rest) = below_title(area);
    frame.render_widget(title(road, theme), title_area);
    let Some(place) = road.place() else {
        let words = "No entries so far. What is done is deleted, so a road on which all is well is empty \
            most of the time; what comes from now on is shown here, and stays.";
        let words = road.trouble.clone().map_or(words.to_owned(), |trouble| format!("! {trouble}"));
        return frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), rest);
    };
    let [list, whole] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(rest);
    let shown = window(road.entries.len(), place, usize::from(list.height));
    for ((number, entry), row) in road.entries.iter().enumerate().skip(shown.start).zip(list.rows()) {
        let line = Line::raw(in_one_line(entry));
        frame.render_widget(if number == place { line.style(Modifier::REVERSED) } else { line }, row);
    }
    let (rule, whole) = below_title(whole);
    frame.render_widget(Line::styled("-".repeat(usize::from(rule.width)), theme.style(Tone::Dim)), rule);
    frame.render_widget(Paragraph::new(in_full(&road.entries[place])).wrap(Wrap { trim: false }), whole);
}

fn title<'l>(road: &Detail, theme: Theme) -> Line<'l> {
    let follows = if road.chosen.is_none() { "following the newest" } else { "End follows the newest" };
    let full = if road.full { "in full" } else { "shortened: f shows what clients wrote" };
    let words = format!("> {} ({} seen), {follows}, {full}", harmless(&road.key), road.entries.len());
    let line = Line::raw(words).style(Modifier::BOLD);
    match &road.trouble {
        Some(trouble) => Line::styled(format!("! {trouble}"), theme.style(Tone::Bad)),
        None => line,
    }
}

/// `TIME KIND WHAT`: of a message its kind and payload, of a line of a log its fields.
fn in_one_line(entry: &Entry) -> String {
    let time = when::time_of_day_with_millis(entry.at);
    let text = |name: &str| entry.fields.get(name).and_then(Value::as_str);
    let what = match (text("kind"), entry.fields.get("payload"), text("road")) {
        (Some(kind), Some(payload), None) => format!("{kind:<10} {payload}"),
        _ => {
            let mut fields: Vec<_> = entry.fields.iter().filter(|(name, _)| *name != "at").collect();
            fields
                .sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
            let fields = fields.into_iter().map(|(name, value)| format!("{name}={}", plain(value)));
            fields.collect::<Vec<_>>().join(" ")
        }
    };
    harmless(&format!("{time} {what}"))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Every field, JSON over as many lines as it needs.
fn in_full<'t>(entry: &Entry) -> Text<'t> {
    let mut lines = vec![format!("entry {}", harmless(&entry.id))];
    for (name, value) in &entry.fields {
        let pretty = match value {
            Value::String(text) => harmless(text),
            other => serde_json::to_string_pretty(other).unwrap_or_default(),
        };
        lines.extend(format!("{}: {pretty}", harmless(name)).lines().map(str::to_owned));
    }
    Text::from(lines.into_iter().map(Line::raw).collect::<Vec<_>>())
}
