//! Recovery after Redis loses its data, closes connections, restarts or freezes.

use crate::redis_server::Server;
use crate::support::*;
use bus::message::Notice;
use bus::{Bus, MailboxReader, Notices, SendError, Worker};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// One reader of each kind.
struct Readers {
    bus: Bus,
    worker: Worker,
    mailbox: MailboxReader,
    notices: Notices,
}

impl Readers {
    async fn start(server: &Server) -> Self {
        let bus = server.bus().await;
        let worker = bus.join_workers(QUEUE, "w1").await;
        let mailbox = bus.open(mailbox()).await.unwrap();
        let notices = bus.subscribe().await;
        let mut readers = Self { bus, worker, mailbox, notices };
        readers.all_work(1).await;
        readers
    }

    /// Waits until everything that is sent arrives.
    async fn all_work(&mut self, number: u32) {
        self.queue_works(number).await;
        self.mailbox_works(number).await;
        self.notices_work(number).await;
    }

    async fn queue_works(&mut self, expected: u32) {
        let Self { bus, worker, .. } = self;
        let message = numbered(expected);
        eventually("the queue takes messages", async || bus.enqueue(QUEUE, &message).await.is_ok()).await;
        // A failed send may have arrived, so the message may arrive twice.
        loop {
            let delivery = take(worker).await;
            let found = number(&delivery.message);
            delivery.ack();
            if found == expected {
                return;
            }
        }
    }

    async fn mailbox_works(&mut self, expected: u32) {
        let Self { bus, mailbox: reader, .. } = self;
        let message = numbered(expected);
        eventually("the mailbox takes messages", async || bus.post(&mailbox(), &message).await.is_ok()).await;
        while read(reader).await != expected {}
        reader.ack();
    }

    /// Notices are lost until the subscription is restored.
    async fn notices_work(&mut self, number: u32) {
        let Self { bus, notices, .. } = self;
        let notice = Notice::NameDisplaced(number.to_string());
        eventually("the notice arrives", async || {
            let _ = bus.publish(&notice).await;
            matches!(timeout(Duration::from_millis(100), notices.next()).await, Ok(received) if received == notice)
        })
        .await;
    }

    async fn nothing_is_left(&mut self) {
        eventually_empty(&self.bus, &QUEUE.key()).await;
        // Messages that were read before the loss of the mailbox was noticed are read again.
        let (Self { bus, mailbox: reader, .. }, key) = (self, mailbox().key());
        let reading = async {
            loop {
                reader.next().await;
                reader.ack();
            }
        };
        tokio::select! {
            biased;
            () = eventually_empty(bus, &key) => {}
            () = reading => {}
        }
    }
}

async fn commands(server: &Server) -> u64 {
    let info: String = server.command("INFO stats").await;
    let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_after_a_flush() {
    let server = Server::start();
    let mut readers = Readers::start(&server).await;
    for round in 2..5 {
        let _: () = server.command("FLUSHALL").await;
        readers.all_work(round).await;
    }
    readers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_worker_does_not_spin_after_a_flush() {
    let server = Server::start();
    let mut readers = Readers::start(&server).await;
    let bus = readers.bus.clone();
    let waiting = tokio::spawn(async move { number(&take(&mut readers.worker).await.message) });
    sleep(Duration::from_millis(100)).await;
    let _: () = server.command("FLUSHALL").await;
    let before = commands(&server).await;
    sleep(Duration::from_secs(1)).await;
    let spent = commands(&server).await - before;
    assert!(spent < 60, "{spent} commands in a second of recovery");
    enqueue_all(&bus, 2..3).await;
    assert_eq!(waiting.await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailbox_is_read_when_ids_are_lower_after_a_flush() {
    let server = Server::start();
    let mut readers = Readers::start(&server).await;
    // The clock of the old Redis was ahead.
    let greater_id = format!("XADD {} 9999999999999-0 foo bar", mailbox().key());
    let _: String = server.command(&greater_id).await;
    readers.mailbox_works(2).await;
    let _: () = server.command("FLUSHALL").await;
    readers.mailbox_works(3).await;
    readers.mailbox_works(4).await;
    readers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_after_all_connections_are_killed() {
    let server = Server::start();
    let mut readers = Readers::start(&server).await;
    for round in 2..5 {
        let _: i64 = server.command("CLIENT KILL TYPE normal").await;
        let _: i64 = server.command("CLIENT KILL TYPE pubsub").await;
        readers.all_work(round).await;
    }
    readers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_sent_before_the_connections_died_arrive() {
    let server = Server::start();
    let mut readers = Readers::start(&server).await;
    enqueue_all(&readers.bus, 10..110).await;
    post_all(&readers.bus, 10..110).await;
    let _: i64 = server.command("CLIENT KILL TYPE normal").await;
    let mut handled: Vec<u32> = Vec::new();
    for expected in 10..110 {
        let delivery = take(&mut readers.worker).await;
        handled.push(number(&delivery.message));
        delivery.ack();
        assert_eq!(read(&mut readers.mailbox).await, expected);
    }
    readers.mailbox.ack();
    handled.sort_unstable();
    assert!(handled.into_iter().eq(10..110));
    readers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_after_a_restart() {
    let mut server = Server::start();
    let mut readers = Readers::start(&server).await;
    server.kill();
    let begun = Instant::now();
    let refused = readers.bus.enqueue(QUEUE, &numbered(0)).await;
    assert!(matches!(refused, Err(SendError::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // Long enough for every backoff to have grown.
    sleep(Duration::from_secs(4)).await;
    server.restart();
    let back = Instant::now();
    readers.all_work(2).await;
    assert!(back.elapsed() < Duration::from_secs(8), "{:?}", back.elapsed());
    readers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_to_a_frozen_server_fail_in_time() {
    let server = Server::start();
    let mut readers = Readers::start(&server).await;
    server.signal("STOP");
    let begun = Instant::now();
    let refused = readers.bus.enqueue(QUEUE, &numbered(2)).await;
    let after = begun.elapsed();
    server.signal("CONT");
    assert!(matches!(refused, Err(SendError::Unavailable(_))), "{refused:?}");
    assert!(after < Duration::from_secs(3), "{after:?}");
    readers.all_work(3).await;
    readers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acks_during_an_outage_are_sent_after_it() {
    let server = Server::start();
    let mut readers = Readers::start(&server).await;
    enqueue_all(&readers.bus, 10..20).await;
    let mut held = Vec::new();
    for _ in 10..20 {
        held.push(take(&mut readers.worker).await);
    }
    server.signal("STOP");
    held.into_iter().for_each(|delivery| delivery.ack());
    sleep(Duration::from_millis(2500)).await;
    server.signal("CONT");
    eventually_empty(&readers.bus, &QUEUE.key()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_contains_the_password() {
    let server = Server::start();
    let with_password = server.url().replace("redis://", "redis://someone:sesame@");
    let unreachable = "redis://someone:sesame@127.0.0.1:1/0";
    for url in [with_password.as_str(), unreachable, "redis//someone:sesame@host", "http://u:sesame@host"] {
        let error = Bus::redis(url).await.err().expect("no connection succeeds");
        let text = format!("{error} {error:?}");
        assert!(matches!(error, SendError::Unavailable(_)), "{text}");
        assert!(!text.contains("sesame"), "{text}");
    }
}
