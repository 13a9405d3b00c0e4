//! The terminal while it is ours: a screen of its own, keys without an echo. However this process ends, by a
//! key, a signal, an error or a panic, the terminal is as it was before; only after SIGKILL it is not (`reset`
//! helps).

use ratatui::Terminal as Letters;
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

/// Keys that were pressed faster than they could be read; then the one who presses them waits.
const MAX_QUEUED_EVENTS: usize = 64;

/// Our screen, until this is dropped.
pub struct Screen(pub Letters<CrosstermBackend<Stdout>>);

impl Screen {
    /// Whether there is one.
    pub fn is_available() -> bool {
        stdin().is_terminal() && stdout().is_terminal()
    }

    /// Takes it over.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn enter() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
        enable_raw_mode()?;
        // From here on it is put back even where the next step fails.
        let entered = execute!(stdout(), EnterAlternateScreen, Hide);
        let letters = entered.and_then(|()| Letters::new(CrosstermBackend::new(stdout())));
        letters.map(Self).inspect_err(|_| restore())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// There is nobody to tell where this fails.
fn restore() {
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// What is pressed, and that the terminal has another size. They are read in a thread of their own, which
/// blocks, and ends with the process.
pub fn events() -> Receiver<Event> {
    let (keys, pressed) = channel(MAX_QUEUED_EVENTS);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if keys.blocking_send(event).is_err() {
                return;
            }
        }
    });
    pressed
}
