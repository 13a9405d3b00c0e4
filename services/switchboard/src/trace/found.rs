//! What is known of a call: its lines in the log, its record, where its two handles are, and messages about
//! it that wait, or were given up.

use super::TraceError;
use crate::error::Error;
use crate::when::rfc3339;
use bus::topic::{Log, Mailbox, Queue};
use bus::{Bus, LogLine, SendError};
use common::CallId;
use directory::Directory;
use directory::record::Call;
use service::options::RedisUrl;
use std::time::Duration;

/// How much of a road is searched.
const MAX_ENTRIES_SEARCHED: usize = 100;

/// All that was found.
#[derive(Debug, Default)]
pub struct CallData {
    /// Of the call, oldest first.
    pub lines: Vec<LogLine>,
    /// While it rings or is up.
    pub record: Option<Call>,
    /// Who serves its backend.
    pub connector: Option<String>,
    /// Messages about it that nobody has finished: the road, its kind, and unix milliseconds.
    pub waiting: Vec<(String, String, u64)>,
    /// Messages about it that were given up.
    pub dead: Vec<LogLine>,
    /// How many lines the log has, and the time of the oldest, unix milliseconds.
    pub log: (usize, Option<u64>),
}

/// Why nothing could be found.
pub enum GatherError {
    Bus(SendError),
    Directory(directory::Error),
}

impl GatherError {
    /// Of the Redis at this address.
    pub fn into_error(self, redis: &RedisUrl) -> Error {
        match self {
            Self::Bus(error) => Error::Unreachable { redis: redis.to_string(), error },
            Self::Directory(error) => TraceError::Unreachable(redis.to_string(), error).into(),
        }
    }
}

impl From<SendError> for GatherError {
    fn from(error: SendError) -> Self {
        Self::Bus(error)
    }
}

impl From<directory::Error> for GatherError {
    fn from(error: directory::Error) -> Self {
        Self::Directory(error)
    }
}

impl CallData {
    /// Whether anything is known.
    pub fn is_known(&self) -> bool {
        !self.lines.is_empty() || self.record.is_some() || !self.waiting.is_empty() || !self.dead.is_empty()
    }

    /// How far back the log goes.
    pub fn log_summary(&self) -> String {
        match self.log {
            (count, Some(at)) => format!("has {count} events since {}", rfc3339(at)),
            (_, None) => "is empty".to_owned(),
        }
    }
}

/// The value of a field of a line.
pub fn field<'l>(line: &'l LogLine, name: &str) -> Option<&'l str> {
    line.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Looks everywhere.
pub async fn gather(call: CallId, bus: &Bus, directory: &Directory) -> Result<CallData, GatherError> {
    let id = call.to_string();
    let all = bus.tail(Log::Calls, Log::Calls.cap() * 2).await?;
    let oldest = all.first().and_then(|line| field(line, "at")?.parse().ok());
    let log = (all.len(), oldest);
    let lines: Vec<LogLine> =
        all.into_iter().filter(|line| field(line, "call") == Some(id.as_str())).collect();
    let dead = bus.tail(Log::Dead, Log::Dead.cap() * 2).await?;
    let dead = dead.into_iter().filter(|line| line.iter().any(|(_, value)| value.contains(&id))).collect();
    let record = directory.call(call).await?;
    let connector = match &record {
        Some(record) => {
            let lease = format!("backend:{}", record.backend);
            directory.lease_holders(&[lease]).await?.pop().flatten().map(|id| id.to_string())
        }
        None => None,
    };
    let waiting = waiting(&id, &streams_to_search(record.as_ref(), &lines), bus).await?;
    Ok(CallData { lines, record, connector, waiting, dead, log })
}

/// Where messages about it may wait.
fn streams_to_search(record: Option<&Call>, lines: &[LogLine]) -> Vec<String> {
    let mut keys: Vec<String> = Queue::all().map(|queue| queue.key()).collect();
    let of_line = lines.last().and_then(|line| field(line, "backend"));
    let backend = record.map(|record| record.backend.clone()).or(of_line.map(Into::into));
    keys.extend(backend.map(|backend| Mailbox::Backend(backend).key()));
    let parties = record.into_iter().flat_map(|record| [&record.caller, &record.callee]);
    let edges = parties.filter_map(|party| party.owner.as_ref());
    keys.extend(edges.map(|owner| Mailbox::Edge(owner.edge.clone()).key()));
    keys.dedup();
    keys
}

async fn waiting(id: &str, keys: &[String], bus: &Bus) -> Result<Vec<(String, String, u64)>, GatherError> {
    let mut waiting = Vec::new();
    for key in keys {
        for entry in bus.peek(key, MAX_ENTRIES_SEARCHED, Duration::ZERO).await?.into_iter().flatten() {
            if entry.fields.iter().any(|(_, value)| value.contains(id)) {
                let kind = field(&entry.fields, "kind").unwrap_or("?").to_owned();
                waiting.push((key.clone(), kind, entry.at));
            }
        }
    }
    Ok(waiting)
}
