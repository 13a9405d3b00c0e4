//! Sending, reading and acknowledging: one message at a time for the latency, and [`MANY`] at once for the throughput.

use crate::sample;
use bus::message::Message;
use bus::topic::{Mailbox, Queue};
use bus::{Bus, MailboxReader, SendError, Worker};
use common::ServiceId;
use criterion::{Criterion, Throughput};
use futures_util::future::{join, join_all};
use std::time::{Duration, Instant};
use testkit::Redis;
use tokio::runtime::Runtime;

const MANY: usize = 64;

/// A stream with its reader.
enum Stream {
    Mailbox(Mailbox, MailboxReader),
    Queue(Queue, Worker),
}

pub fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    measure_on(&Bus::memory(), "memory", &runtime, criterion);
    let server = runtime.block_on(Redis::start());
    let bus = runtime.block_on(Bus::redis(&server.url())).unwrap();
    measure_on(&bus, "redis", &runtime, criterion);
}

fn measure_on(bus: &Bus, bus_name: &str, runtime: &Runtime, criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("bus/{bus_name}"));
    let (mailbox, queue) = runtime.block_on(streams(bus));
    for (name, mut stream, message) in
        [("mailbox", mailbox, sample::incoming_call()), ("queue", queue, sample::call())]
    {
        for at_once in [1, MANY] {
            group.throughput(Throughput::Elements(at_once as u64));
            group.bench_function(format!("{name}/{at_once}"), |bencher| {
                bencher.iter_custom(|times| {
                    runtime.block_on(time(times, async || stream.pass(bus, &message, at_once).await))
                });
            });
        }
    }
}

async fn streams(bus: &Bus) -> (Stream, Stream) {
    let (mailbox, queue) = (Mailbox::Edge(ServiceId::from("edge-1")), Queue::Requests(0));
    let reader = bus.open(mailbox.clone()).await.unwrap();
    (Stream::Mailbox(mailbox, reader), Stream::Queue(queue, bus.join_workers(queue, "worker-1").await))
}

async fn time(times: u64, mut step: impl AsyncFnMut()) -> Duration {
    let begun = Instant::now();
    for _ in 0..times {
        step().await;
    }
    begun.elapsed()
}

impl Stream {
    /// Sends `at_once` messages and reads them.
    async fn pass(&mut self, bus: &Bus, message: &Message, at_once: usize) {
        match self {
            Self::Mailbox(mailbox, reader) => {
                let read = async || {
                    reader.next().await;
                    reader.ack();
                };
                both(at_once, async || bus.post(mailbox, message).await, read).await;
            }
            Self::Queue(queue, worker) => {
                let read = async || worker.next().await.ack();
                both(at_once, async || bus.enqueue(*queue, message).await, read).await;
            }
        }
    }
}

async fn both(at_once: usize, send: impl AsyncFn() -> Result<(), SendError>, mut read: impl AsyncFnMut()) {
    let reads = async {
        for _ in 0..at_once {
            read().await;
        }
    };
    let (sent, ()) = join(join_all((0..at_once).map(|_| send())), reads).await;
    sent.into_iter().for_each(|sent| sent.unwrap());
}
