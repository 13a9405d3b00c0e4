//! The first lines: where this is from and how old it is, what is wrong, and the calls.

use super::Theme;
use crate::top::cell::Tone;
use crate::top::frame::{Frame, Recent};
use crate::top::state::State;
use crate::top::table::calls_in_words;
use crate::top::troubles::{self, Level};
use crate::top::watch::Watch;
use crate::when;
use crate::words::{harmless, millis};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// How many troubles are shown, of a terminal that has room for more.
const TROUBLES: usize = 5;

/// All of them, for an area of this size.
pub fn lines<'l>(state: &State, watch: &Watch, theme: Theme, area: Rect) -> Vec<Line<'l>> {
    let mut lines = vec![title(state, watch, theme)];
    if let Some(trouble) = &watch.trouble {
        lines.push(Line::styled(format!("! {trouble}; trying again"), theme.style(Tone::Bad)));
    }
    let Some(frame) = watch.memory.now() else {
        if watch.trouble.is_none() {
            lines.push(Line::raw("looking ..."));
        }
        return lines;
    };
    lines.extend(of_troubles(frame, watch, theme, area));
    lines.push(Line::raw(calls_in_words(frame)));
    if area.height >= 16 {
        lines.extend(of_calls(&frame.calls.recent, theme));
    }
    lines
}

fn title<'l>(state: &State, watch: &Watch, theme: Theme) -> Line<'l> {
    let mut words = vec![
        Span::styled("Switchboard", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {}", harmless(&watch.address))),
    ];
    if let Some(frame) = watch.memory.now() {
        words.push(Span::raw(format!("  {} UTC", when::time_of_day(frame.at))));
        if watch.trouble.is_some() {
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

fn of_troubles<'l>(frame: &Frame, watch: &Watch, theme: Theme, area: Rect) -> Vec<Line<'l>> {
    let all = troubles::find(frame, &watch.memory.rates(), &watch.memory.gone());
    if all.is_empty() {
        return vec![Line::styled("All is well.", theme.style(Tone::Good))];
    }
    let room = TROUBLES.min(usize::from(area.height / 4)).max(1);
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

fn of_calls<'l>(recent: &Recent, theme: Theme) -> Vec<Line<'l>> {
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
        let reasons = reasons.into_iter().map(|(reason, count)| format!("{} {count}", harmless(reason)));
        lines.push(Line::raw(format!("ended: {}", reasons.collect::<Vec<_>>().join(", "))));
    }
    lines
}
