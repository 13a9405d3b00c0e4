//! Views of a cluster, one second apart, and the findings of the last one.

use super::super::history::Departure;
use super::*;
use common::{BackendName, ServiceId};

const NOW: u64 = 1_795_333_128_000;

/// A view of a cluster, in which every service has just sent a heartbeat.
#[derive(Clone)]
struct View {
    services: Vec<Service>,
    backends: Vec<BackendView>,
    streams: Vec<StreamView>,
    setup: SetupTime,
}

fn service(id: &str) -> Service {
    let kind = id.split('-').next().unwrap().to_owned();
    Service {
        id: ServiceId::from(id),
        kind,
        version: "1".to_owned(),
        host: "h".to_owned(),
        since: 5,
        announced: 7,
        load: Default::default(),
        state: ServiceState::Ready,
        complaint: None,
        clock_skew_ms: None,
    }
}

fn backend_named(name: &str) -> BackendView {
    BackendView {
        name: BackendName::from(name),
        url: Some("ws://h".to_owned()),
        status: "normal",
        health: "it takes calls".to_owned(),
        breaker: Some(BreakerState::Closed),
        failed_percent: 0,
        setup_ms: None,
        calls: 3,
        handles: 0,
        drained: false,
        location: None,
        isp: None,
        probe_ms: None,
        served_by: Some(ServiceId::from("connector-1")),
    }
}

fn stream_of(kind: &'static str, key: &str, length: u64, oldest_ms: u64) -> StreamView {
    let oldest_ms = Some(oldest_ms).filter(|_| kind != "log");
    let pending = (kind == "queue").then_some(0);
    let consumers = (kind == "queue").then_some(1);
    StreamView {
        key: key.to_owned(),
        kind,
        length,
        added: length,
        oldest_ms,
        pending,
        consumers,
        redelivered: None,
    }
}

fn healthy() -> View {
    let services = ["edge-1", "router-1", "connector-1", "rest-1"].map(service).into();
    View { services, backends: vec![backend_named("a")], streams: vec![], setup: SetupTime::default() }
}

/// The same with one more service, while all others send heartbeats.
fn beating(second: u64, more: &[Service]) -> View {
    let mut view = healthy();
    for service in &mut view.services {
        service.announced = NOW + second;
    }
    view.services.extend_from_slice(more);
    view
}

fn with_streams(streams: Vec<StreamView>) -> View {
    View { streams, ..healthy() }
}

/// The findings in the last of these views, and the history after it.
fn find_after(views: &[View], interval_ms: u64) -> (Vec<Finding>, History) {
    let (mut history, mut findings, mut now) = (History::default(), Vec::new(), NOW);
    for View { services, backends, streams, setup } in views {
        history.record(services, streams, now);
        findings =
            find(&HealthInput { now, services, backends, streams, setup, history: &history, malformed: &[] });
        now += interval_ms;
    }
    (findings, history)
}

fn summaries(views: &[View]) -> Vec<String> {
    find_after(views, 1_000).0.iter().map(summary).collect()
}

fn summary(finding: &Finding) -> String {
    format!("{:?} {}", finding.severity, finding.summary)
}

fn of_stream(stream: StreamView) -> Vec<String> {
    summaries(&[with_streams(vec![stream])])
}

#[test]
fn healthy_cluster_has_no_findings() {
    assert_eq!(summaries(&[healthy()]), [""; 0]);
}

#[test]
fn old_messages_make_a_stream_slow_then_stuck() {
    for (kind, key, name) in
        [("queue", "sb:{requests:1}", "requests:1"), ("mailbox", "sb:{backend:a}", "backend:a")]
    {
        assert_eq!(of_stream(stream_of(kind, key, 9, SLOW_MS)), [""; 0]);
        let slow = of_stream(stream_of(kind, key, 9, SLOW_MS + 1));
        assert_eq!(slow, [format!("Warning Stream {name} is slow")]);
        let stuck = of_stream(stream_of(kind, key, 9, STUCK_MS + 1));
        assert_eq!(stuck, [format!("Critical Stream {name} is stuck")]);
        assert_eq!(of_stream(stream_of(kind, key, 0, 99_000)), [""; 0]);
    }
}

