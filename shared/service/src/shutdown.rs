//! Shutdown by signal: SIGTERM from a service manager, or SIGINT (Ctrl-C).
//!
//! The first signal cancels the token; every service then stops within its own timeout. The second signal
//! exits the process at once.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Returns a token that the first signal cancels.
///
/// # Errors
/// When the operating system refuses a signal handler.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let shutdown = CancellationToken::new();
    let on_first = shutdown.clone();
    tokio::spawn(async move {
        // Outside the macro, which skips its arguments when the level is disabled.
        let first = signals.next().await;
        tracing::info!("{}: stopping; send it again to stop at once", first.name);
        on_first.cancel();
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
        let (name, kind) = tokio::select! {
            biased;
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt()),
        };
        ReceivedSignal { name, number: kind.as_raw_value() }
    }
}
