//! The terminal in raw mode, on its alternate screen. However the process ends, by a key, a signal, an error
//! or a panic, the terminal is restored; after SIGKILL it is not (`reset` helps).

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::io::{self, IsTerminal, Stdout, stdin, stdout};
use std::panic;
use tokio::sync::mpsc::{Receiver, channel};

/// How many events may be queued; then the terminal buffers them.
const MAX_QUEUED_EVENTS: usize = 64;

/// Restores the terminal when dropped.
pub struct Screen(pub Terminal<CrosstermBackend<Stdout>>);

impl Screen {
    /// Returns whether standard input and output are a terminal.
    pub fn is_available() -> bool {
        stdin().is_terminal() && stdout().is_terminal()
    }

    /// Enters raw mode and the alternate screen.
    pub fn enter() -> io::Result<Self> {
        let previous_hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            previous_hook(info);
        }));
        enable_raw_mode()?;
        // From here on the terminal is restored even if the next step fails.
        let entered = execute!(stdout(), EnterAlternateScreen, Hide);
        let terminal = entered.and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        terminal.map(Self).inspect_err(|_| restore())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Ignores errors, which cannot be reported any more.
fn restore() {
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// Returns key presses and changes of the terminal's size. A thread of its own reads them and blocks; it ends
/// with the process.
pub fn events() -> Receiver<Event> {
    let (sender, events) = channel(MAX_QUEUED_EVENTS);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    events
}
