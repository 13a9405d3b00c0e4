//! Idle clients: each is a task that registers, and reconnects when its connection breaks.
//!
//! A client claims its session at the next endpoint. If the session has ended, the client registers again under a new
//! name, because a plain Janus may still have the old one.

use crate::client::{Client, ConnectBackoff, raise_file_limit};
use crate::endpoint::Endpoint;
use crate::error::{CallError, Error};
use crate::messages::Request;
use crate::options::{ClientOptions, Target};
use crate::output::{print_every_second, print_progress, round};
use crate::pacing::Schedule;
use crate::parse::ServerEvent;
use crate::population::{ClientCounts, Population};
use service::CancellationToken;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The time for all clients to end their sessions.
const CLIENTS_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The clients of a run, each a task.
pub struct Run {
    pub pool: Arc<ClientPool>,
    tasks: JoinSet<()>,
    clients: usize,
    quiet: bool,
    /// Clients that were connected at the start, and the seconds they took.
    pub ready: usize,
    pub seconds: f64,
}

impl Run {
    /// Connects all clients, and waits until they are connected or no more connect.
    pub async fn start(
        target: &Target,
        options: &ClientOptions,
        per_second: Option<f64>,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        raise_file_limit(options.clients)?;
        let begun = Instant::now();
        let mut run = Self {
            pool: Arc::new(ClientPool::new(target, options, stop.child_token())?),
            tasks: JoinSet::new(),
            clients: options.clients,
            quiet: target.quiet,
            ready: 0,
            seconds: 0.0,
        };
        run.connect_all(per_second, stop).await;
        run.ready = run.pool.population.counts().connected;
        run.seconds = round(begun.elapsed().as_secs_f64());
        print_progress(run.quiet, &format!("{} of {} clients are registered", run.ready, run.clients));
        if run.ready == 0 && !stop.is_cancelled() {
            let why = run.pool.population.errors().to_string();
            return Err(Error::NoClientRegistered { url: target.urls[0].url().to_owned(), why });
        }
        Ok(run)
    }

    async fn connect_all(&mut self, per_second: Option<f64>, stop: &CancellationToken) {
        let (pool, clients, mut tasks) = (self.pool.clone(), self.clients, JoinSet::new());
        let connected = async {
            spawn_clients(&mut tasks, &pool, clients, per_second).await;
            let is_settled = |counts: &ClientCounts| {
                counts.connected == clients || (counts.tried == clients && counts.connected == 0)
            };
            pool.population.wait_until(is_settled).await;
        };
        self.with_progress(connected, stop).await;
        self.tasks = tasks;
    }

    /// Waits for this time, or until `stop` if it is 0.
    pub async fn hold(&self, time: Duration, stop: &CancellationToken) {
        let over = async {
            match time {
                Duration::ZERO => std::future::pending().await,
                time => sleep(time).await,
            }
        };
        self.with_progress(over, stop).await;
    }

