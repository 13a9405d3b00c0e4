//! The sessions of a connection that are to go to the scribe, when it next writes: what changes before
//! that is written once. What a client was told counts as heard once the operating system has it; so while
//! the socket has more to write they wait for that, but no longer than [`PATIENCE`].

use bus::ack_tracker::AckGuard;
use protocol::SessionId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a session waits for its client to be told everything.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Sessions that are not as they were written down.
#[derive(Default)]
pub struct DirtySessions {
    entries: BTreeMap<SessionId, DirtyEntry>,
    /// When the scribe wants them.
    next_flush: Option<Instant>,
}

#[derive(Default)]
struct DirtyEntry {
    /// When it is to be saved, whatever its client has been told; none for one that was saved.
    flush_by: Option<Instant>,
    /// It is to be saved once more when its client has been told what was saved as unheard.
    flush_again: bool,
    /// For the messages that have reached it.
    ack_guards: Vec<AckGuard>,
}

impl DirtySessions {
    /// The session has changed.
    pub fn mark(&mut self, session: SessionId, now: Instant) {
        self.entries.entry(session).or_default().flush_by.get_or_insert(now + FLUSH_TIMEOUT);
    }

    /// The session has changed, or will, because of a message.
    pub fn mark_received(
        &mut self,
        session: SessionId,
        receipts: impl IntoIterator<Item = AckGuard>,
        now: Instant,
    ) {
        self.mark(session, now);
        self.entries.entry(session).or_default().ack_guards.extend(receipts);
    }

    /// What was saved as unheard is still to be told.
    pub fn mark_backlog(&mut self, session: SessionId) {
        self.entries.entry(session).or_default().flush_again = true;
    }

    /// Those that wait for the scribe wait no more.
    pub fn flush_now(&mut self, now: Instant) {
        self.next_flush = Some(now);
    }

    /// The sessions to be saved now. `appoint` says when the scribe writes next.
    pub fn ready(
        &mut self,
        all_is_told: bool,
        now: Instant,
        appoint: impl FnOnce() -> Instant,
    ) -> Vec<SessionId> {
        if self.entries.is_empty() || *self.next_flush.get_or_insert_with(appoint) > now {
            return Vec::new();
        }
        let told = |entry: &DirtyEntry| all_is_told && (entry.flush_by.is_some() || entry.flush_again);
        let ready = |entry: &DirtyEntry| told(entry) || entry.flush_by.is_some_and(|until| until <= now);
        self.entries.iter().filter(|(_, entry)| ready(entry)).map(|(session, _)| *session).collect()
    }

    /// When some are to be saved although nothing happens meanwhile.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        match self.next_flush {
            Some(at) if at > now => Some(at),
            _ => self.entries.values().filter_map(|entry| entry.flush_by).min(),
        }
    }

    /// The session is saved, or is not here any more; its receipts.
    pub fn take(&mut self, session: SessionId) -> Vec<AckGuard> {
        let receipts = self.entries.remove(&session).map(|entry| entry.ack_guards).unwrap_or_default();
        if self.entries.is_empty() {
            self.next_flush = None;
        }
        receipts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SessionId = SessionId(1);

    #[test]
    fn a_session_is_saved_when_all_is_told_or_its_patience_is_over() {
        let now = Instant::now();
        let mut unsaved = DirtySessions::default();
        unsaved.mark(ID, now);
        assert_eq!(unsaved.ready(true, now, || now), [ID]);
        assert_eq!(unsaved.ready(false, now, || now), []);
        unsaved.mark(ID, now + FLUSH_TIMEOUT / 2);
        assert_eq!(unsaved.due(now), Some(now + FLUSH_TIMEOUT));
        assert_eq!(unsaved.ready(false, now + FLUSH_TIMEOUT, || now), [ID]);
        unsaved.take(ID);
        assert_eq!(unsaved.ready(true, now + FLUSH_TIMEOUT, || now), []);
    }

    #[test]
    fn it_waits_for_the_scribe_and_is_then_saved_as_it_is() {
        let (now, soon) = (Instant::now(), Instant::now() + FLUSH_TIMEOUT / 100);
        let mut unsaved = DirtySessions::default();
        unsaved.mark(ID, now);
        assert_eq!((unsaved.ready(true, now, || soon), unsaved.due(now)), (vec![], Some(soon)));
        unsaved.mark(ID, now);
        assert_eq!(unsaved.ready(true, soon, || unreachable!()), [ID]);
        unsaved.take(ID);
        assert_eq!(unsaved.due(soon), None);
        unsaved.mark(ID, now);
        assert_eq!(unsaved.ready(true, now, || soon), []);
        unsaved.flush_now(now);
        assert_eq!(unsaved.ready(true, now, || soon), [ID]);
    }

    #[test]
    fn what_was_saved_as_unheard_is_saved_again_when_it_is_told() {
        let now = Instant::now();
        let mut unsaved = DirtySessions::default();
        unsaved.mark_backlog(ID);
        assert_eq!((unsaved.due(now), unsaved.ready(false, now + 2 * FLUSH_TIMEOUT, || now)), (None, vec![]));
        assert_eq!(unsaved.ready(true, now, || now), [ID]);
    }
}
