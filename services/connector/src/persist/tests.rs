//! What is written down, and when; time stands still but for what is waited for.

use super::recovery::{ConnectorRecord, connector_record};
use super::writer::{CallWriter, FLUSH_INTERVAL, RECORD_REFRESH_INTERVAL};
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
use tokio::time::sleep;

struct Bench {
    directory: Directory,
    scribe: CallWriter,
    mailbox: MailboxReader,
    ledger: AckTracker,
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

impl Bench {
    async fn new() -> Self {
        let (directory, bus, id) = (Directory::memory(), Bus::memory(), CallId::fresh());
        directory.open_call(&call(id)).await.unwrap();
        let mailbox = bus.open(Mailbox::Backend("a".into())).await.unwrap();
        for _ in 0..3 {
            let hangup = Body::Hangup(LegRef { call: id, side: Side::Caller });
            bus.post(&Mailbox::Backend("a".into()), &Message::new(hangup)).await.unwrap();
        }
        let scribe = CallWriter::start(directory.clone(), "a".into(), ServiceId::from("c"), FencingToken(1));
        Self { directory, scribe, mailbox, ledger: AckTracker::default(), call: id }
    }

    async fn save(&mut self, state: &str) {
        self.mailbox.next().await;
        let receipts = vec![self.ledger.track(self.mailbox.offset().unwrap())];
        self.scribe.save(SaveCall { call: self.call, state: state.to_owned(), acks: receipts });
    }

    async fn written(&self) -> Option<String> {
        let left = self.directory.orphaned_calls(&"a".into()).await.unwrap();
        left.into_iter().find(|left| left.call.id == self.call).and_then(|left| left.state)
    }

    fn is_done(&self) -> bool {
        self.ledger.acked_through().now_or_never() == self.mailbox.offset()
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_waits_until_its_clients_are_told_and_then_its_messages_are_done() {
    let mut bench = Bench::new().await;
    let (first, second) = (bench.scribe.notify_guard(bench.call), bench.scribe.notify_guard(bench.call));
    bench.save("one").await;
    drop(first);
    sleep(FLUSH_INTERVAL).await;
    assert_eq!((bench.written().await, bench.is_done()), (None, false));
    drop(second);
    bench.scribe.flushed().await;
    assert_eq!((bench.written().await.as_deref(), bench.is_done()), (Some("one"), true));
}

#[tokio::test(start_paused = true)]
async fn of_a_call_the_latest_state_is_written_and_all_its_messages_are_done() {
    let mut bench = Bench::new().await;
    let telling = bench.scribe.notify_guard(bench.call);
    bench.save("one").await;
    bench.save("two").await;
    drop(telling);
    bench.scribe.flushed().await;
    assert_eq!((bench.written().await.as_deref(), bench.is_done()), (Some("two"), true));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_written_yet_of_a_call_that_ends_goes_with_its_end() {
    let mut bench = Bench::new().await;
    let _telling = bench.scribe.notify_guard(bench.call);
    bench.save("one").await;
    let receipts = bench.scribe.remove(bench.call);
    sleep(FLUSH_INTERVAL).await;
    assert_eq!((receipts.len(), bench.written().await, bench.is_done()), (1, None, false));
    drop(receipts);
    assert!(bench.is_done());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_ended_by_another_is_heard_of_and_one_that_is_lost_is_not() {
    let mut bench = Bench::new().await;
    bench.directory.end_call(bench.call, Some(FencingToken(1)), Some("{}")).await.unwrap();
    bench.save("one").await;
    assert_eq!(bench.scribe.next_ended().await, bench.call);

    let mut bench = Bench::new().await;
    bench.directory.release_call(bench.call).await.unwrap();
    bench.save("one").await;
    assert!(tokio::time::timeout(Duration::from_secs(10), bench.scribe.next_ended()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_directory_has_lost_is_written_down_as_a_whole() {
    let bench = Bench::new().await;
    bench.directory.release_call(bench.call).await.unwrap();
    bench.scribe.enter_term(FencingToken(2));
    bench.scribe.restore(Box::new(call(bench.call)), "one".to_owned());
    bench.scribe.flushed().await;
    assert_eq!(bench.written().await.as_deref(), Some("one"));
    let handle = bench.directory.handle(call(bench.call).handles().next().unwrap()).await.unwrap();
    assert!(handle.is_none_or(|handle| handle.call == Some(bench.call)));
}

#[tokio::test(start_paused = true)]
async fn the_note_is_written_when_it_changes_and_again_before_it_is_forgotten() {
    let bench = Bench::new().await;
    bench.scribe.set_sessions(vec![7]);
    bench.scribe.flushed().await;
    let noted = async || connector_record(&bench.directory, &"a".into()).await.unwrap();
    assert_eq!(noted().await, Some(ConnectorRecord { connector: ServiceId::from("c"), sessions: vec![7] }));
    sleep(directory::CONNECTOR_RECORD_TTL + RECORD_REFRESH_INTERVAL).await;
    assert!(noted().await.is_some());
}
