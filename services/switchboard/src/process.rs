//! What every process has, whatever it runs: a log, numbers, admin routes, and ears for signals.

use crate::error::Error;
use crate::options;
use bus::Bus;
use common::ServiceId;
use directory::Directory;
use service::{
    CancellationToken, Context, Health, ShutdownPolicy, admin, dependencies, logging, metrics, shutdown,
};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How much longer than it may the work of a process takes to stop before it is cut short.
const ABORT_MARGIN: Duration = Duration::from_secs(1);

/// A running process.
pub struct Process {
    /// Why it is not ready.
    pub health: Health,
    /// Cancelled when its services are to stop: by a signal, or because one of them failed.
    pub shutdown: CancellationToken,
    signal: CancellationToken,
    drain_timeout: Duration,
    admin: Option<JoinHandle<()>>,
    admin_shutdown: CancellationToken,
}

impl Process {
    /// Starts the log, the numbers and the admin routes, and listens to signals.
    pub async fn start(options: &options::ProcessArgs) -> Result<Self, Error> {
        logging::init(&options.log)?;
        metrics::install();
        let signal = shutdown::on_signal().map_err(Error::Signals)?;
        let shutdown = signal.child_token();
        let (health, admin_shutdown) = (Health::default(), CancellationToken::new());
        health.set_unready("start", "starting");
        let admin = match &options.admin.admin_listen {
            Some(address) => Some(listen("--admin-listen", address).await?),
            None => None,
        };
        let serve = |listener| tokio::spawn(admin::serve(listener, health.clone(), admin_shutdown.clone()));
        let admin = admin.map(serve);
        tokio::spawn(metrics::run_maintenance(shutdown.clone()));
        let drain_timeout = Duration::from_secs(options.drain_timeout);
        Ok(Self { health, shutdown, signal, drain_timeout, admin, admin_shutdown })
    }

    /// What services of this process run with; from now on bus and directory are watched.
    pub fn context(&self, kind: &str, bus: Bus, directory: Directory, hand_over: bool) -> Context {
        let parting = ShutdownPolicy { timeout: self.drain_timeout, hand_over };
        let (health, shutdown) = (self.health.clone(), self.shutdown.clone());
        let context = Context {
            id: ServiceId::fresh(kind),
            bus,
            directory,
            health,
            shutdown,
            shutdown_policy: parting,
        };
        dependencies::watch(&context);
        self.health.remove("start");
        context
    }

    /// Does the work of this process. When it is to stop, whatever hangs is cut short; that is a failure
    /// only where nobody told it to stop.
    pub async fn run(&self, work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = self.overdue() => {
                tracing::warn!(drain_timeout = ?self.drain_timeout, "stopping took too long and is cut short");
                if self.signal.is_cancelled() { Ok(()) } else { Err(Error::EndedEarly) }
            }
        }
    }

    async fn overdue(&self) {
        self.shutdown.cancelled().await;
        sleep(self.drain_timeout + ABORT_MARGIN).await;
    }

    /// The admin routes stay to the last, so that `/readyz` can say that the process is stopping.
    pub async fn finish(self) {
        self.admin_shutdown.cancel();
        if let Some(admin) = self.admin {
            // It ends within the grace of the HTTP server; a panic in it is in the log.
            let _ = admin.await;
        }
    }
}

/// Listens on the address that `flag` named.
pub async fn listen(flag: &'static str, address: &str) -> Result<TcpListener, Error> {
    let refused = |source| Error::Listen { flag, address: address.to_owned(), source };
    TcpListener::bind(address).await.map_err(refused)
}

/// Listens where the rest service is to be reached, if it may be: better told now than when Redis is there.
pub async fn listen_for_http(
    flag: &'static str,
    address: &str,
    options: &rest::Options,
) -> Result<TcpListener, Error> {
    let listener = listen(flag, address).await?;
    let refused = |source| Error::Listen { flag, address: address.to_owned(), source };
    options.check_address(listener.local_addr().map_err(refused)?).map_err(rest::Error::from)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::Instant;

    fn process() -> Process {
        let signal = CancellationToken::new();
        Process {
            health: Health::default(),
            shutdown: signal.child_token(),
            signal,
            drain_timeout: Duration::from_secs(20),
            admin: None,
            admin_shutdown: CancellationToken::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_is_cut_short_after_a_signal_and_that_is_no_failure() {
        let (process, told) = (process(), Instant::now());
        process.signal.cancel();
        assert!(process.run(pending()).await.is_ok());
        assert_eq!(told.elapsed(), Duration::from_secs(21));
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_after_another_service_failed_is_cut_short_and_is_a_failure() {
        let process = process();
        process.shutdown.cancel();
        assert!(matches!(process.run(pending()).await, Err(Error::EndedEarly)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_cut_short_that_is_to_go_on() {
        let process = process();
        let long = async {
            sleep(Duration::from_secs(86_400)).await;
            Err(Error::EndedEarly)
        };
        assert!(process.run(long).await.is_err());
    }
}
