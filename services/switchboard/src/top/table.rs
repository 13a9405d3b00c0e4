//! The three tables: the text, the sort key and the tone of each cell.

use super::cell::{Cell, Row, Tone};
use super::history::StreamRate;
use super::model::{Backend, ClusterView, Departed, Service, Severity, StreamStats};
use crate::format::{count, duration, rate};
use common::display::visible;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Streams,
    Services,
    Backends,
}

impl TableKind {
    /// From top to bottom.
    pub const ALL: [Self; 3] = [Self::Streams, Self::Services, Self::Backends];

    pub fn title(self) -> &'static str {
        match self {
            Self::Streams => "Streams",
            Self::Services => "Services",
            Self::Backends => "Janus servers",
        }
    }

    /// Returns the columns. A `>` marks a column of numbers, which is aligned to the right.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Streams => &[
                "STREAM",
                "KIND",
                ">LENGTH",
                ">IN/S",
                ">OUT/S",
                ">OLDEST",
                ">PENDING",
                ">CONSUMERS",
                ">REDELIVERED",
            ],
            Self::Services => &["SERVICE", "HOST", "STATE", ">UP", "LOAD", "WHY"],
            Self::Backends => &["JANUS", "STATUS", ">CALLS", ">PROBE", "SERVED BY", "HEALTH"],
        }
    }

    /// Returns the columns that a narrow terminal leaves out, the first one first.
    pub fn optional_columns(self) -> &'static [usize] {
        match self {
            Self::Streams => &[1, 8, 6, 7, 4, 3],
            Self::Services => &[1, 3],
            Self::Backends => &[4, 5],
        }
    }
}

/// Returns the rows of a table, in the order of the response.
pub fn rows(kind: TableKind, view: &ClusterView, rates: &BTreeMap<String, StreamRate>) -> Vec<Row> {
    match kind {
        TableKind::Streams => {
            view.streams.iter().map(|stream| stream_row(stream, rates.get(&stream.key), view)).collect()
        }
        TableKind::Services => {
            let running = view.services.iter().map(|service| service_row(service, view));
            running.chain(view.departed.iter().map(|departed| departed_row(departed, view.at))).collect()
        }
        TableKind::Backends => view.backends.iter().map(|backend| backend_row(backend, view)).collect(),
    }
}

fn stream_row(stream: &StreamStats, rate_of: Option<&StreamRate>, view: &ClusterView) -> Row {
    let added = rate_of.map(|rate| rate.added);
    let removed = rate_of.and_then(|rate| rate.removed);
    let consumers = Cell::count(stream.consumers);
    let has_no_consumers = view.has_finding("stream_without_consumers", &stream.key);
    let cells = vec![
        Cell::text(&stream.key).with_tone(tone(view.severity("stream", &stream.key))),
        Cell::text(&stream.kind).with_tone(Tone::Dim),
        Cell::count(Some(stream.length)),
        Cell::number(rate(added), added),
        Cell::number(rate(removed), removed),
        Cell::duration(stream.oldest_ms),
        Cell::count(stream.pending),
        if has_no_consumers { consumers.with_tone(Tone::Bad) } else { consumers },
        Cell::count(stream.redelivered),
    ];
    Row { name: stream.key.clone(), cells }
}

fn tone(severity: Option<Severity>) -> Tone {
    match severity {
        Some(Severity::Critical) => Tone::Bad,
        Some(Severity::Warning) => Tone::Warning,
        Some(Severity::Info) | None => Tone::Plain,
    }
}

fn service_row(service: &Service, view: &ClusterView) -> Row {
    let (state, tone) = if view.has_finding("service_silent", &service.id) {
        ("silent", Tone::Bad)
    } else {
        match service.state.as_str() {
            "ready" => ("ready", Tone::Good),
            "stopping" => ("stopping", Tone::Warning),
            state => (state, Tone::Bad),
        }
    };
    let has_wrong_clock = view.has_finding("clock_skew", &service.id);
    let reason = match service.complaint.as_deref() {
        Some(complaint) => complaint,
        None if has_wrong_clock => "its clock is wrong",
        None => "",
    };
    let up_ms = view.at.saturating_sub(service.since);
    make_service_row(service, Cell::text(state).with_tone(tone), up_ms, &service.load, reason)
}

fn departed_row(departed: &Departed, now: u64) -> Row {
    let tone = if departed.how == "died" { Tone::Bad } else { Tone::Dim };
    let reason = format!("left {} ago", duration(now.saturating_sub(departed.at)));
    let state = Cell::text(&departed.how).with_tone(tone);
    make_service_row(&departed.service, state, 0, &BTreeMap::new(), &reason)
}

