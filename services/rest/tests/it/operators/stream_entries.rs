//! The entries of a stream and their redaction.

use super::{is_refused, send, send_with};
use crate::harness::{Rest, start, start_with};
use bus::message::{Body, Message, Release, Trickle};
use bus::topic::{Mailbox, Queue};
use common::{BackendName, CallId};
use protocol::{HandleId, HandleRef, SessionId, Side};
use rest::Options;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use service::Secret;
use std::time::Duration;

const QUEUE: &str = "/streams/sb%3A%7Brequests%3A0%7D/entries";
const BACKEND: &str = "/streams/sb%3A%7Bbackend%3Aa%7D/entries";

fn release(number: u64) -> Message {
    let who = HandleRef { session: SessionId(number), handle: HandleId(1) };
    Message::new(Body::Release(Release { who, notify: None }))
}

async fn trickle(rest: &Rest) -> bus::MailboxReader {
    let mailbox = Mailbox::Backend(BackendName::from("a"));
    let reader = rest.context.bus.open(mailbox.clone()).await.unwrap();
    let candidate = r#"{"candidate":"candidate:1 1 udp 1 192.0.2.7 9 typ host"}"#.to_owned();
    let leg = bus::message::LegRef { call: CallId::fresh(), side: Side::Caller };
    let candidates = vec![RawValue::from_string(candidate).unwrap()];
    let message = Message::new(Body::Trickle(Trickle { leg, candidates }));
    rest.context.bus.post(&mailbox, &message).await.unwrap();
    reader
}

fn sessions(response: &Value) -> Vec<u64> {
    let entries = response["entries"].as_array().unwrap().iter();
    entries.map(|entry| entry["fields"]["payload"]["who"]["session"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn newest_entries_are_shown_and_kept() {
    let rest = start().await;
    is_refused(&rest, "GET", QUEUE, "", 404).await;
    for number in 1..=3 {
        rest.context.bus.enqueue(Queue::Requests(0), &release(number)).await.unwrap();
    }
    for _ in 0..2 {
        let response = send(&rest, "GET", &format!("{QUEUE}?limit=2"), "").await.body;
        assert_eq!((&response["key"], sessions(&response)), (&json!("sb:{requests:0}"), vec![2, 3]));
        assert_eq!(response["entries"][0]["fields"]["kind"], "release");
    }
}

#[tokio::test]
async fn entries_added_during_the_wait_are_shown() {
    let rest = start().await;
    let mut worker = rest.context.bus.join_workers(Queue::Requests(0), "w").await;
    let add = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        rest.context.bus.enqueue(Queue::Requests(0), &release(7)).await.unwrap();
        worker.next().await.ack();
    };
    let path = format!("{QUEUE}?wait_ms=300");
    let (response, ()) = tokio::join!(send(&rest, "GET", &path, ""), add);
    assert_eq!(sessions(&response.body), [7]);
}

#[tokio::test]
async fn addresses_of_browsers_are_shown_in_full_only() {
    let rest = start().await;
    let _reader = trickle(&rest).await;
    let redacted = send(&rest, "GET", BACKEND, "").await.body.to_string();
    assert!(!redacted.contains("192.0.2.7") && redacted.contains("... (40 bytes)"), "{redacted}");
    let full = format!("{BACKEND}?full=true");
    let seen = send(&rest, "GET", &full, "").await.body.to_string();
    assert!(seen.contains("192.0.2.7"), "{seen}");
    for (header, status) in [
        ("Origin: http://evil.example", 403),
        ("Origin: http://localhost", 200),
        ("X-Forwarded-For: 10.0.0.1", 200),
    ] {
        assert_eq!(send_with(&rest, "GET", &full, header, "").await.status, 403, "{header}");
        assert_eq!(send_with(&rest, "GET", BACKEND, header, "").await.status, status, "{header}");
    }
}

#[tokio::test]
async fn entries_need_the_secret() {
    let rest = start_with(Options { rest_secret: Some(Secret::from("hunter2")), ..Options::default() }).await;
    let _reader = trickle(&rest).await;
    let full = format!("{BACKEND}?full=true");
    for (header, status) in [("Authorization: Bearer hunter", 401), ("Authorization: Bearer hunter2", 200)] {
        for path in [BACKEND, &full] {
            assert_eq!(send_with(&rest, "GET", path, header, "").await.status, status, "{path}");
        }
    }
}

#[tokio::test]
async fn unknown_streams_and_invalid_queries_are_refused() {
    let rest = start().await;
    for key in ["sb%3Asession%3A1", "x", "januscloud%3Avideocall_users%3Aalice"] {
        is_refused(&rest, "GET", &format!("/streams/{key}/entries"), "", 404).await;
    }
    for query in ["limit=0", "limit=101", "wait_ms=9999", "full=maybe", "x=1"] {
        is_refused(&rest, "GET", &format!("{QUEUE}?{query}"), "", 400).await;
    }
    is_refused(&rest, "GET", "/streams/a%0Ab/entries", "", 400).await;
}
