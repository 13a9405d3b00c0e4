//! The sessions of a connection that are to go to the scribe, when it next writes: what changes before
//! that is written once. What a client was told counts as heard once the operating system has it; so while
//! the socket has more to write they wait for that, but no longer than [`PATIENCE`].

use bus::ledger::Receipt;
use protocol::SessionId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a session waits for its client to be told everything.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sessions that are not as they were written down.
#[derive(Default)]
pub struct Unsaved {
    entries: BTreeMap<SessionId, Entry>,
    /// When the scribe wants them.
    appointment: Option<Instant>,
}

#[derive(Default)]
struct Entry {
    /// When it is to be saved, whatever its client has been told; none for one that was saved.
    until: Option<Instant>,
    /// It is to be saved once more when its client has been told what was saved as unheard.
    once_more: bool,
    /// For the messages that have reached it.
    receipts: Vec<Receipt>,
}

impl Unsaved {
    /// The session has changed.
    pub fn note(&mut self, session: SessionId, now: Instant) {
        self.entries.entry(session).or_default().until.get_or_insert(now + PATIENCE);
    }

    /// The session has changed, or will, because of a message.
    pub fn receive(&mut self, session: SessionId, receipts: impl IntoIterator<Item = Receipt>, now: Instant) {
        self.note(session, now);
        self.entries.entry(session).or_default().receipts.extend(receipts);
    }

    /// What was saved as unheard is still to be told.
    pub fn note_unheard(&mut self, session: SessionId) {
        self.entries.entry(session).or_default().once_more = true;
    }

    /// Those that wait for the scribe wait no more.
    pub fn hurry(&mut self, now: Instant) {
        self.appointment = Some(now);
    }

    /// The sessions to be saved now. `appoint` says when the scribe writes next.
    pub fn ready(
        &mut self,
        all_is_told: bool,
        now: Instant,
        appoint: impl FnOnce() -> Instant,
    ) -> Vec<SessionId> {
        if self.entries.is_empty() || *self.appointment.get_or_insert_with(appoint) > now {
            return Vec::new();
        }
        let told = |entry: &Entry| all_is_told && (entry.until.is_some() || entry.once_more);
        let ready = |entry: &Entry| told(entry) || entry.until.is_some_and(|until| until <= now);
        self.entries.iter().filter(|(_, entry)| ready(entry)).map(|(session, _)| *session).collect()
    }

    /// When some are to be saved although nothing happens meanwhile.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        match self.appointment {
            Some(at) if at > now => Some(at),
            _ => self.entries.values().filter_map(|entry| entry.until).min(),
        }
    }

    /// The session is saved, or is not here any more; its receipts.
    pub fn take(&mut self, session: SessionId) -> Vec<Receipt> {
        let receipts = self.entries.remove(&session).map(|entry| entry.receipts).unwrap_or_default();
        if self.entries.is_empty() {
            self.appointment = None;
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
        let mut unsaved = Unsaved::default();
        unsaved.note(ID, now);
        assert_eq!(unsaved.ready(true, now, || now), [ID]);
        assert_eq!(unsaved.ready(false, now, || now), []);
        unsaved.note(ID, now + PATIENCE / 2);
        assert_eq!(unsaved.due(now), Some(now + PATIENCE));
        assert_eq!(unsaved.ready(false, now + PATIENCE, || now), [ID]);
        unsaved.take(ID);
        assert_eq!(unsaved.ready(true, now + PATIENCE, || now), []);
    }

    #[test]
    fn it_waits_for_the_scribe_and_is_then_saved_as_it_is() {
        let (now, soon) = (Instant::now(), Instant::now() + PATIENCE / 100);
        let mut unsaved = Unsaved::default();
        unsaved.note(ID, now);
        assert_eq!((unsaved.ready(true, now, || soon), unsaved.due(now)), (vec![], Some(soon)));
        unsaved.note(ID, now);
        assert_eq!(unsaved.ready(true, soon, || unreachable!()), [ID]);
        unsaved.take(ID);
        assert_eq!(unsaved.due(soon), None);
        unsaved.note(ID, now);
        assert_eq!(unsaved.ready(true, now, || soon), []);
        unsaved.hurry(now);
        assert_eq!(unsaved.ready(true, now, || soon), [ID]);
    }

    #[test]
    fn what_was_saved_as_unheard_is_saved_again_when_it_is_told() {
        let now = Instant::now();
        let mut unsaved = Unsaved::default();
        unsaved.note_unheard(ID);
        assert_eq!((unsaved.due(now), unsaved.ready(false, now + 2 * PATIENCE, || now)), (None, vec![]));
        assert_eq!(unsaved.ready(true, now, || now), [ID]);
    }
}