    /// Waits for a future or for `stop`, and prints progress.
    pub async fn with_progress(&self, future: impl Future<Output = ()>, stop: &CancellationToken) {
        let line = |second| format!("{second} s: {}", self.pool.population.status_line(self.clients));
        tokio::select! {
            () = future => {}
            () = print_every_second(self.quiet, line) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Ends all sessions. Those that do not end in time are left to the server's timeout.
    pub async fn shut_down(self) {
        self.pool.stop.cancel();
        let _ = timeout(CLIENTS_SHUTDOWN_TIMEOUT, self.tasks.join_all()).await;
    }
}

/// Starts the clients, at the rate if there is one.
async fn spawn_clients(
    tasks: &mut JoinSet<()>,
    pool: &Arc<ClientPool>,
    count: usize,
    per_second: Option<f64>,
) {
    let (begun, mut schedule) = (Instant::now(), per_second.map(Schedule::new));
    while tasks.len() < count {
        let left = (count - tasks.len()) as u64;
        let due = schedule.as_mut().map_or(left, |schedule| schedule.due(begun.elapsed()));
        for _ in 0..due.min(left) {
            tasks.spawn(pool.clone().run_client(tasks.len()));
        }
        if let Some(schedule) = &schedule {
            sleep_until(begun + schedule.next()).await;
        }
    }
}

/// What all clients of a run share.
pub struct ClientPool {
    endpoints: Vec<Endpoint>,
    credentials: Arc<str>,
    prefix: String,
    connecting: Semaphore,
    /// Changes when all clients are to drop their connections.
    storm: watch::Sender<()>,
    pub population: Population,
    stop: CancellationToken,
}

/// One client, connected or not.
struct IdleClient {
    number: usize,
    /// The index of the endpoint; it grows with each attempt.
    endpoint: usize,
    /// The registrations so far; part of the name.
    generation: usize,
    client: Option<Client>,
}

/// Why a client is no longer connected.
enum Disconnect {
    Storm,
    Connection,
    Session(CallError),
}

impl ClientPool {
    fn new(target: &Target, options: &ClientOptions, stop: CancellationToken) -> Result<Self, Error> {
        Ok(Self {
            endpoints: target.urls.clone(),
            credentials: target.credentials(),
            prefix: target.prefix()?,
            connecting: Semaphore::new(options.at_once),
            storm: watch::Sender::new(()),
            population: Population::default(),
            stop,
        })
    }

    /// Makes all clients drop their connections.
    pub fn drop_connections(&self) {
        self.storm.send_replace(());
    }

    /// Runs one client until the run is over.
    async fn run_client(self: Arc<Self>, number: usize) {
        let mut idle = IdleClient { number, endpoint: number, generation: 0, client: None };
        self.stop.run_until_cancelled(self.keep_connected(&mut idle)).await;
        if let Some(mut client) = idle.client {
            client.leave().await;
        }
    }

    /// Registers, and reconnects after each loss. The boxed futures are rare, and take memory only while they run.
    async fn keep_connected(&self, idle: &mut IdleClient) {
        let (mut storm, mut since) = (self.storm.subscribe(), Instant::now());
        Box::pin(self.register_with_retry(idle)).await;
        self.population.registered(since.elapsed());
        loop {
            let disconnect = until_disconnected(idle.client.as_mut(), &mut storm).await;
            since = Instant::now();
            self.population.disconnected(matches!(disconnect, Disconnect::Connection));
            let claimed = match disconnect {
                Disconnect::Session(error) => {
                    self.population.failed(&error);
                    false
                }
                Disconnect::Connection => {
                    ConnectBackoff::default().wait().await;
                    Box::pin(self.claim_session(idle)).await
                }
                Disconnect::Storm => Box::pin(self.claim_session(idle)).await,
            };
            if !claimed {
                idle.client = None;
                Box::pin(self.register_with_retry(idle)).await;
            }
            self.population.reconnected(since.elapsed(), claimed);
        }
    }

    async fn register_with_retry(&self, idle: &mut IdleClient) {
        let mut backoff = ConnectBackoff::default();
        loop {
            let name = format!("{}{}_{}", self.prefix, idle.number, idle.generation);
            let registered = self.register(idle.endpoint, &name).await;
            if idle.generation == 0 {
                self.population.tried();
            }
            idle.generation += 1;
            match registered {
                Ok(client) => {
                    idle.client = Some(client);
                    return;
                }
                Err(error) => self.population.failed(&error),
            }
            idle.endpoint += 1;
            backoff.wait().await;
        }
    }

    async fn register(&self, endpoint: usize, name: &str) -> Result<Client, CallError> {
        let _permit = self.connecting.acquire().await;
        let mut client = self.connect(endpoint).await?;
        client.register(name).await?;
        Ok(client)
    }

    /// Claims the session of a client. Returns whether the session still existed.
    async fn claim_session(&self, idle: &mut IdleClient) -> bool {
        let Some(lost) = idle.client.take() else { return false };
        let (session, handle) = (lost.messages.session, lost.messages.handle);
        drop(lost);
        let mut backoff = ConnectBackoff::default();
        loop {
            idle.endpoint += 1;
            match self.resume(idle.endpoint, session, handle).await {
                Ok(client) => {
                    idle.client = Some(client);
                    return true;
                }
                Err(error) => {
                    self.population.failed(&error);
                    if matches!(error, CallError::Refused(Request::Claim, _)) {
                        return false;
                    }
                }
            }
            backoff.wait().await;
        }
    }

    async fn resume(&self, endpoint: usize, session: u64, handle: u64) -> Result<Client, CallError> {
        let _permit = self.connecting.acquire().await;
        let mut client = self.connect(endpoint).await?;
        client.claim(session, handle).await?;
        Ok(client)
    }

    async fn connect(&self, endpoint: usize) -> Result<Client, CallError> {
        Client::connect(&self.endpoints[endpoint % self.endpoints.len()], self.credentials.clone()).await
    }
}

/// Receives for a client until it has lost its connection or session.
async fn until_disconnected(client: Option<&mut Client>, storm: &mut watch::Receiver<()>) -> Disconnect {
    let Some(client) = client else { return Disconnect::Connection };
    loop {
        let received = tokio::select! {
            biased;
            _ = storm.changed() => return Disconnect::Storm,
            received = client.recv() => received,
        };
        match received.map(|received| (received.event, received.in_reply_to)) {
            Err(_) => return Disconnect::Connection,
            Ok((ServerEvent::TimedOut, _)) => return Disconnect::Session(CallError::TimedOut),
            Ok((ServerEvent::Refused(code), Some((request, _)))) => {
                return Disconnect::Session(CallError::Refused(request, code));
            }
            Ok(_) => {}
        }
    }
}