#[test]
fn requests_to_proxies_may_take_longer() {
    let queue = Queue::Proxies.key();
    for (kind, key) in [("queue", queue.as_str()), ("mailbox", "sb:{rest-1}")] {
        let name = short_name(key);
        assert_eq!(of_stream(stream_of(kind, key, 1, 8_000)), [""; 0]);
        assert_eq!(of_stream(stream_of(kind, key, 1, 10_000)), [format!("Warning Stream {name} is slow")]);
        assert_eq!(of_stream(stream_of(kind, key, 1, 16_000)), [format!("Critical Stream {name} is stuck")]);
    }
}

#[test]
fn queue_without_consumers_is_reported_before_it_is_old() {
    let queue =
        |length| StreamView { consumers: Some(0), ..stream_of("queue", "sb:{requests:0}", length, 3) };
    assert_eq!(of_stream(queue(1)), ["Critical Stream requests:0 has no consumers"]);
    assert_eq!(of_stream(queue(0)), [""; 0]);
}

#[test]
fn mailbox_of_a_dead_edge_waits_for_its_clients() {
    let orphaned = of_stream(stream_of("mailbox", "sb:{edge-9}", 2, 9_000));
    assert_eq!(orphaned, ["Warning edge-9 is down with undelivered messages"]);
    assert_eq!(of_stream(stream_of("mailbox", "sb:{edge-9}", 0, 0)), [""; 0]);
}

#[test]
fn log_is_never_slow() {
    assert_eq!(of_stream(stream_of("log", "sb:calls", 9, 0)), [""; 0]);
}

#[test]
fn new_dead_letters_are_critical_for_a_while() {
    let dead = |length| with_streams(vec![stream_of("log", "sb:dead", length, 0)]);
    let (old, new) = ("Info There are dead letters", "Critical Messages were dead-lettered");
    assert_eq!(summaries(&[dead(7), dead(7)]), [old]);
    assert_eq!(summaries(&[dead(7), dead(9)]), [new]);
    assert_eq!(summaries(&[healthy(), dead(1)]), [new]);
    let (_, history) = find_after(&[dead(7), dead(9), dead(10)], 1_000);
    assert_eq!(history.new_dead_letters(), 3);
    let later = (0..400).map(|second| View { streams: dead(9).streams, ..beating(second, &[]) });
    let views: Vec<View> = [dead(7), dead(9)].into_iter().chain(later).collect();
    assert_eq!(summaries(&views), [old]);
}

#[test]
fn redeliveries_are_reported_while_they_are_recent() {
    let queue = |total| {
        let stream = stream_of("queue", "sb:{requests:0}", 0, 0);
        with_streams(vec![StreamView { redelivered: Some(total), ..stream }])
    };
    assert_eq!(summaries(&[queue(4)]), [""; 0]);
    assert_eq!(summaries(&[queue(4), queue(7)]), ["Warning Stream requests:0 redelivers messages"]);
    let later: Vec<View> = [queue(4)].into_iter().chain(std::iter::repeat_n(queue(7), 7)).collect();
    assert_eq!(summaries(&later), [""; 0]);
}

#[test]
fn service_without_heartbeats_is_silent() {
    let views = |service: Service| {
        (0..12).map(|second| beating(second, std::slice::from_ref(&service))).collect::<Vec<_>>()
    };
    let silent = views(Service { announced: 3, ..service("router-2") });
    assert_eq!(summaries(&silent[..11]), [""; 0]);
    assert_eq!(summaries(&silent), ["Critical router-2 is silent"]);
    assert_eq!(summaries(&views(Service { announced: 0, ..service("router-2") })), [""; 0]);
}

