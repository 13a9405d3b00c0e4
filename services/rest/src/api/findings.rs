//! The health checks of the cluster: what is wrong, the worst first, as `findings` of `/api/v1/cluster`. The dashboard
//! and `switchboard top` draw this list and decide nothing themselves; docs/operate.md says what to do about
//! each finding. Pure: a view of the cluster and the history of the views before it give the findings.

mod clock_skew;
mod finding;

use super::backends::BackendView;
use super::call_stats::SetupTime;
use super::history::{DEAD_LETTER_WINDOW, Departed, History, REDELIVERY_WINDOW};
use super::streams::{StreamView, short_name};
use bus::topic::{Log, Queue};
use directory::listing::{Service, ServiceState};
use directory::record::BreakerState;
pub(super) use finding::Finding;
use finding::{About, Severity, count, duration, finding, on};

/// Age of a stream's oldest message, in milliseconds, above which the stream is slow, and stuck.
const SLOW_MS: u64 = 2_000;
const STUCK_MS: u64 = 6_000;
/// The same for requests to janus-cloud's proxies. A proxy may take 8 s to answer.
const PROXY_SLOW_MS: u64 = 9_000;
const PROXY_STUCK_MS: u64 = 15_000;
/// A service sends a heartbeat every 5 s; without one for this many milliseconds it is silent.
const SILENT_MS: u64 = 10_000;
/// Duration of a probe, in milliseconds, above which a Janus server is slow.
const PROBE_SLOW_MS: u64 = 1_000;
/// The 99th percentile of call setup, in milliseconds, above which it is slow, and the least number of calls.
const SETUP_SLOW_MS: f64 = 1_000.0;
const SETUP_MIN_CALLS: u64 = 10;

/// A view of the cluster, and the history before it.
pub(super) struct HealthInput<'a> {
    pub now: u64,
    pub services: &'a [Service],
    pub backends: &'a [BackendView],
    pub streams: &'a [StreamView],
    pub setup: &'a SetupTime,
    pub history: &'a History,
    /// The lists that left out records which cannot be read, and how many.
    pub malformed: &'a [(&'static str, usize)],
}

