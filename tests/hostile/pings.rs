//! Very many websocket pings, pongs and empty fragments. None is a request, and each costs the edge as much.

use super::harness::{Fixture, open_websocket, pace};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

const SOCKETS: usize = 4;
/// Writes a second of each socket, and frames of each write.
const RATE: u32 = 50;
const FRAMES: usize = 2_000;

/// A frame without a payload, masked with zeros.
fn frames(first: u8) -> Vec<u8> {
    [first, 0x80, 0, 0, 0, 0].repeat(FRAMES)
}

/// Sends such frames, in a text without an end where they are fragments. The edge may close; then the attacker comes again.
async fn send_again(url: String, first: u8, reads: bool) {
    let frames = frames(first);
    let mut pace = pace(RATE);
    loop {
        let (mut reader, mut writer) = open_websocket(&url).await.into_split();
        let reading = tokio::spawn(async move {
            let mut discarded = [0; 4096];
            while reads && reader.read(&mut discarded).await.is_ok_and(|count| count > 0) {}
            reader
        });
        let mut is_open = writer.write_all(&[0x01, 0x80, 0, 0, 0, 0]).await.is_ok();
        while is_open {
            pace.tick().await;
            // A socket that the edge does not read takes no more.
            let written = timeout(Duration::from_secs(1), writer.write_all(&frames)).await;
            is_open = written.is_ok_and(|written| written.is_ok());
        }
        drop(writer);
        reading.abort();
    }
}

async fn withstand(name: &str, first: u8, reads: bool) {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut sockets = JoinSet::new();
        for _ in 0..SOCKETS {
            sockets.spawn(send_again(fixture.edge_url(0), first, reads));
        }
        while let Some(ended) = sockets.join_next().await {
            ended.unwrap();
        }
    };
    fixture.withstand(name, attack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_harm_no_call() {
    withstand("pings", 0x89, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_without_reading_harm_no_call() {
    withstand("pings without reading", 0x89, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_fragments_harm_no_call() {
    withstand("empty fragments", 0x00, true).await;
}
