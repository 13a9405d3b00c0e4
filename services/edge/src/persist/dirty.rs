//! The sessions of a connection whose stored state is out of date.
//!
//! They are submitted when the session writer next flushes, so that several changes are written once. A message counts
//! as delivered when the operating system has taken it. While the socket has more to write, the sessions wait for
//! that, for at most [`FLUSH_TIMEOUT`].

use bus::ack_tracker::AckGuard;
use protocol::SessionId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a session waits for its socket to be flushed.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The sessions that have to be stored.
#[derive(Default)]
pub struct DirtySessions {
    entries: BTreeMap<SessionId, DirtyEntry>,
    /// When the writer wants them.
    next_flush: Option<Instant>,
}

#[derive(Default)]
struct DirtyEntry {
    /// When the session is submitted although the socket is not flushed; none if it has not changed.
    flush_by: Option<Instant>,
    /// The session was submitted with messages that the socket had not written. It is submitted again when they are.
    flush_again: bool,
    /// Guards of the messages that the session has handled.
    ack_guards: Vec<AckGuard>,
}

impl DirtySessions {
    /// Marks a session as changed.
    pub fn mark(&mut self, session: SessionId, now: Instant) {
        self.entries.entry(session).or_default().flush_by.get_or_insert(now + FLUSH_TIMEOUT);
    }

    /// Marks a session that has handled messages, or is about to, and keeps their guards.
    pub fn mark_received(
        &mut self,
        session: SessionId,
        ack_guards: impl IntoIterator<Item = AckGuard>,
        now: Instant,
    ) {
        self.mark(session, now);
        self.entries.entry(session).or_default().ack_guards.extend(ack_guards);
    }

    /// Marks a session that was submitted with messages that the socket has not written yet.
    pub fn mark_backlog(&mut self, session: SessionId) {
        self.entries.entry(session).or_default().flush_again = true;
    }

    /// Makes the sessions ready without waiting for the writer's next flush.
    pub fn flush_now(&mut self, now: Instant) {
        self.next_flush = Some(now);
    }

    /// The sessions to be submitted now. `schedule` returns the writer's next flush.
    pub fn ready(
        &mut self,
        is_socket_flushed: bool,
        now: Instant,
        schedule: impl FnOnce() -> Instant,
    ) -> Vec<SessionId> {
        if self.entries.is_empty() || *self.next_flush.get_or_insert_with(schedule) > now {
            return Vec::new();
        }
        let is_ready = |entry: &DirtyEntry| {
            let is_dirty = entry.flush_by.is_some() || entry.flush_again;
            is_socket_flushed && is_dirty || entry.flush_by.is_some_and(|at| at <= now)
        };
        self.entries.iter().filter(|(_, entry)| is_ready(entry)).map(|(session, _)| *session).collect()
    }

    /// When sessions have to be submitted although nothing else happens.
    pub fn next_timer(&self, now: Instant) -> Option<Instant> {
        match self.next_flush {
            Some(at) if at > now => Some(at),
            _ => self.entries.values().filter_map(|entry| entry.flush_by).min(),
        }
    }

    /// Removes a session that is submitted, or has left the connection. Returns its guards.
    pub fn take(&mut self, session: SessionId) -> Vec<AckGuard> {
        let ack_guards = self.entries.remove(&session).map(|entry| entry.ack_guards).unwrap_or_default();
        if self.entries.is_empty() {
            self.next_flush = None;
        }
        ack_guards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SessionId = SessionId(1);

    #[test]
    fn ready_when_the_socket_is_flushed_or_after_a_timeout() {
        let now = Instant::now();
        let mut dirty = DirtySessions::default();
        dirty.mark(ID, now);
        assert_eq!(dirty.ready(true, now, || now), [ID]);
        assert_eq!(dirty.ready(false, now, || now), []);
        dirty.mark(ID, now + FLUSH_TIMEOUT / 2);
        assert_eq!(dirty.next_timer(now), Some(now + FLUSH_TIMEOUT));
        assert_eq!(dirty.ready(false, now + FLUSH_TIMEOUT, || now), [ID]);
        dirty.take(ID);
        assert_eq!(dirty.ready(true, now + FLUSH_TIMEOUT, || now), []);
    }

    #[test]
    fn ready_at_the_next_flush() {
        let (now, soon) = (Instant::now(), Instant::now() + FLUSH_TIMEOUT / 100);
        let mut dirty = DirtySessions::default();
        dirty.mark(ID, now);
        assert_eq!((dirty.ready(true, now, || soon), dirty.next_timer(now)), (vec![], Some(soon)));
        dirty.mark(ID, now);
        assert_eq!(dirty.ready(true, soon, || unreachable!()), [ID]);
        dirty.take(ID);
        assert_eq!(dirty.next_timer(soon), None);
        dirty.mark(ID, now);
        assert_eq!(dirty.ready(true, now, || soon), []);
        dirty.flush_now(now);
        assert_eq!(dirty.ready(true, now, || soon), [ID]);
    }

    #[test]
    fn ready_again_when_a_backlog_is_flushed() {
        let now = Instant::now();
        let mut dirty = DirtySessions::default();
        dirty.mark_backlog(ID);
        assert_eq!(
            (dirty.next_timer(now), dirty.ready(false, now + 2 * FLUSH_TIMEOUT, || now)),
            (None, vec![])
        );
        assert_eq!(dirty.ready(true, now, || now), [ID]);
    }
}
