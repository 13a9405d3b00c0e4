//! Shutdown by signal: SIGTERM from a service manager, or SIGINT (Ctrl-C).
//!
//! The first signal cancels the token; every service then stops within its own timeout. The second signal
//! exits the process at once.

use crate::logging;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long the exit at the second signal may wait for the log.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(100);

/// Returns a token that the first signal cancels.
///
/// # Errors
/// When the operating system refuses a signal handler.
pub fn on_signal() -> io::Result<CancellationToken> {
    survive_file_size_limit()?;
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
        logging::flush(FLUSH_TIMEOUT);
        std::process::exit(128 + second.number);
    });
    Ok(shutdown)
}

/// From now on a write beyond the greatest size of a file (`ulimit -f`) fails. Otherwise it ends the process by a signal.
fn survive_file_size_limit() -> io::Result<()> {
    // The handler stays when the value is dropped.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
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
