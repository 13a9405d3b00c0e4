//! Test messages, and waiting for conditions.

use bus::message::{Address, Body, ClientRequest, Location, Message};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, Delivery, MailboxReader, Worker};
use common::ServiceId;
use protocol::{HandleId, Raw, SessionId};
use serde_json::value::RawValue;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

pub const QUEUE: Queue = Queue::Proxies;
/// The longest time for anything without a bound of its own.
pub const SOON: Duration = Duration::from_secs(10);

pub fn mailbox() -> Mailbox {
    Mailbox::Edge(ServiceId::from("edge-1"))
}

pub fn raw(json: &str) -> Raw {
    RawValue::from_string(json.to_owned()).unwrap()
}

pub fn address() -> Address {
    Address { edge: ServiceId::from("edge-1"), session: SessionId(1), handle: HandleId(2) }
}

/// A message with a number to recognise it by.
pub fn numbered(number: u32) -> Message {
    let transaction = number.to_string();
    Message::new(Body::Exists(ClientRequest {
        from: address(),
        transaction,
        body: raw("{}"),
        location: Location::default(),
        jsep: None,
        requested_at: None,
        failed: None,
    }))
}

pub fn number(message: &Message) -> u32 {
    match &message.body {
        Body::Exists(request) => request.transaction.parse().unwrap(),
        other => panic!("not a numbered message: {other:?}"),
    }
}

pub async fn enqueue_all(bus: &Bus, numbers: std::ops::Range<u32>) {
    for number in numbers {
        bus.enqueue(QUEUE, &numbered(number)).await.unwrap();
    }
}

pub async fn post_all(bus: &Bus, numbers: std::ops::Range<u32>) {
    for number in numbers {
        bus.post(&mailbox(), &numbered(number)).await.unwrap();
    }
}

pub async fn within<T>(bound: Duration, future: impl Future<Output = T>) -> T {
    timeout(bound, future).await.unwrap_or_else(|_| panic!("not within {bound:?}"))
}

pub async fn take(worker: &mut Worker) -> Delivery {
    within(SOON, worker.next()).await
}

pub async fn read(reader: &mut MailboxReader) -> u32 {
    number(&within(SOON, reader.next()).await)
}

/// Waits until the condition holds.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition().await {
        assert!(Instant::now() < deadline, "timed out: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

pub async fn eventually_empty(bus: &Bus, key: &str) {
    eventually("the backlog is empty", async || bus.backlog(key).await.unwrap() == 0).await;
}

/// Calls `call` for each number below `count`, many at a time.
pub async fn in_parallel(count: u32, call: impl AsyncFn(u32)) {
    let numbers = std::cell::RefCell::new(0..count);
    let lane = async || {
        loop {
            let next = numbers.borrow_mut().next();
            match next {
                Some(number) => call(number).await,
                None => return,
            }
        }
    };
    let mut lanes: Vec<_> = (0..64).map(|_| Box::pin(lane())).collect();
    futures_util::future::join_all(lanes.drain(..)).await;
}
