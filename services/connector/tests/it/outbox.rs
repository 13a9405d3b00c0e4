//! The outbox with slow, missing and stopping services.

use bus::message::{
    Body, CallEvent, CallRecord, Change, ClientEvent, Deadline, Events, LegRef, Message, ProxyInvite,
    ProxyReply, StepDurations, Trickle,
};
use bus::topic::{Log, Mailbox, Queue};
use bus::{Bus, MAX_BACKLOG, MailboxReader};
use common::sync::Mutex;
use common::{CallId, ServiceId};
use connector::outbox::Outbox;
use connector::undelivered::{DeliveryGuard, Loss};
use protocol::{HandleId, HandleRef, SessionId, Side, raw};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How many messages wait for one destination.
const QUEUE: u64 = 8_192;

fn edge(name: &str) -> (ServiceId, Mailbox) {
    let edge = ServiceId::from(name);
    (edge.clone(), Mailbox::Edge(edge))
}

/// Events with a number, to recognize them.
fn numbered(number: u64) -> Events {
    let events = vec![ClientEvent::Core { janus: "webrtcup".to_owned(), fields: raw(&()) }];
    Events::for_handle(HandleRef { session: SessionId(number), handle: HandleId(1) }, events)
}

async fn receive(reader: &mut MailboxReader) -> Option<u64> {
    let message = timeout(Duration::from_secs(1), reader.next()).await.ok()?;
    reader.ack();
    match message.body {
        Body::Events(events) => Some(events.session.0),
        _ => None,
    }
}

async fn receive_all(reader: &mut MailboxReader, range: std::ops::Range<u64>) {
    for expected in range {
        assert_eq!(receive(reader).await, Some(expected));
    }
}

/// Records the losses that it is told.
#[derive(Clone, Default)]
struct Losses(Arc<Mutex<Vec<Loss>>>);

impl DeliveryGuard for Losses {
    fn on_loss(&self, loss: Loss) {
        self.0.lock().push(loss);
    }
}

impl Losses {
    fn take(&self) -> Vec<Loss> {
        std::mem::take(&mut self.0.lock())
    }
}

/// Events of about this size.
fn sized(bytes: usize) -> Events {
    let events = vec![ClientEvent::Core { janus: "media".to_owned(), fields: raw(&"x".repeat(bytes)) }];
    Events { events, ..numbered(0) }
}

#[tokio::test(start_paused = true)]
async fn each_lost_message_is_reported() {
    let bus = Bus::memory();
    let (outbox, losses) = (Outbox::new(bus.clone()), Losses::default());
    let ((there, mailbox), (gone, _)) = (edge("edge-1"), edge("edge-2"));
    let mut reader = bus.open(mailbox.clone()).await.unwrap();
    outbox.send(there.clone(), numbered(1), Box::new(losses.clone()));
    receive_all(&mut reader, 1..2).await;
    assert_eq!(losses.take(), []);
    outbox.send(there.clone(), sized(bus::MAX_PAYLOAD), Box::new(losses.clone()));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(losses.take(), [Loss::TooLarge]);
    outbox.send(gone.clone(), numbered(2), Box::new(losses.clone()));
    sleep(Duration::from_secs(6)).await;
    assert_eq!(losses.take(), [Loss::NoMailbox]);
    let leg = LegRef { call: CallId::fresh(), side: Side::Caller };
    let other = Message::new(Body::Trickle(Trickle { leg, candidates: Vec::new() }));
    for _ in 0..MAX_BACKLOG {
        bus.post(&mailbox, &other).await.unwrap();
    }
    outbox.send(there.clone(), numbered(3), Box::new(losses.clone()));
    let last = Events { change: Some(Change::Left), ..numbered(4) };
    outbox.send_last(there, last, Box::new(losses.clone())).await;
    sleep(Duration::from_secs(11)).await;
    assert_eq!(losses.take(), [Loss::StreamFull]);
    for _ in 0..MAX_BACKLOG {
        assert_eq!(receive(&mut reader).await, None, "a message from before");
    }
    receive_all(&mut reader, 4..5).await;
    assert_eq!(losses.take(), [], "the last events of a call wait for room");
}

#[tokio::test(start_paused = true)]
async fn queue_is_bounded_in_bytes_and_last_events_wait() {
    const SIZE: usize = 512 << 10;
    let (outbox, losses) = (Outbox::new(Bus::memory()), Losses::default());
    let (edge, _) = edge("edge-1");
    // The messages wait for the mailbox. The first ones are in the batch that is being posted.
    outbox.send(edge.clone(), numbered(0), Box::new(()));
    sleep(Duration::from_millis(10)).await;
    for _ in 0..100 {
        outbox.send(edge.clone(), sized(SIZE), Box::new(losses.clone()));
    }
    let refused = losses.take();
    assert!(refused.iter().all(|loss| *loss == Loss::OutboxFull));
    assert_eq!((100 - refused.len()) * SIZE, (16 << 20) - SIZE, "the bound in bytes");
    outbox.send(edge.clone(), numbered(1), Box::new(losses.clone()));
    assert_eq!(losses.take(), [], "a small message has room");
    for number in 0..QUEUE {
        outbox.send(edge.clone(), numbered(number), Box::new(()));
    }
    let last = outbox.send_last(edge, numbered(2), Box::new(losses.clone()));
    timeout(Duration::from_secs(20), last).await.unwrap();
    assert!(!losses.take().contains(&Loss::OutboxFull));
}

