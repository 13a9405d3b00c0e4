//! The keys: one line at the bottom, and a page with explanations.

use super::layout::Theme;
use crate::top::cell::Tone;
use crate::top::state::UiState;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

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
REDELIVERED  entries that were given to another consumer, because the first one failed
sb:dead      dead letters: messages that failed five times";

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

/// Draws the page over everything else.
pub fn draw(frame: &mut Frame, theme: Theme, screen: Rect) {
    let text = Text::raw(HELP);
    let (width, height) = (text.width() as u16 + 4, text.height() as u16 + 2);
    let [rows] = Layout::vertical([Constraint::Max(height)]).areas(screen);
    let [area] = Layout::horizontal([Constraint::Max(width)]).areas(rows);
    let block = Block::bordered().title(" Help: any key closes it ").style(theme.style(Tone::Plain));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), area);
}
