//! Malformed entries go to the dead log at once and delay nothing. On Redis only, where other programs can write.

use crate::redis_server::Server;
use crate::support::*;
use bus::Bus;
use bus::topic::Log;
use std::collections::BTreeMap;

const ID: &str = "0198d3a0-0000-7000-8000-000000000001";

async fn write_malformed(server: &Server, key: &str) {
    let entries: [&[(&[u8], &[u8])]; 5] = [
        &[(b"foo", b"bar")],
        &[(b"\xff\xfe", b"\x00\xff")],
        &[(b"id", b"no-uuid"), (b"kind", b"exists"), (b"payload", b"{}")],
        &[(b"id", ID.as_bytes()), (b"kind", b"dance"), (b"payload", b"{}")],
        &[(b"id", ID.as_bytes()), (b"kind", b"exists"), (b"payload", b"{\"from\":")],
    ];
    let mut connection = server.raw().await;
    for entry in entries {
        let mut add = redis::cmd("XADD");
        add.arg(key).arg("*");
        for (name, value) in entry {
            add.arg(*name).arg(*value);
        }
        let _: String = add.query_async(&mut connection).await.unwrap();
    }
}

async fn assert_dead_lettered(bus: &Bus, key: &str) {
    eventually("all are in the dead log", async || bus.tail(Log::Dead, 10).await.unwrap().len() == 5).await;
    let lines = bus.tail(Log::Dead, 10).await.unwrap();
    let lines: Vec<BTreeMap<_, _>> = lines.into_iter().map(|line| line.into_iter().collect()).collect();
    assert!(lines.iter().all(|line| line["stream"] == key));
    assert_eq!(lines[0]["foo"], "bar");
    assert!(lines[2]["error"].contains("id"), "{:?}", lines[2]);
    assert_eq!(lines[3]["error"], "unknown kind dance");
    assert!(lines[4]["error"].starts_with("payload"), "{:?}", lines[4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_dead_letters_malformed_entries() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut worker = bus.join_workers(QUEUE, "w1").await;
    write_malformed(&server, &QUEUE.key()).await;
    enqueue_all(&bus, 0..1).await;
    let delivery = take(&mut worker).await;
    assert_eq!(number(&delivery.message), 0);
    delivery.ack();
    assert_dead_lettered(&bus, &QUEUE.key()).await;
    eventually_empty(&bus, &QUEUE.key()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailbox_dead_letters_malformed_entries() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    write_malformed(&server, &mailbox().key()).await;
    post_all(&bus, 0..1).await;
    assert_eq!(read(&mut reader).await, 0);
    reader.ack();
    assert_dead_lettered(&bus, &mailbox().key()).await;
    eventually_empty(&bus, &mailbox().key()).await;
}