#[test]
fn services_are_not_silent_while_nothing_was_read() {
    let views = vec![healthy(); 12];
    let (findings, _) = find_after(&views, 5_001);
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn service_that_leaves_after_silence_has_died() {
    let leaving = |seconds: u64| {
        let with = (0..seconds).map(|second| beating(second, &[service("edge-2")]));
        with.chain([beating(100, &[])]).collect::<Vec<_>>()
    };
    assert_eq!(summaries(&leaving(14)), ["Critical edge-2 has died"]);
    let (findings, history) = find_after(&leaving(4), 1_000);
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(history.departed().map(|left| left.how).collect::<Vec<_>>(), [Departure::Stopped]);
}

#[test]
fn departed_service_is_listed_until_its_time_is_over_or_it_is_back() {
    let present = || beating(0, &[service("edge-2")]);
    let departed = |views: &[View], interval_ms| find_after(views, interval_ms).1.departed().count();
    // A minute after it stopped, counted from the first view without it.
    let minute = 60_000 / 4_000;
    let absent = |views: usize| std::iter::repeat_with(|| beating(1, &[])).take(views);
    let views = |count| std::iter::once(present()).chain(absent(count)).collect::<Vec<_>>();
    assert_eq!(departed(&views(minute), 4_000), 1);
    assert_eq!(departed(&views(minute + 1), 4_000), 0);
    let back: Vec<View> = views(1).into_iter().chain([present()]).collect();
    assert_eq!(departed(&back, 1_000), 0);
}

#[test]
fn dead_service_is_not_reported_once_it_is_replaced() {
    let replacement = |second| Service { announced: second, ..service("edge-3") };
    let before = (0..14).map(|second| {
        let more = [service("edge-2"), replacement(second)];
        beating(second, if second > 5 { &more } else { &more[..1] })
    });
    let views: Vec<View> = before.chain([beating(100, &[replacement(99)])]).collect();
    let (findings, history) = find_after(&views, 1_000);
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((history.departed().count(), history.dead().count()), (1, 0));
}

#[test]
fn each_role_is_reported_when_none_of_its_services_runs() {
    let without = |kind: &str| {
        let mut view = healthy();
        view.services.retain(|service| service.kind != kind);
        summaries(&[view])
    };
    assert_eq!(without("edge"), ["Critical No edge is running"]);
    assert_eq!(without("router"), ["Critical No router is running"]);
    assert_eq!(without("connector"), ["Critical No connector is running"]);
    assert_eq!(without("rest"), [""; 0]);
    let nothing = View { services: vec![], backends: vec![], ..healthy() };
    assert_eq!(summaries(&[nothing]).len(), 4);
    let mut stopping = healthy();
    stopping.services[1].state = ServiceState::Stopping;
    assert_eq!(summaries(&[stopping]), ["Critical No router is running", "Info router-1 is stopping"]);
}

#[test]
fn service_reports_why_it_is_not_ready() {
    let having = |state, complaint: Option<&str>| {
        let mut view = healthy();
        view.services.push(Service { state, complaint: complaint.map(str::to_owned), ..service("edge-2") });
        find_after(&[view], 1_000).0
    };
    let not_ready = having(ServiceState::NotReady, Some("bus: refused"));
    assert_eq!(
        (summary(&not_ready[0]).as_str(), not_ready[0].detail.as_str()),
        ("Critical edge-2 is not ready", "bus: refused")
    );
    assert_eq!(summary(&having(ServiceState::Stopping, None)[0]), "Info edge-2 is stopping");
    assert!(having(ServiceState::Ready, None).is_empty());
    let limits = having(ServiceState::Ready, Some("Address 192.0.2.1 has reached a limit."));
    assert_eq!(
        (summary(&limits[0]).as_str(), limits[0].detail.as_str()),
        ("Warning edge-2 limits clients", "Address 192.0.2.1 has reached a limit.")
    );
}

#[test]
fn each_state_of_a_backend_has_a_finding() {
    let (one, half_open) = (|| backend_named("b"), Some(BreakerState::HalfOpen));
    for (backend, expected) in [
        (one(), None),
        (BackendView { probe_ms: Some(1_000), ..one() }, None),
        (BackendView { status: "abnormal", ..one() }, Some("Critical Janus b fails")),
        (BackendView { status: "unserved", ..one() }, Some("Critical Janus b is not served")),
        (BackendView { served_by: None, ..one() }, Some("Critical Janus b is not served")),
        (BackendView { status: "maintenance", ..one() }, Some("Warning Janus b is in maintenance")),
        (BackendView { status: "ejected", ..one() }, Some("Critical Janus b fails calls")),
        (BackendView { breaker: half_open, ..one() }, Some("Info Janus b is being tried")),
        (BackendView { status: "high_water", ..one() }, Some("Warning Janus b is full")),
        (BackendView { drained: true, ..one() }, Some("Warning Janus b is drained")),
        (BackendView { drained: true, status: "unserved", ..one() }, Some("Warning Janus b is drained")),
        (BackendView { probe_ms: Some(1_001), ..one() }, Some("Warning Janus b answers slowly")),
    ] {
        let view = View { backends: vec![backend_named("a"), backend], ..healthy() };
        assert_eq!(summaries(&[view]), Vec::from_iter(expected));
    }
}

#[test]
fn cluster_without_a_usable_backend_is_reported_first() {
    let with = |backends| summaries(&[View { backends, ..healthy() }]);
    assert_eq!(with(vec![]), ["Critical There is no Janus server"]);
    let drained = BackendView { drained: true, ..backend_named("a") };
    assert_eq!(with(vec![drained]), ["Critical No Janus server takes calls", "Warning Janus a is drained"]);
}

#[test]
fn call_setup_is_slow_if_one_in_a_hundred_is_of_enough() {
    let with = |p99, count| summaries(&[View { setup: SetupTime::new(Some(3.0), p99, count), ..healthy() }]);
    assert_eq!(with(Some(1_001.0), 10), ["Warning Call setup is slow"]);
    assert_eq!(with(Some(1_001.0), 9), [""; 0]);
    assert_eq!(with(Some(1_000.0), 99), [""; 0]);
    assert_eq!(with(None, 0), [""; 0]);
}

#[test]
fn worst_finding_comes_first() {
    let drained = BackendView { drained: true, ..backend_named("b") };
    let streams = vec![stream_of("queue", "sb:{requests:0}", 1, 7_000)];
    let view = View { backends: vec![backend_named("a"), drained], streams, ..healthy() };
    assert_eq!(summaries(&[view]), ["Critical Stream requests:0 is stuck", "Warning Janus b is drained"]);
}

#[test]
fn finding_is_serialised_as_documented() {
    let (findings, _) =
        find_after(&[with_streams(vec![stream_of("queue", "sb:{requests:0}", 3, 12_000)])], 1_000);
    let expected = serde_json::json!([{
        "severity": "critical",
        "code": "stream_stuck",
        "about": { "type": "stream", "name": "sb:{requests:0}" },
        "summary": "Stream requests:0 is stuck",
        "detail": "3 messages waiting, the oldest for 12 s.",
    }]);
    assert_eq!(serde_json::to_value(findings).unwrap(), expected);
}

#[test]
fn durations_are_rounded_for_readers() {
    for (milliseconds, text) in [
        (3, "3 ms"),
        (420, "0.4 s"),
        (1_000, "1 s"),
        (12_345, "12 s"),
        (119_000, "119 s"),
        (120_000, "2 min"),
        (7_300_000, "2 h"),
        (200_000_000, "2 days"),
    ] {
        assert_eq!(duration(milliseconds), text);
    }
}

#[test]
fn malformed_records_are_a_warning() {
    let input = HealthInput {
        now: 0,
        services: &[],
        backends: &[],
        streams: &[],
        setup: &SetupTime::default(),
        history: &History::default(),
        malformed: &[("services", 2), ("backends", 1)],
    };
    let found = find(&input).into_iter().find(|finding| finding.code == "records_malformed").unwrap();
    assert_eq!(summary(&found), "Warning Redis has records that cannot be read");
    assert!(found.detail.starts_with("Left out: 2 of services, 1 of backends."), "{}", found.detail);
}
