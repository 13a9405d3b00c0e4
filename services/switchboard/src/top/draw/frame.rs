//! The first lines: the address of rest, the time, the findings and the calls.

use super::layout::Theme;
use crate::format::{millis, sanitize, time_of_day};
use crate::top::cell::Tone;
use crate::top::history::History;
use crate::top::model::{ClusterView, Finding, RecentCalls, Severity};
use crate::top::state::UiState;
use crate::top::table::calls_summary;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// How many findings are shown; a low terminal shows fewer.
const MAX_FINDINGS: usize = 5;
/// The least height, in lines, at which details of the calls are shown.
const MIN_HEIGHT_FOR_CALLS: u16 = 16;

/// Returns the lines for an area of this size.
pub fn lines<'l>(state: &UiState, history: &History, theme: Theme, area: Rect) -> Vec<Line<'l>> {
    let mut lines = vec![title(state, history, theme)];
    if let Some(error) = &history.error {
        lines.push(Line::styled(format!("! {error}; retrying"), theme.style(Tone::Bad)));
    }
    let Some(view) = history.latest() else {
        if history.error.is_none() {
            lines.push(Line::raw("loading ..."));
        }
        return lines;
    };
    lines.extend(finding_lines(&view.findings, theme, area));
    lines.push(Line::raw(calls_summary(view)));
    if area.height >= MIN_HEIGHT_FOR_CALLS {
        lines.extend(call_lines(&view.calls.recent, theme));
    }
    lines
}

fn title<'l>(state: &UiState, history: &History, theme: Theme) -> Line<'l> {
    let mut spans = vec![
        Span::styled("Switchboard", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {}", sanitize(&history.address))),
    ];
    if let Some(ClusterView { at, .. }) = history.latest() {
        spans.push(Span::raw(format!("  {} UTC", time_of_day(*at))));
        if history.error.is_some() {
            spans.push(Span::styled("  old", theme.style(Tone::Bad)));
        }
    }
    if state.is_paused {
        spans.push(Span::styled("  PAUSED (space continues)", theme.style(Tone::Warning)));
    }
    if !state.filter.is_empty() || state.is_typing {
        let cursor = if state.is_typing { "_" } else { "" };
        spans.push(Span::styled(format!("  filter: {}{cursor}", state.filter), theme.style(Tone::Warning)));
    }
    Line::from(spans)
}

fn finding_lines<'l>(findings: &[Finding], theme: Theme, area: Rect) -> Vec<Line<'l>> {
    let mut lines = Vec::new();
    if findings.iter().all(|finding| finding.severity == Severity::Info) {
        lines.push(Line::styled("All is well.", theme.style(Tone::Good)));
    }
    let shown = MAX_FINDINGS.min(usize::from(area.height / 4)).max(1);
    lines.extend(findings.iter().take(shown).map(|finding| finding_line(finding, theme)));
    if findings.len() > shown {
        let more = findings.len() - shown;
        lines.push(Line::styled(format!("  and {more} more"), theme.style(Tone::Warning)));
    }
    lines
}

fn finding_line<'l>(finding: &Finding, theme: Theme) -> Line<'l> {
    let (mark, tone) = match finding.severity {
        Severity::Critical => ("!", Tone::Bad),
        Severity::Warning => ("-", Tone::Warning),
        Severity::Info => (".", Tone::Dim),
    };
    let separator = if finding.detail.is_empty() { "" } else { ": " };
    let text = format!("{mark} {}{separator}{}", sanitize(&finding.summary), sanitize(&finding.detail));
    Line::styled(text, theme.style(tone))
}

fn call_lines<'l>(recent: &RecentCalls, theme: Theme) -> Vec<Line<'l>> {
    let mut lines = Vec::new();
    let setup = &recent.setup_ms;
    if setup.p50.is_some() {
        let steps = &recent.steps_ms;
        let medians = [
            ("queue", steps.queue.p50),
            ("directory", steps.directory.p50),
            ("place", steps.place.p50),
            ("attach", steps.attach.p50),
            ("ring", steps.ring.p50),
        ];
        let medians = medians.into_iter().filter(|(_, median)| median.is_some());
        let medians: Vec<_> = medians.map(|(name, median)| format!("{name} {}", millis(median))).collect();
        let text = format!("call setup: median {}, p99 {}", millis(setup.p50), millis(setup.p99));
        lines.push(Line::from(vec![
            Span::raw(text),
            Span::styled(format!("  (medians: {})", medians.join(", ")), theme.style(Tone::Dim)),
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
