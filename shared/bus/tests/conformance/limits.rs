//! The bounds of messages and streams, and that nothing is left behind.

use crate::on_both;
use crate::redis_server::Server;
use crate::support::*;
use bus::message::{Body, Message, Party, Place, Trickle};
use bus::{
    Bus, MAX_BACKLOG, MAX_MAILBOX_BYTES, MAX_PAYLOAD, MAX_REQUEST_BYTES, OVERLOADED_MAILBOX, SendError,
};
use common::{CallId, MessageId};
use protocol::Side;

on_both![
    refuse_too_large_messages,
    refuse_messages_to_a_full_queue,
    refuse_messages_to_a_full_mailbox,
    refuse_new_calls_first,
    bound_the_bytes_of_a_stream,
];

fn sized(bytes: usize) -> Message {
    let leg = bus::message::LegRef { call: CallId::from(MessageId::fresh()), side: Side::Caller };
    let candidates = vec![raw(&format!("\"{}\"", "x".repeat(bytes)))];
    Message::new(Body::Trickle(Trickle { leg, candidates }))
}

async fn refuse_too_large_messages(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    for refused in
        [bus.enqueue(QUEUE, &sized(MAX_PAYLOAD)).await, bus.post(&mailbox(), &sized(MAX_PAYLOAD)).await]
    {
        assert!(matches!(refused, Err(SendError::TooLarge)), "{refused:?}");
    }
    bus.post(&mailbox(), &sized(MAX_PAYLOAD - 200)).await.unwrap();
    within(SOON, reader.next()).await;
}

async fn refuse_messages_to_a_full_queue(bus: Bus) {
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    in_parallel(MAX_BACKLOG as u32, async |number| bus.enqueue(QUEUE, &numbered(number)).await.unwrap())
        .await;
    let refused = bus.enqueue(QUEUE, &numbered(0)).await;
    assert!(matches!(refused, Err(SendError::Full)), "{refused:?}");
    // A pending message counts, an acknowledged one does not.
    let delivery = take(&mut worker).await;
    let still_refused = bus.enqueue(QUEUE, &numbered(0)).await;
    assert!(matches!(still_refused, Err(SendError::Full)), "{still_refused:?}");
    delivery.ack();
    eventually("there is room", async || bus.enqueue(QUEUE, &numbered(0)).await.is_ok()).await;
}

async fn refuse_messages_to_a_full_mailbox(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    let post = async |number| bus.post(&mailbox(), &numbered(number)).await.unwrap();
    in_parallel(MAX_BACKLOG as u32, post).await;
    let refused = bus.post(&mailbox(), &numbered(0)).await;
    assert!(matches!(refused, Err(SendError::Full)), "{refused:?}");
    within(SOON, reader.next()).await;
    reader.ack();
    eventually("there is room", async || bus.post(&mailbox(), &numbered(0)).await.is_ok()).await;
}

async fn refuse_new_calls_first(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    let (place, other) = (place(None), numbered(0));
    in_parallel(OVERLOADED_MAILBOX as u32 - 1, async |_| bus.post(&mailbox(), &other).await.unwrap()).await;
    bus.post(&mailbox(), &place).await.unwrap();
    let refused = bus.post(&mailbox(), &place).await;
    assert!(matches!(refused, Err(SendError::Full)), "{refused:?}");
    assert!(bus.is_overloaded(&mailbox()));
    bus.post(&mailbox(), &other).await.unwrap();
    for _ in 0..2 {
        within(SOON, reader.next()).await;
    }
    reader.ack();
    eventually("there is room", async || !bus.is_overloaded(&mailbox())).await;
    eventually("a call is accepted", async || bus.post(&mailbox(), &place).await.is_ok()).await;
}

/// Large messages are refused at fewer entries, so that neither a queue nor a mailbox takes more bytes. Then small
/// messages are still accepted, and calls are refused before other messages.
async fn bound_the_bytes_of_a_stream(bus: Bus) {
    const SIZE: usize = 256 << 10;
    let _reader = bus.open(mailbox()).await.unwrap();
    let large_call = place(Some(raw(&format!("\"{}\"", "x".repeat(SIZE)))));
    assert_fits(MAX_REQUEST_BYTES, SIZE, async || bus.post(&mailbox(), &large_call).await).await;
    assert_fits(MAX_MAILBOX_BYTES - MAX_REQUEST_BYTES, SIZE, async || {
        bus.post(&mailbox(), &sized(SIZE)).await
    })
    .await;
    bus.post(&mailbox(), &place(None)).await.unwrap();
    let mut request = numbered(0);
    let Body::Exists(exists) = &mut request.body else { unreachable!() };
    exists.body = raw(&format!("\"{}\"", "x".repeat(SIZE)));
    assert_fits(MAX_REQUEST_BYTES, SIZE, async || bus.enqueue(QUEUE, &request).await).await;
    bus.enqueue(QUEUE, &numbered(1)).await.unwrap();
}

/// Sends messages of this size until one is refused, and checks their bytes.
async fn assert_fits(limit: usize, size: usize, send: impl AsyncFn() -> Result<(), SendError>) {
    let mut sent = 0;
    let refused = loop {
        match send().await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SendError::Full), "{refused:?}");
    assert!(sent * size <= limit && (sent + 2) * size > limit, "{sent} messages of {size} bytes");
}

fn place(offer: Option<protocol::Raw>) -> Message {
    let party = || Party { username: "alice".to_owned(), address: Some(address()) };
    let (call, transaction) = (CallId::from(MessageId::fresh()), String::new());
    let place = Place {
        call,
        caller: party(),
        callee: party(),
        transaction,
        offer,
        proxy_side: None,
        timestamps: None,
        request: None,
        fallback: None,
    };
    Message::new(Body::Place(place))
}

const MANY: u32 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_leaves_nothing_in_redis() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    let working = async {
        for _ in 0..MANY {
            take(&mut worker).await.ack();
        }
    };
    let sending = in_parallel(MANY, async |number| {
        send_when_there_is_room(async || bus.enqueue(QUEUE, &numbered(number)).await).await
    });
    tokio::join!(working, sending);
    assert_small(&server, &bus, &QUEUE.key()).await;
    let pending: ::redis::Value = server.command(&format!("XPENDING {} workers", QUEUE.key())).await;
    assert!(
        matches!(&pending, ::redis::Value::Array(parts) if parts[0] == ::redis::Value::Int(0)),
        "{pending:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailbox_leaves_nothing_in_redis() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    let reading = async {
        for _ in 0..MANY {
            within(SOON, reader.next()).await;
            reader.ack();
        }
    };
    let sending = in_parallel(MANY, async |number| {
        send_when_there_is_room(async || bus.post(&mailbox(), &numbered(number)).await).await
    });
    tokio::join!(reading, sending);
    assert_small(&server, &bus, &mailbox().key()).await;
}

async fn send_when_there_is_room(send: impl AsyncFn() -> Result<(), SendError>) {
    while let Err(error) = send().await {
        assert!(matches!(error, SendError::Full), "{error}");
        tokio::task::yield_now().await;
    }
}

async fn assert_small(server: &Server, bus: &Bus, key: &str) {
    eventually_empty(bus, key).await;
    let bytes: u64 = server.command(&format!("MEMORY USAGE {key}")).await;
    assert!(bytes < 50_000, "{bytes} bytes are left");
}