fn make_service_row(
    service: &Service,
    state: Cell,
    up_ms: u64,
    load: &BTreeMap<String, u64>,
    reason: &str,
) -> Row {
    let counts: Vec<String> = load.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let total: u64 = load.values().sum();
    let cells = vec![
        Cell::text(&service.id),
        Cell::text(&service.host),
        state,
        Cell::duration(Some(up_ms)),
        Cell::number(visible(&counts.join(", ")).into_owned(), Some(total as f64)),
        Cell::text(reason),
    ];
    Row { name: service.id.clone(), cells }
}

fn backend_row(backend: &Backend, view: &ClusterView) -> Row {
    let is_half_open = backend.status == "normal" && backend.breaker.as_deref() == Some("half_open");
    let status = if is_half_open { "half open".to_owned() } else { backend.status.replace('_', " ") };
    let tone = match backend.status.as_str() {
        "normal" if is_half_open => Tone::Warning,
        "normal" => Tone::Good,
        "maintenance" | "high_water" => Tone::Warning,
        _ => Tone::Bad,
    };
    let probe = Cell::duration(backend.probe_ms);
    let is_slow = view.has_finding("backend_slow", &backend.name);
    let drained = if backend.drained { ", drained" } else { "" };
    let cells = vec![
        Cell::text(&backend.name),
        Cell::text(&format!("{status}{drained}")).with_tone(tone),
        Cell::count(Some(backend.calls)),
        if is_slow { probe.with_tone(Tone::Warning) } else { probe },
        Cell::text(backend.served_by.as_deref().unwrap_or("none")),
        Cell::text(&backend.health).with_tone(Tone::Dim),
    ];
    Row { name: backend.name.clone(), cells }
}

/// Returns a line about the calls now and in the last minutes.
pub fn calls_summary(view: &ClusterView) -> String {
    let recent = &view.calls.recent;
    let minutes = duration(view.at.saturating_sub(recent.since));
    let now = count(view.calls.now, "call", "calls");
    format!(
        "{now} now; in the last {minutes} {} rang, {} were answered, {} ended",
        recent.rang, recent.answered, recent.ended
    )
}

#[cfg(test)]
mod tests {
    use super::super::model::{About, Finding};
    use super::*;

    fn finding(severity: Severity, code: &str, kind: &str, name: &str) -> Finding {
        let about = About { kind: kind.to_owned(), name: name.to_owned() };
        Finding { severity, code: code.to_owned(), about, ..Finding::default() }
    }

    fn cluster() -> ClusterView {
        let service = Service { id: "edge-1".to_owned(), state: "ready".to_owned(), ..Service::default() };
        let departed = Departed { service: service.clone(), how: "died".to_owned(), at: 3_000 };
        ClusterView {
            at: 10_000,
            streams: vec![StreamStats { key: "q".to_owned(), ..StreamStats::default() }],
            services: vec![service],
            departed: vec![departed],
            backends: vec![Backend { name: "a".to_owned(), ..Backend::default() }],
            ..ClusterView::default()
        }
    }

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        for kind in TableKind::ALL {
            for row in rows(kind, &cluster(), &BTreeMap::new()) {
                assert_eq!(row.cells.len(), kind.columns().len(), "{kind:?}");
            }
        }
    }

    #[test]
    fn departed_services_are_rows() {
        let services = rows(TableKind::Services, &cluster(), &BTreeMap::new());
        assert_eq!((services[1].cells[2].text.as_str(), services[1].cells[2].tone), ("died", Tone::Bad));
        assert!(services[1].matches("LEFT 7.0 s") && !services[0].matches("left"));
    }

    #[test]
    fn findings_set_the_tones() {
        let mut view = cluster();
        view.findings = vec![
            finding(Severity::Critical, "stream_without_consumers", "stream", "q"),
            finding(Severity::Critical, "service_silent", "service", "edge-1"),
            finding(Severity::Warning, "backend_slow", "backend", "a"),
        ];
        let tones = |kind, shown: &ClusterView| -> Vec<Tone> {
            rows(kind, shown, &BTreeMap::new())[0].cells.iter().map(|cell| cell.tone).collect()
        };
        let streams = tones(TableKind::Streams, &view);
        assert_eq!((streams[0], streams[7]), (Tone::Bad, Tone::Bad));
        assert_eq!(tones(TableKind::Services, &view)[2], Tone::Bad);
        assert_eq!(tones(TableKind::Backends, &view)[3], Tone::Warning);
        view.findings[0].severity = Severity::Info;
        assert_eq!(tones(TableKind::Streams, &view)[0], Tone::Plain);
    }
}
