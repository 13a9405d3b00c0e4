//! The three tables: what stands in each cell, by what it is sorted, and how it looks. Pure.

use super::cell::{Cell, Row, Tone};
use super::frame::{Backend, ClusterView, Service, StreamStats};
use super::memory::GoneService;
use super::rates::StreamRate;
use crate::words::{count, duration, rate, sanitize};
use std::collections::BTreeMap;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Streams,
    Services,
    Backends,
}

impl TableKind {
    /// In the order they stand in.
    pub const ALL: [Self; 3] = [Self::Streams, Self::Services, Self::Backends];

    /// What stands above it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Streams => "Roads",
            Self::Services => "Services",
            Self::Backends => "Janus servers",
        }
    }

    /// The columns; those with a `>` are numbers, and stand to the right.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Streams => {
                &["ROAD", "KIND", ">LENGTH", ">IN/S", ">OUT/S", ">OLDEST", ">PENDING", ">WORKERS", ">AGAIN"]
            }
            Self::Services => &["SERVICE", "HOST", "STATE", ">UP", "LOAD", "WHY"],
            Self::Backends => &["JANUS", "STATUS", ">CALLS", ">PROBE", "SERVED BY", "WHAT"],
        }
    }
}

impl TableKind {
    /// The columns that a narrow terminal leaves out, in this order.
    pub fn optional_columns(self) -> &'static [usize] {
        match self {
            Self::Streams => &[1, 8, 6, 7, 4, 3],
            Self::Services => &[1, 3],
            Self::Backends => &[4, 5],
        }
    }
}

/// The rows of a table, in the order of the cluster.
pub fn rows(
    kind: TableKind,
    frame: &ClusterView,
    rates: &BTreeMap<String, StreamRate>,
    gone: &[GoneService],
) -> Vec<Row> {
    match kind {
        TableKind::Streams => {
            frame.streams.iter().map(|road| stream_row(road, rates.get(&road.key))).collect()
        }
        TableKind::Services => {
            let there = frame.services.iter().map(|service| service_row(service, frame.at));
            there.chain(gone.iter().map(gone_service_row)).collect()
        }
        TableKind::Backends => frame.backends.iter().map(backend_row).collect(),
    }
}

fn stream_row(road: &StreamStats, speed: Option<&StreamRate>) -> Row {
    let (speed_in, speed_out) = (speed.map(|speed| speed.in_), speed.and_then(|speed| speed.out));
    let late = match road.oldest_ms {
        Some(10_000..) => Tone::Bad,
        Some(2_000..) => Tone::Warning,
        _ => Tone::Plain,
    };
    let length = Cell::count(Some(road.length));
    let length =
        if road.key == "sb:dead" && road.length > 0 { length.with_tone(Tone::Warning) } else { length };
    let workers = Cell::count(road.consumers);
    let workers = if road.consumers == Some(0) { workers.with_tone(Tone::Bad) } else { workers };
    let oldest = Cell::time(road.oldest_ms);
    let cells = vec![
        Cell::text(&road.key).with_tone(late),
        Cell::text(&road.kind).with_tone(Tone::Dim),
        length,
        Cell::number(rate(speed_in), speed_in),
        Cell::number(rate(speed_out), speed_out),
        if late == Tone::Plain { oldest } else { oldest.with_tone(late) },
        Cell::count(road.pending),
        workers,
        Cell::count(road.redelivered),
    ];
    Row { name: road.key.clone(), cells }
}

fn service_row(service: &Service, now: u64) -> Row {
    let (word, tone) = match (service.silent_for(now), service.state.as_str()) {
        (Some(_), _) => ("silent", Tone::Bad),
        (None, "ready") => ("ready", Tone::Good),
        (None, "stopping") => ("stopping", Tone::Warning),
        (None, state) => (state, Tone::Bad),
    };
    make_service_row(service, Cell::text(word).with_tone(tone), now.saturating_sub(service.since))
}

fn gone_service_row(gone: &GoneService) -> Row {
    let (word, tone) = if gone.died() { ("gone", Tone::Bad) } else { ("stopped", Tone::Dim) };
    let complaint = Some(format!("last heard of {} ago", duration(gone.for_ms)));
    let service = Service { complaint, load: BTreeMap::new(), ..gone.service.clone() };
    make_service_row(&service, Cell::text(word).with_tone(tone), 0)
}

fn make_service_row(service: &Service, state: Cell, up: u64) -> Row {
    let what = |(what, count): (&String, &u64)| format!("{count} {what}");
    let load: Vec<String> = service.load.iter().map(what).collect();
    let total: u64 = service.load.values().sum();
    let cells = vec![
        Cell::text(&service.id),
        Cell::text(&service.host),
        state,
        Cell::time(Some(up)),
        Cell::number(sanitize(&load.join(", ")), Some(total as f64)),
        Cell::text(service.complaint.as_deref().unwrap_or_default()),
    ];
    Row { name: service.id.clone(), cells }
}

fn backend_row(backend: &Backend) -> Row {
    let tone = match backend.status.as_str() {
        "normal" => Tone::Good,
        "maintenance" | "high_water" => Tone::Warning,
        _ => Tone::Bad,
    };
    let probe = Cell::time(backend.probe_ms);
    let probe = if backend.probe_ms >= Some(500) { probe.with_tone(Tone::Warning) } else { probe };
    let drained = if backend.drained { ", drained" } else { "" };
    let cells = vec![
        Cell::text(&backend.name),
        Cell::text(&format!("{}{drained}", backend.status.replace('_', " "))).with_tone(tone),
        Cell::count(Some(backend.calls)),
        probe,
        Cell::text(backend.served_by.as_deref().unwrap_or("nobody")),
        Cell::text(&backend.health).with_tone(Tone::Dim),
    ];
    Row { name: backend.name.clone(), cells }
}

/// What is in the head of every look: calls now and lately.
pub fn calls_summary(frame: &ClusterView) -> String {
    let recent = &frame.calls.recent;
    let minutes = duration(frame.at.saturating_sub(recent.since));
    let now = count(frame.calls.now, "call", "calls");
    format!(
        "{now} now; in the last {minutes} {} rang, {} were answered, {} ended",
        recent.rang, recent.answered, recent.ended
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        let frame = ClusterView {
            streams: vec![StreamStats::default()],
            services: vec![Service::default()],
            backends: vec![Backend::default()],
            ..ClusterView::default()
        };
        let gone = [GoneService { service: Service::default(), for_ms: 7_000 }];
        for kind in TableKind::ALL {
            for row in rows(kind, &frame, &BTreeMap::new(), &gone) {
                assert_eq!(row.cells.len(), kind.columns().len(), "{kind:?}");
            }
        }
        let services = rows(TableKind::Services, &frame, &BTreeMap::new(), &gone);
        assert_eq!((services[1].cells[2].text.as_str(), services[1].cells[2].tone), ("gone", Tone::Bad));
        assert!(services[1].matches("HEARD OF 7.0 s") && !services[0].matches("heard"));
    }
}
