//! The first lines: where this is from and how old it is, what is wrong, and the calls.

use super::Theme;
use crate::top::cell::Tone;
use crate::top::frame::{ClusterView, RecentCalls};
use crate::top::state::UiState;
use crate::top::table::calls_summary;
use crate::top::troubles::{self, Level};
use crate::top::watch::ClusterMonitor;
use crate::when;
use crate::words::{millis, sanitize};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// How many troubles are shown, of a terminal that has room for more.
const MAX_FINDINGS: usize = 5;

/// All of them, for an area of this size.
pub fn lines<'l>(state: &UiState, watch: &ClusterMonitor, theme: Theme, area: Rect) -> Vec<Line<'l>> {
    let mut lines = vec![title(state, watch, theme)];
    if let Some(trouble) = &watch.error {
        lines.push(Line::styled(format!("! {trouble}; trying again"), theme.style(Tone::Bad)));
    }
    let Some(frame) = watch.history.latest() else {
        if watch.error.is_none() {
            lines.push(Line::raw("looking ..."));
        }
        return lines;
    };
    lines.extend(finding_lines(frame, watch, theme, area));
    lines.push(Line::raw(calls_summary(frame)));
    if area.height >= 16 {
        lines.extend(call_lines(&frame.calls.recent, theme));
    }
    lines
}

fn title<'l>(state: &UiState, watch: &ClusterMonitor, theme: Theme) -> Line<'l> {
    let mut words = vec![
        Span::styled("Switchboard", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {}", sanitize(&watch.address))),
    ];
    if let Some(frame) = watch.history.latest() {
        words.push(Span::raw(format!("  {} UTC", when::time_of_day(frame.at))));
        if watch.error.is_some() {
            words.push(Span::styled("  old", theme.style(Tone::Bad)));
        }
    }
    if state.is_paused {
        words.push(Span::styled("  PAUSED (space goes on)", theme.style(Tone::Warning)));
    }
    if !state.filter.is_empty() || state.is_typing {
        let cursor = if state.is_typing { "_" } else { "" };
        words.push(Span::styled(format!("  filter: {}{cursor}", state.filter), theme.style(Tone::Warning)));
    }
    Line::from(words)
}

fn finding_lines<'l>(frame: &ClusterView, watch: &ClusterMonitor, theme: Theme, area: Rect) -> Vec<Line<'l>> {
    let all = troubles::find(frame, &watch.history.rates(), &watch.history.gone());
    if all.is_empty() {
        return vec![Line::styled("All is well.", theme.style(Tone::Good))];
    }
    let room = MAX_FINDINGS.min(usize::from(area.height / 4)).max(1);
    let more = all.len().saturating_sub(room);
    let mut lines: Vec<_> = all
        .into_iter()
        .take(room)
        .map(|trouble| {
            let tone = if trouble.level == Level::Bad { Tone::Bad } else { Tone::Warning };
            let mark = if trouble.level == Level::Bad { "!" } else { "-" };
            Line::styled(format!("{mark} {}", trouble.text), theme.style(tone))
        })
        .collect();
    if more > 0 {
        lines.push(Line::styled(format!("  and {more} more"), theme.style(Tone::Warning)));
    }
    lines
}

fn call_lines<'l>(recent: &RecentCalls, theme: Theme) -> Vec<Line<'l>> {
    let mut lines = Vec::new();
    let setup = &recent.setup_ms;
    if setup.p50.is_some() {
        let steps = &recent.steps_ms;
        let steps = [
            ("queue", &steps.queue),
            ("directory", &steps.directory),
            ("place", &steps.place),
            ("attach", &steps.attach),
            ("ring", &steps.ring),
        ];
        let steps = steps.into_iter().filter(|(_, step)| step.p50.is_some());
        let steps: Vec<_> = steps.map(|(name, step)| format!("{name} {}", millis(step.p50))).collect();
        let words =
            format!("setting up: half within {}, 99 % within {}", millis(setup.p50), millis(setup.p99));
        lines.push(Line::from(vec![
            Span::raw(words),
            Span::styled(format!("  (half: {})", steps.join(", ")), theme.style(Tone::Dim)),
        ]));
    }
    if !recent.reasons.is_empty() {
        let mut reasons: Vec<_> = recent.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons = reasons.into_iter().map(|(reason, count)| format!("{} {count}", sanitize(reason)));
        lines.push(Line::raw(format!("ended: {}", reasons.collect::<Vec<_>>().join(", "))));
    }
    lines
}
