//! When a process is to stop: at SIGTERM (how service managers ask) or SIGINT (Ctrl-C).
//!
//! The first signal cancels the token, and every service finishes within its own bound. A second
//! one means that somebody does not want to wait: the process exits at once.

use crate::CancellationToken;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A token that the first signal cancels.
///
/// # Errors
/// When the operating system does not let us listen to signals.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let shutdown = CancellationToken::new();
    let first = shutdown.clone();
    tokio::spawn(async move {
        // Not within the macro, which does nothing where nobody listens to the log.
        let caught = signals.next().await;
        tracing::info!("{}: stopping; send it again to stop at once", caught.name);
        first.cancel();
        let second = signals.next().await;
        tracing::warn!("{}: stopping at once", second.name);
        std::process::exit(128 + second.number);
    });
    Ok(shutdown)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

struct ReceivedSignal {
    name: &'static str,
    number: i32,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> ReceivedSignal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => ReceivedSignal { name: "SIGTERM", number: SignalKind::terminate().as_raw_value() },
            _ = self.interrupt.recv() => ReceivedSignal { name: "SIGINT", number: SignalKind::interrupt().as_raw_value() },
        }
    }
}
