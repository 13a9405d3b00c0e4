//! `/api/v1/roads/{key}/entries`: what lies on a road, and what comes while somebody looks on.
//!
//! Entries hold what clients wrote, so they are shown [discreetly](super::discreet), unless they are asked for
//! in full; that wants as much permission as a change, and is in the log. Bounds: those of
//! [`bus::peek`], and [`ONLOOKERS`] at a time, each with a connection to Redis; the next is refused (503).

use super::ApiState;
use super::discreet::redact;
use super::input::{PathParam, StreamKey};
use super::problem::Problem;
use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use bus::entries::{MAX_ENTRIES, MAX_WATCH, StreamEntry};
use serde::Serialize;
use serde_json::{Map, Value};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many may look on at a time.
const MAX_WATCHERS: usize = 16;
/// How many entries are shown when nobody says.
const DEFAULT_LIMIT: usize = 20;

/// Room for those who look on.
#[derive(Clone)]
pub(super) struct WatchLimit(Arc<Semaphore>);

impl Default for WatchLimit {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_WATCHERS)))
    }
}

#[derive(Serialize)]
pub(super) struct EntryList {
    key: String,
    entries: Vec<EntryView>,
}

/// An entry, as operators see it.
#[derive(Serialize)]
struct EntryView {
    id: String,
    at: u64,
    fields: Map<String, Value>,
}

/// What of a road is to be seen: `?limit=NUMBER&wait_ms=NUMBER&full=true`, all of them optional.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EntriesQuery {
    limit: usize,
    wait: Duration,
    full: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for EntriesQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl EntriesQuery {
    fn parse(query: &str) -> Result<Self, Problem> {
        let mut view = Self { limit: DEFAULT_LIMIT, wait: Duration::ZERO, full: false };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("limit", number) => {
                    let number = number.parse().ok().filter(|number| (1..=MAX_ENTRIES).contains(number));
                    view.limit =
                        number.ok_or_else(|| Problem::bad_request("limit is a number from 1 to 100"))?;
                }
                ("wait_ms", number) => {
                    let wait = number.parse().ok().map(Duration::from_millis);
                    let wait = wait.filter(|wait| *wait <= MAX_WATCH);
                    view.wait =
                        wait.ok_or_else(|| Problem::bad_request("wait_ms is a number from 0 to 2000"))?;
                }
                ("full", is_full @ ("true" | "false")) => view.full = is_full == "true",
                ("full", _) => return Err(Problem::bad_request("full is true or false")),
                _ => {
                    return Err(Problem::bad_request(
                        "a road takes limit, wait_ms and full, and nothing else",
                    ));
                }
            }
        }
        Ok(view)
    }
}

/// `GET /roads/{key}/entries`
pub(super) async fn list(
    State(cluster): State<ApiState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    PathParam(StreamKey(key)): PathParam<StreamKey>,
    view: EntriesQuery,
) -> Result<Json<EntryList>, Problem> {
    if view.full {
        cluster.auth.authorize(true, peer.ip(), &headers)?;
        tracing::info!(road = key, %peer, "an operator reads entries in full");
    }
    let seat = cluster.watch_limit.0.try_acquire();
    let _seat = seat.map_err(|_| Problem::too_many("16 look at roads already; try again later"))?;
    let entries = cluster.bus.peek(&key, view.limit, view.wait).await?;
    let entries = entries.ok_or_else(|| Problem::no_such_stream(&key))?;
    Ok(Json(EntryList {
        key,
        entries: entries.into_iter().map(|entry| entry_view(entry, view.full)).collect(),
    }))
}

fn entry_view(StreamEntry { id, at, fields }: StreamEntry, full: bool) -> EntryView {
    let value = |name: &str, text: String| match name {
        "payload" => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        _ => Value::String(text),
    };
    let fields = fields.into_iter().map(|(name, text)| {
        let value = redact(&name, value(&name, text), full);
        (name, value)
    });
    EntryView { id, at, fields: fields.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_read_from_the_query() {
        let view =
            |limit, millis, full| Some(EntriesQuery { limit, wait: Duration::from_millis(millis), full });
        let read = |query: &str| EntriesQuery::parse(query).ok();
        assert_eq!(read(""), view(20, 0, false));
        assert_eq!(read("limit=100&wait_ms=2000&full=true"), view(100, 2_000, true));
        assert_eq!(read("full=false"), view(20, 0, false));
        for bad in ["limit=0", "limit=101", "wait_ms=2001", "wait_ms=-1", "full", "full=1", "after=1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