/// Returns everything that is wrong, the worst first.
pub(super) fn find(input: &HealthInput) -> Vec<Finding> {
    let HealthInput { now, services, backends, streams, setup, history, malformed } = input;
    let mut findings = missing_roles(input);
    findings.extend(no_backend(backends));
    findings.extend(backends.iter().filter_map(backend));
    findings.extend(services.iter().filter_map(|it| service(it, history.silence(it, *now))));
    findings.extend(clock_skew::find(services));
    findings.extend(history.dead().map(|it| dead_service(it, *now)));
    findings.extend(streams.iter().filter_map(|it| stream(it, services)));
    findings.extend(streams.iter().filter_map(|it| redeliveries(it, history)));
    findings.extend(dead_letters(streams, history));
    findings.extend(slow_setup(setup));
    findings.extend(malformed_records(malformed));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

const ROLES: [(&str, &str, &str); 3] = [
    ("edge", "No edge is running", "Clients cannot connect."),
    ("router", "No router is running", "Clients cannot register or call; established calls continue."),
    ("connector", "No connector is running", "No call can be set up; established calls continue."),
];

fn missing_roles(input: &HealthInput) -> Vec<Finding> {
    let is_running = |kind: &str| {
        input.services.iter().any(|service| {
            let is_silent = input.history.silence(service, input.now) > SILENT_MS;
            service.kind == kind && service.state != ServiceState::Stopping && !is_silent
        })
    };
    let missing = ROLES.into_iter().filter(|(role, ..)| !is_running(role));
    let missing = missing.map(|(role, summary, detail)| {
        finding(Severity::Critical, "role_missing", About::Role(role), summary.to_owned(), detail)
    });
    missing.collect()
}

fn service(service: &Service, silence: u64) -> Option<Finding> {
    let Service { id, host, state, complaint, .. } = service;
    let about = About::Service(id.to_string());
    if silence > SILENT_MS {
        let detail =
            format!("No heartbeat for {}: it crashed, hangs or is cut off{}.", duration(silence), on(host));
        return Some(finding(Severity::Critical, "service_silent", about, format!("{id} is silent"), detail));
    }
    match state {
        // A service that is ready complains of its clients only.
        ServiceState::Ready => complaint.clone().map(|complaint| {
            finding(Severity::Warning, "clients_limited", about, format!("{id} limits clients"), complaint)
        }),
        ServiceState::NotReady => {
            let reason =
                complaint.clone().unwrap_or_else(|| format!("It runs{} and gives no reason.", on(host)));
            Some(finding(
                Severity::Critical,
                "service_not_ready",
                about,
                format!("{id} is not ready"),
                reason,
            ))
        }
        ServiceState::Stopping => {
            let detail = "It hands over or finishes its work.";
            Some(finding(Severity::Info, "service_stopping", about, format!("{id} is stopping"), detail))
        }
    }
}

fn dead_service(dead: &Departed, now: u64) -> Finding {
    let Service { id, host, .. } = &dead.service;
    let ago = duration(now.saturating_sub(dead.at));
    let detail = format!("Its registration expired {ago} ago without a shutdown{}.", on(host));
    let about = About::Service(id.to_string());
    finding(Severity::Critical, "service_dead", about, format!("{id} has died"), detail)
}

fn no_backend(backends: &[BackendView]) -> Option<Finding> {
    if backends.iter().any(|backend| matches!(backend.status, "normal" | "ejected") && !backend.drained) {
        return None;
    }
    let (summary, detail) = if backends.is_empty() {
        ("There is no Janus server", "Configure one at a connector with --backend.")
    } else {
        ("No Janus server takes calls", "No call can be set up.")
    };
    Some(finding(
        Severity::Critical,
        "backends_unavailable",
        About::Role("backend"),
        summary.to_owned(),
        detail,
    ))
}

fn backend(backend: &BackendView) -> Option<Finding> {
    let BackendView { name, status, health, breaker, drained, calls, probe_ms, served_by, .. } = backend;
    let found = |severity, code, state: &str, detail: String| {
        Some(finding(
            severity,
            code,
            About::Backend(name.to_string()),
            format!("Janus {name} {state}"),
            detail,
        ))
    };
    let left = format!("It gets no new calls; {} left.", count(*calls, "call"));
    if *drained {
        // Draining turns the status from normal to maintenance.
        let is_healthy = matches!(*status, "normal" | "maintenance");
        let health = if is_healthy { String::new() } else { format!(" Its status: {health}.") };
        return found(Severity::Warning, "backend_drained", "is drained", left + &health);
    }
    if *status == "unserved" || served_by.is_none() {
        let detail = "No connector holds its lease: it gets no new calls, and events of its calls wait.";
        return found(Severity::Critical, "backend_unserved", "is not served", detail.to_owned());
    }
    match *status {
        "ejected" => {
            let detail = format!("It gets new calls only if most others fail too: {health}.");
            found(Severity::Critical, "backend_ejected", "fails calls", detail)
        }
        "normal" if *breaker == Some(BreakerState::HalfOpen) => {
            found(Severity::Info, "backend_half_open", "is being tried", format!("Its status: {health}."))
        }
        "normal" => {
            let probe_ms = probe_ms.filter(|probe_ms| *probe_ms > PROBE_SLOW_MS)?;
            let detail = format!("Its last probe took {}.", duration(probe_ms));
            found(Severity::Warning, "backend_slow", "answers slowly", detail)
        }
        "maintenance" => {
            let detail = format!("{left} Its status: {health}.");
            found(Severity::Warning, "backend_maintenance", "is in maintenance", detail)
        }
        "high_water" => {
            let detail = "It is too busy for more calls.".to_owned();
            found(Severity::Warning, "backend_overloaded", "is full", detail)
        }
        _ => {
            let detail = format!("It gets no new calls: {health}.");
            found(Severity::Critical, "backend_failing", "fails", detail)
        }
    }
}

fn stream(stream: &StreamView, services: &[Service]) -> Option<Finding> {
    let StreamView { key, kind, length, oldest_ms, consumers, .. } = stream;
    if *kind == "log" || *length == 0 {
        return None;
    }
    let name = short_name(key);
    let found = |severity, code, summary, detail: String| {
        Some(finding(severity, code, About::Stream(key.clone()), summary, detail))
    };
    let owner = services.iter().find(|service| service.id.as_str() == name);
    let is_service_mailbox = *kind == "mailbox" && !name.starts_with("backend:");
    if is_service_mailbox && owner.is_none() {
        let messages = count(*length, "message");
        let detail =
            format!("{messages} waiting for its clients, until they reconnect or their sessions expire.");
        return found(
            Severity::Warning,
            "stream_orphaned",
            format!("{name} is down with undelivered messages"),
            detail,
        );
    }
    let oldest = oldest_ms.unwrap_or_default();
    let is_unread = *consumers == Some(0);
    let (slow, stuck) =
        if is_for_proxies(stream, owner) { (PROXY_SLOW_MS, PROXY_STUCK_MS) } else { (SLOW_MS, STUCK_MS) };
    let reader = if is_unread { " It has no consumers." } else { "" };
    let detail =
        format!("{} waiting, the oldest for {}.{reader}", count(*length, "message"), duration(oldest));
    if oldest > stuck {
        found(Severity::Critical, "stream_stuck", format!("Stream {name} is stuck"), detail)
    } else if is_unread {
        found(
            Severity::Critical,
            "stream_without_consumers",
            format!("Stream {name} has no consumers"),
            detail,
        )
    } else if oldest > slow {
        found(Severity::Warning, "stream_slow", format!("Stream {name} is slow"), detail)
    } else {
        None
    }
}

/// Returns whether a stream carries requests to janus-cloud's proxies, or messages to a rest service.
fn is_for_proxies(stream: &StreamView, owner: Option<&Service>) -> bool {
    stream.key == Queue::Proxies.key() || owner.is_some_and(|owner| owner.kind == "rest")
}

fn redeliveries(stream: &StreamView, history: &History) -> Option<Finding> {
    let redelivered = history.redeliveries(&stream.key);
    if redelivered == 0 {
        return None;
    }
    let messages =
        if redelivered == 1 { "1 message was".to_owned() } else { format!("{redelivered} messages were") };
    let detail = format!("{messages} given to another consumer in the last {}.", duration(REDELIVERY_WINDOW));
    let summary = format!("Stream {} redelivers messages", short_name(&stream.key));
    Some(finding(
        Severity::Warning,
        "stream_redeliveries",
        About::Stream(stream.key.clone()),
        summary,
        detail,
    ))
}

fn dead_letters(streams: &[StreamView], history: &History) -> Option<Finding> {
    let stream = streams.iter().find(|stream| stream.key == Log::Dead.key())?;
    let (key, about) = (&stream.key, About::Stream(stream.key.clone()));
    let new = history.new_dead_letters();
    if new > 0 {
        let (new, window) = (count(new, "message"), duration(DEAD_LETTER_WINDOW));
        let detail = format!("{new} in the last {window}; the stream {key} has them, with the error.");
        let summary = "Messages were dead-lettered".to_owned();
        return Some(finding(Severity::Critical, "dead_letters_new", about, summary, detail));
    }
    if stream.length == 0 {
        return None;
    }
    let detail = format!("{} in the stream {key}.", count(stream.length, "message"));
    Some(finding(Severity::Info, "dead_letters", about, "There are dead letters".to_owned(), detail))
}

fn slow_setup(setup: &SetupTime) -> Option<Finding> {
    let p99 = setup.p99().filter(|p99| *p99 > SETUP_SLOW_MS && setup.count() >= SETUP_MIN_CALLS)?;
    let detail = format!("One call in 100 takes {} or longer to ring.", duration(p99 as u64));
    let summary = "Call setup is slow".to_owned();
    Some(finding(Severity::Warning, "calls_slow", About::Calls("setup"), summary, detail))
}

fn malformed_records(malformed: &[(&str, usize)]) -> Option<Finding> {
    if malformed.is_empty() {
        return None;
    }
    let lists: Vec<String> = malformed.iter().map(|(list, count)| format!("{count} of {list}")).collect();
    let detail = format!("Left out: {}. The log of rest names one of each.", lists.join(", "));
    let summary = "Redis has records that cannot be read".to_owned();
    Some(finding(Severity::Warning, "records_malformed", About::Role("directory"), summary, detail))
}

#[cfg(test)]
mod tests;
