//! Reads what is known of a call: its events in the log, its record, waiting messages about it, and dead
//! letters about it.

use crate::format::rfc3339;
use bus::topic::{Log, Mailbox, Queue};
use bus::{Bus, LogLine, SendError};
use common::CallId;
use directory::Directory;
use directory::record::Call;
use std::time::Duration;

/// How many entries of each stream are searched.
const MAX_ENTRIES_SEARCHED: usize = 100;

#[derive(Debug, Default)]
pub struct CallData {
    /// The events of the call in the log, oldest first.
    pub events: Vec<LogLine>,
    /// Its record, unless it has ended.
    pub record: Option<Call>,
    /// The connector that serves its backend, unless it has ended.
    pub connector: Option<String>,
    pub waiting: Vec<WaitingMessage>,
    pub dead_letters: Vec<LogLine>,
    /// How many events of all calls the log has.
    pub log_length: usize,
    /// The time of the oldest of them, in unix milliseconds.
    pub log_since: Option<u64>,
}

/// A message about the call that no consumer has acknowledged.
#[derive(Debug)]
pub struct WaitingMessage {
    /// The key of its stream.
    pub stream: String,
    pub kind: String,
    /// Unix milliseconds.
    pub sent_at: u64,
}

pub enum GatherError {
    Bus(SendError),
    Directory(directory::Error),
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
    pub fn is_known(&self) -> bool {
        !self.events.is_empty()
            || self.record.is_some()
            || !self.waiting.is_empty()
            || !self.dead_letters.is_empty()
    }

    /// Describes how far back the log reaches.
    pub fn log_summary(&self) -> String {
        match self.log_since {
            Some(at) => format!("has {} events since {}", self.log_length, rfc3339(at)),
            None => "is empty".to_owned(),
        }
    }
}

/// Returns the value of a field of a log line.
pub fn field<'l>(line: &'l LogLine, name: &str) -> Option<&'l str> {
    line.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Searches the logs, the directory and the streams.
pub async fn gather(call: CallId, bus: &Bus, directory: &Directory) -> Result<CallData, GatherError> {
    let id = call.to_string();
    let log = bus.tail(Log::Calls, Log::Calls.cap() * 2).await?;
    let log_length = log.len();
    let log_since = log.first().and_then(|line| field(line, "at")?.parse().ok());
    let events: Vec<LogLine> =
        log.into_iter().filter(|line| field(line, "call") == Some(id.as_str())).collect();
    let mut dead_letters = bus.tail(Log::Dead, Log::Dead.cap() * 2).await?;
    dead_letters.retain(|line| line.iter().any(|(_, value)| value.contains(&id)));
    let record = directory.call(call).await?;
    let connector = match &record {
        Some(record) => {
            let lease = format!("backend:{}", record.backend);
            directory.lease_holders(&[lease]).await?.pop().flatten().map(|holder| holder.to_string())
        }
        None => None,
    };
    let waiting = find_waiting(&id, &streams_to_search(record.as_ref(), &events), bus).await?;
    Ok(CallData { events, record, connector, waiting, dead_letters, log_length, log_since })
}

/// Returns the keys of the streams in which messages about the call may wait.
fn streams_to_search(record: Option<&Call>, events: &[LogLine]) -> Vec<String> {
    let mut keys: Vec<String> = Queue::all().map(|queue| queue.key()).collect();
    let logged_backend = events.last().and_then(|line| field(line, "backend"));
    let backend = record.map(|record| record.backend.clone()).or(logged_backend.map(Into::into));
    keys.extend(backend.map(|backend| Mailbox::Backend(backend).key()));
    let parties = record.into_iter().flat_map(|record| [&record.caller, &record.callee]);
    let owners = parties.filter_map(|party| party.owner.as_ref());
    keys.extend(owners.map(|owner| Mailbox::Edge(owner.edge.clone()).key()));
    keys.dedup();
    keys
}

async fn find_waiting(id: &str, streams: &[String], bus: &Bus) -> Result<Vec<WaitingMessage>, GatherError> {
    let mut waiting = Vec::new();
    for stream in streams {
        let entries = bus.peek(stream, MAX_ENTRIES_SEARCHED, Duration::ZERO).await?;
        for entry in entries.into_iter().flatten() {
            if entry.fields.iter().any(|(_, value)| value.contains(id)) {
                let kind = field(&entry.fields, "kind").unwrap_or("?").to_owned();
                waiting.push(WaitingMessage { stream: stream.clone(), kind, sent_at: entry.at });
            }
        }
    }
    Ok(waiting)
}
