//! `/api/v1/cluster/events`: what `/cluster` answers, once a second, as server-sent events.
//!
//! Each listener has a task that feeds it, with room for one frame that it has not read; it ends with the
//! listener, at shutdown, and with the connection, which lives no longer than
//! [`CONNECTION_LIFE`](service::http::CONNECTION_LIFE): a browser then comes again by itself. Bounds:
//! [`LISTENERS`] at a time, the next is refused (503); one that reads nothing for [`PATIENCE`] is hung up.
//! While the directory or the bus is away, the problem is sent instead, as an event `problem`.

use super::problem::Problem;
use super::{Cluster, watch};
use crate::numbers;
use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use service::CancellationToken;
use service::http::HangUp;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How many may listen at a time.
const LISTENERS: usize = 64;
const EVERY: Duration = Duration::from_secs(1);
/// For how long a listener may leave what is sent to it unread.
const PATIENCE: Duration = Duration::from_secs(5);

/// Room for those who listen.
#[derive(Clone)]
pub(super) struct Listeners {
    seats: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl Listeners {
    /// Until shutdown.
    pub fn until(shutdown: CancellationToken) -> Self {
        Self { seats: Arc::new(Semaphore::new(LISTENERS)), shutdown }
    }
}

/// `GET /cluster/events`
pub(super) async fn listen(
    State(cluster): State<Cluster>,
    Extension(hang_up): Extension<HangUp>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let seat = cluster.listeners.seats.clone().try_acquire_owned();
    let seat = seat.inspect_err(|_| numbers::full(numbers::LISTENERS));
    let seat = seat.map_err(|_| Problem::too_many("64 listen already; try again later"))?;
    let (frames, listener) = mpsc::channel(1);
    let shutdown = cluster.listeners.shutdown.clone();
    tokio::spawn(async move {
        shutdown.run_until_cancelled(feed(cluster, frames, hang_up, seat)).await;
    });
    Ok(Sse::new(unfold(listener, next)))
}

async fn next(mut listener: Receiver<Event>) -> Option<(Result<Event, Infallible>, Receiver<Event>)> {
    let event = listener.recv().await?;
    Some((Ok(event), listener))
}

/// Until the listener is gone, or does not read.
async fn feed(cluster: Cluster, frames: Sender<Event>, hang_up: HangUp, _seat: OwnedSemaphorePermit) {
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            () = frames.closed() => return,
        }
        match timeout(PATIENCE, frames.send(event(&cluster).await)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::info!("a listener does not read what it asked for, and is hung up");
                return hang_up.now();
            }
        }
    }
}

async fn event(cluster: &Cluster) -> Event {
    match watch::frame(cluster).await {
        Ok(frame) => Event::default().data(String::from_utf8_lossy(&frame)),
        Err(problem) => Event::default().event("problem").data(problem.json().to_string()),
    }
}