#[tokio::test(start_paused = true)]
async fn full_queue_drops_the_newest_and_affects_no_other_edge() {
    let bus = Bus::memory();
    let outbox = Outbox::new(bus.clone());
    let ((slow, slow_mailbox), (quick, quick_mailbox)) = (edge("edge-1"), edge("edge-2"));
    let mut quick_reader = bus.open(quick_mailbox).await.unwrap();
    for number in 0..QUEUE + 500 {
        outbox.send(slow.clone(), numbered(number), Box::new(()));
    }
    outbox.send(quick, numbered(7), Box::new(()));
    receive_all(&mut quick_reader, 7..8).await;
    let mut slow_reader = bus.open(slow_mailbox).await.unwrap();
    receive_all(&mut slow_reader, 0..QUEUE).await;
    assert_eq!(receive(&mut slow_reader).await, None);
    outbox.send(slow, numbered(5000), Box::new(()));
    receive_all(&mut slow_reader, 5000..5001).await;
}

#[tokio::test(start_paused = true)]
async fn restored_mailbox_gets_all_and_a_missing_one_blocks_nothing() {
    let bus = Bus::memory();
    let outbox = Outbox::new(bus.clone());
    let (edge, mailbox) = edge("edge-1");
    outbox.send(edge.clone(), numbered(0), Box::new(()));
    outbox.send(edge.clone(), numbered(1), Box::new(()));
    sleep(Duration::from_secs(4)).await;
    let mut reader = bus.open(mailbox.clone()).await.unwrap();
    receive_all(&mut reader, 0..2).await;
    drop(reader);
    bus.close(&mailbox).await.unwrap();
    outbox.send(edge.clone(), numbered(2), Box::new(()));
    sleep(Duration::from_secs(3)).await;
    outbox.send(edge, numbered(3), Box::new(()));
    sleep(Duration::from_secs(3)).await;
    let mut restored = bus.open(mailbox).await.unwrap();
    receive_all(&mut restored, 3..4).await;
}

#[tokio::test(start_paused = true)]
async fn messages_for_a_stalled_edge_expire() {
    let bus = Bus::memory();
    let outbox = Outbox::new(bus.clone());
    let (edge, mailbox) = edge("edge-1");
    let mut reader = bus.open(mailbox.clone()).await.unwrap();
    let leg = LegRef { call: CallId::fresh(), side: Side::Caller };
    let other = Message::new(Body::Trickle(Trickle { leg, candidates: Vec::new() }));
    for _ in 0..MAX_BACKLOG {
        bus.post(&mailbox, &other).await.unwrap();
    }
    outbox.send(edge.clone(), numbered(0), Box::new(()));
    sleep(Duration::from_secs(6)).await;
    outbox.send(edge, numbered(1), Box::new(()));
    sleep(Duration::from_secs(6)).await;
    for _ in 0..MAX_BACKLOG {
        assert_eq!(receive(&mut reader).await, None, "a message from before");
    }
    receive_all(&mut reader, 1..2).await;
}

#[tokio::test(start_paused = true)]
async fn flush_waits_only_for_reachable_edges() {
    let bus = Bus::memory();
    let outbox = Outbox::new(bus.clone());
    let ((there, mailbox), (gone, _)) = (edge("edge-1"), edge("edge-2"));
    let mut reader = bus.open(mailbox).await.unwrap();
    for number in 0..100 {
        outbox.send(there.clone(), numbered(number), Box::new(()));
        outbox.send(gone.clone(), numbered(number), Box::new(()));
    }
    outbox.log(CallRecord {
        call: CallId::fresh(),
        event: CallEvent::Ended,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: "a".into(),
        kind: None,
        reason: None,
        duration_ms: None,
        steps: StepDurations::default(),
    });
    timeout(Duration::from_secs(1), outbox.flush()).await.unwrap();
    receive_all(&mut reader, 0..100).await;
    assert_eq!(bus.tail(Log::Calls, 10).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rest_service_gets_its_replies_in_order() {
    let bus = Bus::memory();
    let outbox = Outbox::new(bus.clone());
    let rest = ServiceId::from("rest-1");
    let calls = [CallId::fresh(), CallId::fresh()];
    for call in calls {
        outbox.reply_to_rest(rest.clone(), ProxyReply { call, refusal: None }, Box::new(()));
    }
    sleep(Duration::from_secs(4)).await;
    let mut reader = bus.open(Mailbox::Rest(rest)).await.unwrap();
    for call in calls {
        let message = timeout(Duration::from_secs(1), reader.next()).await.unwrap();
        assert!(matches!(message.body, Body::ProxyReply(reply) if reply.call == call));
    }
}

#[tokio::test(start_paused = true)]
async fn invite_goes_to_one_rest_service_until_its_deadline() {
    let bus = Bus::memory();
    let outbox = Outbox::new(bus.clone());
    let mut worker = bus.join_workers(Queue::Proxies, "rest-1").await;
    let (call, deadline) = (CallId::fresh(), Some(Deadline::after(Duration::from_secs(8))));
    let invite = |id, text: &str| ProxyInvite {
        call: id,
        backend: "a".into(),
        backend_url: "ws://janus:8188".to_owned(),
        proxy: text.to_owned(),
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
    };
    outbox.invite_proxy(invite(CallId::fresh(), &"x".repeat(bus::MAX_PAYLOAD)), deadline);
    outbox.invite_proxy(invite(call, "http://proxy"), deadline);
    let delivery = timeout(Duration::from_secs(1), worker.next()).await.unwrap();
    let left = delivery.message.deadline.unwrap().remaining();
    assert!((Duration::from_secs(5)..=Duration::from_secs(8)).contains(&left), "{left:?}");
    assert!(
        matches!(&delivery.message.body, Body::ProxyInvite(sent) if sent.call == call),
        "the other invite is too large"
    );
}
