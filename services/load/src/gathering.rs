//! The clients of a run from the first to the last moment.

use crate::attendance::Heads;
use crate::crowd::Crowd;
use crate::error::Error;
use crate::options::{Members, Target};
use crate::report::round;
use crate::schedule::Schedule;
use crate::{files, progress};
use service::CancellationToken;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long ending all sessions may take.
const PARTING: Duration = Duration::from_secs(10);

/// Clients, each a task.
pub struct Gathering {
    pub crowd: Arc<Crowd>,
    tasks: JoinSet<()>,
    clients: usize,
    quiet: bool,
    /// How many came, and in how many seconds.
    pub ready: usize,
    pub seconds: f64,
}

impl Gathering {
    /// Waits until all clients are there, or no more come.
    pub async fn of(
        target: &Target,
        members: &Members,
        per_second: Option<f64>,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        files::allow(members.clients)?;
        let (began, clients, quiet) = (Instant::now(), members.clients, target.quiet);
        let crowd = Arc::new(Crowd::new(target, members, stop.child_token())?);
        let mut gathering = Self { crowd, tasks: JoinSet::new(), clients, quiet, ready: 0, seconds: 0.0 };
        gathering.come(per_second, stop).await;
        (gathering.ready, gathering.seconds) =
            (gathering.crowd.attendance.heads().there, round(began.elapsed().as_secs_f64()));
        progress::say(quiet, &format!("{} of {clients} clients are registered", gathering.ready));
        if gathering.ready == 0 && !stop.is_cancelled() {
            let why = gathering.crowd.attendance.errors().to_string();
            return Err(Error::NobodyIsThere { url: target.urls[0].url().to_owned(), why });
        }
        Ok(gathering)
    }

    async fn come(&mut self, per_second: Option<f64>, stop: &CancellationToken) {
        let (crowd, clients, mut tasks) = (self.crowd.clone(), self.clients, JoinSet::new());
        let came = async {
            start(&mut tasks, &crowd, clients, per_second).await;
            let settled =
                |heads: &Heads| heads.there == clients || (heads.tried == clients && heads.there == 0);
            crowd.attendance.until(settled).await;
        };
        self.watched(came, stop).await;
        self.tasks = tasks;
    }

    /// Lets so much time pass; 0 is any.
    pub async fn stays(&self, time: Duration, stop: &CancellationToken) {
        let over = async {
            match time {
                Duration::ZERO => std::future::pending().await,
                time => sleep(time).await,
            }
        };
        self.watched(over, stop).await;
    }

    /// Waits for something, and tells meanwhile how it is.
    pub async fn watched(&self, something: impl Future<Output = ()>, stop: &CancellationToken) {
        let tell = |second| format!("{second} s: {}", self.crowd.attendance.words(self.clients));
        tokio::select! {
            () = something => {}
            () = progress::watch(self.quiet, tell) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Ends all sessions; whose is not ended in time leaves that to the server.
    pub async fn part(self) {
        self.crowd.stop.cancel();
        let _ = timeout(PARTING, self.tasks.join_all()).await;
    }
}

/// Starts the clients, at the pace where there is one.
async fn start(tasks: &mut JoinSet<()>, crowd: &Arc<Crowd>, count: usize, per_second: Option<f64>) {
    let (began, mut schedule) = (Instant::now(), per_second.map(Schedule::new));
    while tasks.len() < count {
        let left = count - tasks.len();
        let due = schedule.as_mut().map_or(left as u64, |it| it.due(began.elapsed()));
        for _ in 0..due.min(left as u64) {
            tasks.spawn(crowd.clone().member(tasks.len()));
        }
        if let Some(schedule) = &schedule {
            sleep_until(began + schedule.next()).await;
        }
    }
}
