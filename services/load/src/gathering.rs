//! The clients of a run from the first to the last moment.

use crate::attendance::ClientCounts;
use crate::crowd::ClientPool;
use crate::error::Error;
use crate::options::{ClientOptions, Target};
use crate::report::round;
use crate::schedule::Schedule;
use crate::{files, progress};
use service::CancellationToken;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long ending all sessions may take.
const CLIENTS_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Clients, each a task.
pub struct Run {
    pub pool: Arc<ClientPool>,
    tasks: JoinSet<()>,
    clients: usize,
    quiet: bool,
    /// How many came, and in how many seconds.
    pub ready: usize,
    pub seconds: f64,
}

impl Run {
    /// Waits until all clients are there, or no more come.
    pub async fn start(
        target: &Target,
        members: &ClientOptions,
        per_second: Option<f64>,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        files::raise_limit(members.clients)?;
        let (began, clients, quiet) = (Instant::now(), members.clients, target.quiet);
        let crowd = Arc::new(ClientPool::new(target, members, stop.child_token())?);
        let mut gathering =
            Self { pool: crowd, tasks: JoinSet::new(), clients, quiet, ready: 0, seconds: 0.0 };
        gathering.connect_all(per_second, stop).await;
        (gathering.ready, gathering.seconds) =
            (gathering.pool.population.counts().connected, round(began.elapsed().as_secs_f64()));
        progress::print_status(quiet, &format!("{} of {clients} clients are registered", gathering.ready));
        if gathering.ready == 0 && !stop.is_cancelled() {
            let why = gathering.pool.population.errors().to_string();
            return Err(Error::NoClientRegistered { url: target.urls[0].url().to_owned(), why });
        }
        Ok(gathering)
    }

    async fn connect_all(&mut self, per_second: Option<f64>, stop: &CancellationToken) {
        let (crowd, clients, mut tasks) = (self.pool.clone(), self.clients, JoinSet::new());
        let came = async {
            spawn_clients(&mut tasks, &crowd, clients, per_second).await;
            let settled = |heads: &ClientCounts| {
                heads.connected == clients || (heads.tried == clients && heads.connected == 0)
            };
            crowd.population.wait_until(settled).await;
        };
        self.with_progress(came, stop).await;
        self.tasks = tasks;
    }

    /// Lets so much time pass; 0 is any.
    pub async fn hold(&self, time: Duration, stop: &CancellationToken) {
        let over = async {
            match time {
                Duration::ZERO => std::future::pending().await,
                time => sleep(time).await,
            }
        };
        self.with_progress(over, stop).await;
    }

    /// Waits for something, and tells meanwhile how it is.
    pub async fn with_progress(&self, something: impl Future<Output = ()>, stop: &CancellationToken) {
        let tell = |second| format!("{second} s: {}", self.pool.population.status_line(self.clients));
        tokio::select! {
            () = something => {}
            () = progress::print_every_second(self.quiet, tell) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Ends all sessions; whose is not ended in time leaves that to the server.
    pub async fn shut_down(self) {
        self.pool.stop.cancel();
        let _ = timeout(CLIENTS_SHUTDOWN_TIMEOUT, self.tasks.join_all()).await;
    }
}

/// Starts the clients, at the pace where there is one.
async fn spawn_clients(
    tasks: &mut JoinSet<()>,
    crowd: &Arc<ClientPool>,
    count: usize,
    per_second: Option<f64>,
) {
    let (began, mut schedule) = (Instant::now(), per_second.map(Schedule::new));
    while tasks.len() < count {
        let left = count - tasks.len();
        let due = schedule.as_mut().map_or(left as u64, |it| it.due(began.elapsed()));
        for _ in 0..due.min(left as u64) {
            tasks.spawn(crowd.clone().run_client(tasks.len()));
        }
        if let Some(schedule) = &schedule {
            sleep_until(began + schedule.next()).await;
        }
    }
}
