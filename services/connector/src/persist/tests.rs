//! What is written to the directory, and when. Time is paused.

use super::recovery::{ConnectorRecord, connector_record};
use super::writer::{CallWriter, FLUSH_INTERVAL, NotifyGuard, RECORD_REFRESH_INTERVAL};
use crate::calls::action::SaveCall;
use bus::ack_tracker::AckTracker;
use bus::message::{Body, LegRef, Message};
use bus::topic::Mailbox;
use bus::{Bus, MailboxReader};
use common::{CallId, ServiceId};
use directory::Directory;
use directory::record::{Call, CallParty, FencingToken, Owner};
use futures_util::FutureExt;
use protocol::{HandleId, HandleRef, SessionId, Side};
use std::time::Duration;
use tokio::time::{sleep, timeout};

struct Harness {
    directory: Directory,
    writer: CallWriter,
    mailbox: MailboxReader,
    tracker: AckTracker,
    call: CallId,
}

fn call(id: CallId) -> Call {
    let party = |name: &str, number| CallParty {
        username: name.to_owned(),
        owner: Some(Owner {
            edge: ServiceId::from("edge-1"),
            handle: HandleRef { session: SessionId(number), handle: HandleId(number) },
        }),
    };
    Call { id, backend: "a".into(), caller: party("alice", 1), callee: party("bob", 2), opened: 0 }
}

impl Harness {
    async fn new() -> Self {
        let (directory, bus, id) = (Directory::memory(), Bus::memory(), CallId::fresh());
        directory.open_call(&call(id)).await.unwrap();
        let mailbox = bus.open(Mailbox::Backend("a".into())).await.unwrap();
        for _ in 0..3 {
            let hangup = Body::Hangup(LegRef { call: id, side: Side::Caller });
            bus.post(&Mailbox::Backend("a".into()), &Message::new(hangup)).await.unwrap();
        }
        let connector = ServiceId::from("c");
        let writer = CallWriter::start(directory.clone(), "a".into(), connector, FencingToken(1));
        Self { directory, writer, mailbox, tracker: AckTracker::default(), call: id }
    }

    fn notify_guard(&self) -> NotifyGuard {
        self.writer.notify_guard(self.call)
    }

    /// Saves a state that follows from the next message of the mailbox.
    async fn save(&mut self, state: &str) {
        self.mailbox.next().await;
        let acks = vec![self.tracker.track(self.mailbox.offset().unwrap())];
        self.writer.save(SaveCall { call: self.call, state: state.to_owned(), acks });
    }

    async fn written(&self) -> Option<String> {
        let calls = self.directory.orphaned_calls(&"a".into()).await.unwrap();
        calls.into_iter().find(|orphaned| orphaned.call.id == self.call).and_then(|orphaned| orphaned.state)
    }

    fn is_acked(&self) -> bool {
        self.tracker.acked_through().now_or_never() == self.mailbox.offset()
    }
}

#[tokio::test(start_paused = true)]
async fn state_is_written_after_its_events_are_sent() {
    let mut harness = Harness::new().await;
    let (first, second) = (harness.notify_guard(), harness.notify_guard());
    harness.save("one").await;
    drop(first);
    sleep(FLUSH_INTERVAL).await;
    assert_eq!((harness.written().await, harness.is_acked()), (None, false));
    drop(second);
    harness.writer.flushed().await;
    assert_eq!((harness.written().await.as_deref(), harness.is_acked()), (Some("one"), true));
}

#[tokio::test(start_paused = true)]
async fn latest_state_is_written_and_all_messages_are_acked() {
    let mut harness = Harness::new().await;
    let guard = harness.notify_guard();
    harness.save("one").await;
    harness.save("two").await;
    drop(guard);
    harness.writer.flushed().await;
    assert_eq!((harness.written().await.as_deref(), harness.is_acked()), (Some("two"), true));
}

#[tokio::test(start_paused = true)]
async fn removed_call_returns_its_acks() {
    let mut harness = Harness::new().await;
    let _guard = harness.notify_guard();
    harness.save("one").await;
    let acks = harness.writer.remove(harness.call);
    sleep(FLUSH_INTERVAL).await;
    assert_eq!((acks.len(), harness.written().await, harness.is_acked()), (1, None, false));
    drop(acks);
    assert!(harness.is_acked());
}

#[tokio::test(start_paused = true)]
async fn ended_call_is_reported() {
    let mut harness = Harness::new().await;
    harness.directory.end_call(harness.call, Some(FencingToken(1)), Some("{}")).await.unwrap();
    harness.save("one").await;
    assert_eq!(harness.writer.next_ended().await, harness.call);
}

#[tokio::test(start_paused = true)]
async fn lost_call_is_not_reported_as_ended() {
    let mut harness = Harness::new().await;
    harness.directory.release_call(harness.call).await.unwrap();
    harness.save("one").await;
    assert!(timeout(Duration::from_secs(10), harness.writer.next_ended()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn call_lost_by_the_directory_is_restored() {
    let harness = Harness::new().await;
    harness.directory.release_call(harness.call).await.unwrap();
    harness.writer.enter_term(FencingToken(2));
    harness.writer.restore(Box::new(call(harness.call)), "one".to_owned());
    harness.writer.flushed().await;
    assert_eq!(harness.written().await.as_deref(), Some("one"));
    let handle = harness.directory.handle(call(harness.call).handles().next().unwrap()).await.unwrap();
    assert!(handle.is_none_or(|handle| handle.call == Some(harness.call)));
}

#[tokio::test(start_paused = true)]
async fn connector_record_is_written_on_change_and_refreshed() {
    let harness = Harness::new().await;
    harness.writer.set_sessions(vec![7]);
    harness.writer.flushed().await;
    let record = async || connector_record(&harness.directory, &"a".into()).await.unwrap();
    let expected = ConnectorRecord { connector: ServiceId::from("c"), sessions: vec![7] };
    assert_eq!(record().await, Some(expected));
    sleep(directory::CONNECTOR_RECORD_TTL + RECORD_REFRESH_INTERVAL).await;
    assert!(record().await.is_some());
}
