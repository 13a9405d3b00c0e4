//! What every service process has: the log, metrics, the admin routes, signal handling, the connections to
//! Redis, and the error with which it exits.

use crate::{calls, health, options, top, trace};
use bus::Bus;
use common::sync::Mutex;
use common::{ErrorLog, ServiceId, warn_failure};
use directory::Directory;
use service::redis_options::{RedisOptions, RedisOptionsError, RedisUrl, Server};
use service::{
    CancellationToken, Context, Health, ShutdownPolicy, admin, dependencies, logging, metrics, open_files,
    shutdown,
};
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::sleep;

static CONNECTING: ErrorLog = ErrorLog::new("connecting to Redis");

/// How much longer than `--drain-timeout` a service may take to stop before it is aborted.
const ABORT_MARGIN: Duration = Duration::from_secs(1);

const CONNECT_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Why the process exits with an error; the operator reads the text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to start threads: {0}")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Log(#[from] service::logging::LoggingError),
    #[error("failed to listen to signals: {0}")]
    Signals(#[source] io::Error),
    /// The address is in use, or not an address of this machine.
    #[error("{flag} {address}: {source}")]
    Listen { flag: &'static str, address: String, source: io::Error },
    /// An option about Redis is invalid.
    #[error(transparent)]
    Redis(#[from] RedisOptionsError),
    #[error(transparent)]
    Calls(#[from] calls::CallsError),
    #[error(transparent)]
    Health(#[from] health::HealthError),
    #[error(transparent)]
    Load(#[from] load::Error),
    #[error(transparent)]
    Top(#[from] top::TopError),
    #[error(transparent)]
    Trace(#[from] trace::TraceError),
    #[error(transparent)]
    Edge(#[from] edge::Error),
    #[error(transparent)]
    Router(#[from] router::Error),
    #[error(transparent)]
    Connector(#[from] connector::Error),
    #[error(transparent)]
    Rest(#[from] rest::Error),
    /// A bug; the log has the message and the line.
    #[error("a service panicked: {0}")]
    Panicked(#[from] JoinError),
    #[error("a service ended before the shutdown")]
    EndedEarly,
}

pub struct Process {
    pub health: Health,
    /// Cancelled when the services of the process are to stop: by a signal, or because one of them failed.
    pub shutdown: CancellationToken,
    signal: CancellationToken,
    drain_timeout: Duration,
    /// The first error of a service, which caused the others to stop.
    failure: Mutex<Option<Error>>,
    admin: Option<JoinHandle<()>>,
    admin_shutdown: CancellationToken,
}

impl Process {
    /// Starts the log, the metrics and the admin routes, and listens to signals.
    pub async fn start(args: &options::ProcessArgs) -> Result<Self, Error> {
        logging::init(&args.log)?;
        metrics::install();
        open_files::raise_limit();
        let signal = shutdown::on_signal().map_err(Error::Signals)?;
        let shutdown = signal.child_token();
        let (health, admin_shutdown) = (Health::default(), CancellationToken::new());
        health.set_unready("start", "starting");
        let admin = match &args.admin.admin_listen {
            Some(address) => {
                let listener = listen("--admin-listen", address).await?;
                Some(tokio::spawn(admin::serve(listener, health.clone(), admin_shutdown.clone())))
            }
            None => None,
        };
        tokio::spawn(metrics::run_maintenance(shutdown.clone()));
        let drain_timeout = Duration::from_secs(args.drain_timeout);
        let failure = Mutex::default();
        Ok(Self { health, shutdown, signal, drain_timeout, failure, admin, admin_shutdown })
    }

    /// Returns the context of a service in this process, and watches its bus and directory from now on.
    pub fn context(&self, kind: &str, bus: Bus, directory: Directory, hand_over: bool) -> Context {
        let context = Context {
            id: ServiceId::fresh(kind),
            bus,
            directory,
            health: self.health.clone(),
            shutdown: self.shutdown.clone(),
            shutdown_policy: ShutdownPolicy { timeout: self.drain_timeout, hand_over },
        };
        dependencies::watch(&context);
        self.health.remove("start");
        context
    }

    /// Runs the services of this process. On shutdown, services that hang are aborted; that is an error only
    /// without a signal. The error of the service that failed first comes before that of the abortion.
    pub async fn run(&self, services: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        tokio::select! {
            biased;
            outcome = services => outcome,
            () = self.overdue() => {
                tracing::warn!(drain_timeout = ?self.drain_timeout, "shutdown: aborting services that hang");
                self.outcome()?;
                if self.signal.is_cancelled() { Ok(()) } else { Err(Error::EndedEarly) }
            }
        }
    }

    /// Keeps the error of the first service that failed. An error with a reason replaces one without.
    pub fn record_failure(&self, error: Error) {
        let mut failure = self.failure.lock();
        if matches!(*failure, None | Some(Error::EndedEarly)) {
            *failure = Some(error);
        }
    }

    /// Returns the recorded error, if any.
    pub fn outcome(&self) -> Result<(), Error> {
        self.failure.lock().take().map_or(Ok(()), Err)
    }

    async fn overdue(&self) {
        self.shutdown.cancelled().await;
        sleep(self.drain_timeout + ABORT_MARGIN).await;
    }

    /// Stops the admin routes. They stop last, so that `/readyz` reports that the process is stopping.
    pub async fn finish(self) {
        self.admin_shutdown.cancel();
        if let Some(admin) = self.admin {
            // The HTTP server bounds how long this takes; a panic in it is in the log.
            let _ = admin.await;
        }
    }
}

/// Listens on the address that `flag` has.
pub async fn listen(flag: &'static str, address: &str) -> Result<TcpListener, Error> {
    let failed = |source| Error::Listen { flag, address: address.to_owned(), source };
    TcpListener::bind(address).await.map_err(failed)
}

/// Listens for the rest service, and checks already now, before Redis is available, whether the service may
/// use that address without a secret.
pub async fn listen_for_http(
    flag: &'static str,
    address: &str,
    options: &rest::Options,
) -> Result<TcpListener, Error> {
    let listener = listen(flag, address).await?;
    let failed = |source| Error::Listen { flag, address: address.to_owned(), source };
    options.check_address(listener.local_addr().map_err(failed)?).map_err(rest::Error::from)?;
    Ok(listener)
}

/// Listens for the clients of an edge, and checks already now whether its secrets suffice for that address.
pub async fn listen_for_clients(address: &str, options: &edge::Options) -> Result<TcpListener, Error> {
    const FLAG: &str = "--listen";
    let listener = listen(FLAG, address).await?;
    let failed = |source| Error::Listen { flag: FLAG, address: address.to_owned(), source };
    options.check_address(listener.local_addr().map_err(failed)?).map_err(edge::Error::from)?;
    Ok(listener)
}

/// Connects a service to Redis. Returns its context, or `None` when the process is stopped before Redis is
/// available. Until then the process is not ready and retries every second: the parts of a cluster may start in
/// any order.
pub async fn connect(kind: &str, redis: &RedisOptions, process: &Process) -> Result<Option<Context>, Error> {
    let server = redis.server()?;
    let connecting = connect_with_retries(&redis.redis, &server, process);
    let connected = process.shutdown.run_until_cancelled(connecting).await;
    Ok(connected.map(|(bus, directory)| process.context(kind, bus, directory, true)))
}

async fn connect_with_retries(redis: &RedisUrl, server: &Server, process: &Process) -> (Bus, Directory) {
    loop {
        match try_connect(server).await {
            Ok(connected) => {
                CONNECTING.succeeded();
                return connected;
            }
            Err(error) => {
                warn_failure!(CONNECTING, %redis, error, "failed to connect to Redis, retrying");
                process.health.set_unready("bus", &error);
                sleep(CONNECT_RETRY_INTERVAL).await;
            }
        }
    }
}

async fn try_connect(server: &Server) -> Result<(Bus, Directory), String> {
    let bus = Bus::connect(server).await.map_err(|error| error.to_string())?;
    let directory = Directory::connect(server).await.map_err(|error| error.to_string())?;
    // A server that loads its data accepts connections and refuses commands.
    directory.ping().await.map_err(|error| error.to_string())?;
    Ok((bus, directory))
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
            failure: Mutex::default(),
            admin: None,
            admin_shutdown: CancellationToken::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn hung_service_is_aborted_without_an_error_after_a_signal() {
        let (process, stopped_at) = (process(), Instant::now());
        process.signal.cancel();
        assert!(process.run(pending()).await.is_ok());
        assert_eq!(stopped_at.elapsed(), Duration::from_secs(21));
    }

    #[tokio::test(start_paused = true)]
    async fn hung_service_is_an_error_after_another_service_failed() {
        let process = process();
        process.shutdown.cancel();
        assert!(matches!(process.run(pending()).await, Err(Error::EndedEarly)));
    }

    #[tokio::test(start_paused = true)]
    async fn first_error_is_the_outcome_also_when_others_hang() {
        let process = process();
        process.record_failure(Error::EndedEarly);
        process.record_failure(connector::Error::NoBackend.into());
        process.record_failure(Error::Runtime(io::ErrorKind::Other.into()));
        process.shutdown.cancel();
        let outcome = process.run(pending()).await;
        assert!(matches!(outcome, Err(Error::Connector(connector::Error::NoBackend))), "{outcome:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn running_service_is_not_aborted() {
        let process = process();
        let service = async {
            sleep(Duration::from_secs(86_400)).await;
            Err(Error::EndedEarly)
        };
        assert!(process.run(service).await.is_err());
    }
}
