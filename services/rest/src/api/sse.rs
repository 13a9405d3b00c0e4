//! `/api/v1/cluster/events`: the response of `/cluster` once a second, as server-sent events.
//!
//! A task feeds each subscriber, with room for one event that the subscriber has not read. It ends with the
//! subscriber, at shutdown, and with the connection, which lasts at most
//! [`MAX_CONNECTION_AGE`](service::http_server::MAX_CONNECTION_AGE); browsers then reconnect. A subscriber that reads
//! nothing for [`SEND_TIMEOUT`] is disconnected. Subscribers beyond the limit are refused (503). While the directory
//! or the bus is down, an event `problem` is sent instead.

use super::cluster;
use super::problem::Problem;
use super::state::ApiState;
use crate::metrics;
use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use service::http_server::ConnectionCloser;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval, timeout};

const SEND_INTERVAL: Duration = Duration::from_secs(1);
/// How long an event may wait to be read.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// `GET /cluster/events`
pub(super) async fn subscribe(
    State(state): State<ApiState>,
    Extension(connection): Extension<ConnectionCloser>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Ok(permit) = state.subscribers.clone().try_acquire_owned() else {
        metrics::queue_full(metrics::EVENT_SUBSCRIBERS);
        return Err(Problem::too_many("there are 64 subscribers already; try again later"));
    };
    let (events, subscriber) = mpsc::channel(1);
    let shutdown = state.shutdown.clone();
    tokio::spawn(async move {
        shutdown.run_until_cancelled(send_events(state, events, connection, permit)).await;
    });
    Ok(Sse::new(unfold(subscriber, next_event)))
}

async fn next_event(mut subscriber: Receiver<Event>) -> Option<(Result<Event, Infallible>, Receiver<Event>)> {
    let event = subscriber.recv().await?;
    Some((Ok(event), subscriber))
}

/// Sends events until the subscriber disconnects, or does not read.
async fn send_events(
    state: ApiState,
    events: Sender<Event>,
    connection: ConnectionCloser,
    _permit: OwnedSemaphorePermit,
) {
    let mut ticks = interval(SEND_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = events.closed() => return,
        }
        match timeout(SEND_TIMEOUT, events.send(cluster_event(&state).await)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::info!("subscriber does not read its events, closing its connection");
                return connection.close();
            }
        }
    }
}

async fn cluster_event(state: &ApiState) -> Event {
    match cluster::cached_json(state).await {
        Ok(json) => Event::default().data(String::from_utf8_lossy(&json)),
        Err(problem) => Event::default().event("problem").data(problem.to_json().to_string()),
    }
}
