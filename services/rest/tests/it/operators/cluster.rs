//! `/cluster`: one view of everything, shared by its readers.

use super::{call, send};
use crate::backends::announce;
use crate::harness::{Rest, start};
use bus::message::{Body, CallEvent, CallRecord, Canary, EndKind, Message, StepDurations};
use bus::topic::{Log, Mailbox, Queue};
use common::{BackendName, CallId, ServiceId};
use directory::listing::{Service, ServiceState};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// Longer than a response is cached.
const STALE: Duration = Duration::from_millis(600);

async fn read(rest: &Rest) -> Value {
    let response = send(rest, "GET", "/cluster", "").await;
    assert_eq!(response.status, 200, "{response:?}");
    response.body
}

fn stream(view: &Value, key: &str) -> Value {
    let streams = view["streams"].as_array().unwrap();
    streams.iter().find(|stream| stream["key"] == key).cloned().unwrap_or_default()
}

async fn log(rest: &Rest, event: CallEvent, end: Option<(&str, EndKind)>, duration_ms: Option<u64>) {
    let record = CallRecord {
        call: CallId::fresh(),
        event,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: BackendName::from("a"),
        kind: end.map(|(_, kind)| kind),
        reason: end.map(|(reason, _)| reason.to_owned()),
        duration_ms,
        steps: StepDurations::default(),
    };
    rest.context.bus.log_calls(&[record]).await.unwrap();
}

fn canary(rest: &Rest) -> Message {
    Message::new(Body::Canary(Canary { from: rest.context.id.clone(), stream: "x".to_owned(), number: 1 }))
}

#[tokio::test]
async fn empty_cluster_has_an_empty_view() {
    let rest = start().await;
    let view = read(&rest).await;
    assert_eq!((&view["services"], &view["backends"]), (&json!([]), &json!([])));
    assert_eq!(view["calls"]["now"], 0);
    let recent = &view["calls"]["recent"];
    assert_eq!((&recent["ended"], &recent["mean_duration_ms"]), (&json!(0), &json!(null)));
    assert_eq!(view["at"].as_u64().unwrap() - recent["since"].as_u64().unwrap(), 300_000);
}

#[tokio::test]
async fn streams_services_backends_and_calls_are_in_one_view() {
    let rest = start().await;
    let (bus, directory) = (&rest.context.bus, &rest.context.directory);
    let edge = Service {
        id: ServiceId::from("edge-1"),
        kind: "edge".to_owned(),
        version: "1.2.3".to_owned(),
        host: "h".to_owned(),
        since: 5,
        announced: 7,
        load: [("clients".to_owned(), 7)].into(),
        state: ServiceState::NotReady,
        complaint: Some("bus: refused".to_owned()),
        clock_skew_ms: Some(15_000),
    };
    directory.announce_service(&edge, Duration::from_secs(15)).await.unwrap();
    // A dead edge: not registered any more, with messages in its mailbox.
    directory.heartbeat(&ServiceId::from("edge-dead")).await.unwrap();
    announce(&rest, "a").await;
    directory.drain_backend(&BackendName::from("b")).await.unwrap();
    let backend = Mailbox::Backend(BackendName::from("a"));
    let mut readers = Vec::new();
    for mailbox in [Mailbox::Edge(edge.id.clone()), Mailbox::Edge(ServiceId::from("edge-dead")), backend] {
        readers.push(bus.open(mailbox.clone()).await.unwrap());
        bus.post(&mailbox, &canary(&rest)).await.unwrap();
    }
    bus.enqueue(Queue::Requests(0), &canary(&rest)).await.unwrap();
    call(&rest, ("carol", None), ("dave", None)).await;
    log(&rest, CallEvent::Ringing, None, None).await;
    log(&rest, CallEvent::Answered, None, None).await;
    log(&rest, CallEvent::Ended, Some(("maintenance", EndKind::Operator)), Some(40)).await;
    log(&rest, CallEvent::Ended, Some(("bye", EndKind::Hangup)), Some(60)).await;
    let view = read(&rest).await;
    assert_eq!(view["services"][0]["load"], json!({ "clients": 7 }));
    let service = &view["services"][0];
    assert_eq!((&service["state"], &service["complaint"]), (&json!("not ready"), &json!("bus: refused")));
    let backends = view["backends"].as_array().unwrap();
    assert_eq!(backends[0]["probe_ms"], 3);
    let names: Vec<_> = backends.iter().map(|it| (&it["name"], &it["calls"], &it["drained"])).collect();
    assert_eq!(names, [(&json!("a"), &json!(1), &json!(false)), (&json!("b"), &json!(0), &json!(true))]);
    for key in ["sb:{edge-1}", "sb:{edge-dead}", "sb:{backend:a}"] {
        let mailbox = stream(&view, key);
        assert_eq!((&mailbox["kind"], &mailbox["length"]), (&json!("mailbox"), &json!(1)), "{key}");
        assert!(mailbox["oldest_ms"].is_u64() && mailbox["consumers"].is_null(), "{mailbox}");
    }
    let queue = stream(&view, "sb:{requests:0}");
    assert_eq!((&queue["added"], &queue["pending"], &queue["consumers"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!(queue["redelivered"], 0);
    let log = stream(&view, Log::Calls.key());
    assert_eq!((&log["length"], &log["oldest_ms"]), (&json!(4), &json!(null)));
    assert_eq!(view["calls"]["now"], 1);
    let recent = &view["calls"]["recent"];
    assert_eq!((&recent["rang"], &recent["answered"], &recent["ended"]), (&json!(1), &json!(1), &json!(2)));
    assert_eq!(recent["reasons"], json!({ "hangup": 1, "operator": 1 }));
    assert_eq!(recent["mean_duration_ms"], 50);
    let codes: Vec<_> = view["findings"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    for code in ["role_missing", "service_not_ready", "backend_drained", "stream_orphaned"] {
        assert!(codes.contains(&&json!(code)), "{code}: {codes:?}");
    }
    assert_eq!(view["departed"], json!([]));
}

#[tokio::test]
async fn concurrent_readers_share_one_response() {
    let rest = start().await;
    let first = read(&rest).await;
    log(&rest, CallEvent::Ringing, None, None).await;
    let (one, two) = tokio::join!(read(&rest), read(&rest));
    assert_eq!((&one, &two), (&first, &first));
    sleep(STALE).await;
    let later = read(&rest).await;
    assert_eq!(later["calls"]["recent"]["rang"], 1);
}
