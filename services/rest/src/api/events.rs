//! `/api/v1/cluster/events`: what `/cluster` answers, once a second, as server-sent events.
//!
//! Each listener has a task that feeds it, with room for one frame that it has not read; it ends with the
//! listener, at shutdown, and with the connection, which lives no longer than
//! [`MAX_CONNECTION_AGE`](service::http_server::MAX_CONNECTION_AGE): a browser then comes again by itself. Bounds:
//! [`LISTENERS`] at a time, the next is refused (503); one that reads nothing for [`PATIENCE`] is hung up.
//! While the directory or the bus is away, the problem is sent instead, as an event `problem`.

use super::problem::Problem;
use super::{ApiState, watch};
use crate::numbers;
use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use service::CancellationToken;
use service::http_server::ConnectionCloser;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How many may listen at a time.
const MAX_SUBSCRIBERS: usize = 64;
const SEND_INTERVAL: Duration = Duration::from_secs(1);
/// For how long a listener may leave what is sent to it unread.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Room for those who listen.
#[derive(Clone)]
pub(super) struct Subscribers {
    permits: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl Subscribers {
    /// Until shutdown.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_SUBSCRIBERS)), shutdown }
    }
}

/// `GET /cluster/events`
pub(super) async fn subscribe(
    State(cluster): State<ApiState>,
    Extension(closer): Extension<ConnectionCloser>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let seat = cluster.subscribers.permits.clone().try_acquire_owned();
    let seat = seat.inspect_err(|_| numbers::queue_full(numbers::EVENT_SUBSCRIBERS));
    let seat = seat.map_err(|_| Problem::too_many("64 listen already; try again later"))?;
    let (frames, listener) = mpsc::channel(1);
    let shutdown = cluster.subscribers.shutdown.clone();
    tokio::spawn(async move {
        shutdown.run_until_cancelled(send_events(cluster, frames, closer, seat)).await;
    });
    Ok(Sse::new(unfold(listener, next_event)))
}

async fn next_event(mut listener: Receiver<Event>) -> Option<(Result<Event, Infallible>, Receiver<Event>)> {
    let event = listener.recv().await?;
    Some((Ok(event), listener))
}

/// Until the listener is gone, or does not read.
async fn send_events(
    cluster: ApiState,
    frames: Sender<Event>,
    closer: ConnectionCloser,
    _seat: OwnedSemaphorePermit,
) {
    let mut clock = interval(SEND_INTERVAL);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            () = frames.closed() => return,
        }
        match timeout(SEND_TIMEOUT, frames.send(cluster_event(&cluster).await)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::info!("a listener does not read what it asked for, and is hung up");
                return closer.close();
            }
        }
    }
}

async fn cluster_event(cluster: &ApiState) -> Event {
    match watch::cached_json(cluster).await {
        Ok(frame) => Event::default().data(String::from_utf8_lossy(&frame)),
        Err(problem) => Event::default().event("problem").data(problem.to_json().to_string()),
    }
}
