//! What surrounds the tables. The first lines have the address of rest, the time, the findings and the calls. The
//! last line has the keys. The help page covers everything else.

use super::layout::Theme;
use crate::format::{millis, time_of_day};
use crate::top::cell::Tone;
use crate::top::history::History;
use crate::top::model::{ClusterView, Finding, RecentCalls, Severity};
use crate::top::state::UiState;
use crate::top::table::calls_summary;
use common::display::visible;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

/// How many findings are shown; a low terminal shows fewer.
const MAX_FINDINGS: usize = 5;
/// The least height, in lines, at which details of the calls are shown.
const MIN_HEIGHT_FOR_CALLS: u16 = 16;

const HELP: &str = "\
Tab            next table: streams, services, Janus servers
up, down       select a row (also k and j, Page up and down, Home, End)
Enter          show the newest entries of the selected stream
s, r           sort by the next column; reverse the order
/              show only rows that contain a text; Esc shows all again
space          pause, and continue
f              in a stream: show what clients wrote in full, or shortened
Esc            back
q              quit

Streams carry messages between services: the queues (requests, proxies), the mailboxes of
edges, rest services and Janus servers, and two logs (sb:calls, sb:dead).
OLDEST       age of the oldest entry that is not acknowledged; should be milliseconds
PENDING      entries that a consumer has received and not acknowledged
CONSUMERS    processes that read this queue
REDELIVERED  entries given to another consumer, because the first did not acknowledge
sb:dead      dead letters: messages that failed five times";

/// Returns the first lines, for an area of this size.
pub fn header_lines<'l>(state: &UiState, history: &History, theme: Theme, area: Rect) -> Vec<Line<'l>> {
    let mut lines = vec![title(state, history, theme)];
    if let Some(error) = &history.error {
        lines.push(Line::styled(format!("! {}; retrying", visible(error)), theme.style(Tone::Bad)));
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
        Span::raw(format!("  {}", visible(&history.address))),
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
        spans.push(Span::styled(
            format!("  filter: {}{cursor}", visible(&state.filter)),
            theme.style(Tone::Warning),
        ));
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
    let (symbol, tone) = match finding.severity {
        Severity::Critical => ("!", Tone::Bad),
        Severity::Warning => ("-", Tone::Warning),
        Severity::Info => (".", Tone::Dim),
    };
    let separator = if finding.detail.is_empty() { "" } else { ": " };
    let text = format!("{symbol} {}{separator}{}", visible(&finding.summary), visible(&finding.detail));
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
        let reasons = reasons
            .into_iter()
            .map(|(reason, count)| format!("{} {count}", visible(reason).replace('_', " ")));
        lines.push(Line::raw(format!("ended: {}", reasons.collect::<Vec<_>>().join(", "))));
    }
    lines
}

/// Returns the keys that can be pressed now.
pub fn keys<'l>(state: &UiState, theme: Theme) -> Line<'l> {
    let text = match (state.is_typing, &state.stream) {
        (true, _) => "type to filter  Enter keep  Esc show all",
        (false, Some(_)) => "Esc back  up/down entry  End follow  f in full  space pause  ? help  q quit",
        (false, None) => {
            "? help  q quit  Tab table  up/down row  Enter entries  s sort  r reverse  / filter  space pause"
        }
    };
    Line::styled(text, theme.style(Tone::Dim))
}

/// Draws the help page over everything else.
pub fn draw_help(frame: &mut Frame, theme: Theme, screen: Rect) {
    let text = Text::raw(HELP);
    let (width, height) = (text.width() as u16 + 4, text.height() as u16 + 2);
    let [rows] = Layout::vertical([Constraint::Max(height)]).areas(screen);
    let [area] = Layout::horizontal([Constraint::Max(width)]).areas(rows);
    let block = Block::bordered().title(" Help: any key closes it ").style(theme.style(Tone::Plain));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), area);
}
