//! The keys: in one line at the bottom, and as a page of their own.

use super::Theme;
use crate::top::cell::Tone;
use crate::top::state::UiState;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

const HELP: &str = "\
Tab            the next table: roads, services, Janus servers
up, down       choose a row (also k and j, Page up and down, Home, End)
Enter          look into the chosen road: its newest entries
s, r           sort by the next column; turn the order round
/              show only rows with some letters; Esc shows all again
space          pause, and go on
f              in a road: show what clients wrote in full, or shortened
Esc            back
q              quit

A road is a stream that carries messages between services: queues (requests, peers),
the mailboxes of edges, rest services and Janus servers, and two logs (sb:calls, sb:dead).
OLDEST   for how long its oldest entry has not been done; should be some milliseconds
PENDING  taken by a worker and not finished      WORKERS  who works on it
AGAIN    entries that another worker had to do, because the first one did not
sb:dead  messages that were given up after five tries";

/// What can be pressed now.
pub fn keys<'l>(state: &UiState, theme: Theme) -> Line<'l> {
    let words = match (state.is_typing, &state.stream) {
        (true, _) => "letters: filter  Enter: keep it  Esc: show all",
        (false, Some(_)) => "Esc back  up/down entry  End follow  f in full  space pause  ? help  q quit",
        (false, None) => {
            "? help  q quit  Tab table  up/down row  Enter look into a road  s sort  r turn  / filter  space pause"
        }
    };
    Line::styled(words, theme.style(Tone::Dim))
}

/// The page, over all else.
pub fn draw(frame: &mut Frame, theme: Theme, area: Rect) {
    let text = Text::raw(HELP);
    let (width, height) = (text.width() as u16 + 4, text.height() as u16 + 2);
    let [area] = Layout::vertical([Constraint::Max(height)]).areas(area);
    let [area] = Layout::horizontal([Constraint::Max(width)]).areas(area);
    let block = Block::bordered().title(" Help: any key ends it ").style(theme.style(Tone::Plain));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), area);
}
