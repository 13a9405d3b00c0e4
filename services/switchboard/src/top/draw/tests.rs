//! The text and the colours of the screen.

use super::*;
use crate::top::model::{
    About, Backend, CallStats, ClusterView, Finding, Percentiles, RecentCalls, Service, Severity,
    StreamEntry, StreamStats,
};
use crate::top::stream_view::StreamView;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use serde_json::json;

const NOW: u64 = 1_795_361_022_007;

fn stream(key: &str, kind: &str, added: u64, oldest_ms: Option<u64>) -> StreamStats {
    let (consumers, pending, redelivered) = match kind {
        "queue" => (Some(2), Some(1), Some(4)),
        _ => (None, None, None),
    };
    let (key, kind) = (key.to_owned(), kind.to_owned());
    StreamStats { key, kind, length: 3, added, oldest_ms, pending, consumers, redelivered }
}

fn service(kind: &str) -> Service {
    Service {
        id: format!("{kind}-0a1b2c3d"),
        kind: kind.to_owned(),
        host: "berlin-1".to_owned(),
        since: NOW - 90_000,
        load: [("clients".to_owned(), 12), ("sessions".to_owned(), 11)].into(),
        state: "ready".to_owned(),
        ..Service::default()
    }
}

fn slow_stream() -> Finding {
    Finding {
        severity: Severity::Warning,
        code: "stream_slow".to_owned(),
        about: About { kind: "stream".to_owned(), name: "sb:{edge-0a1b2c3d}".to_owned() },
        summary: "Stream edge-0a1b2c3d is slow".to_owned(),
        detail: "3 messages waiting, the oldest for 4.0 s.".to_owned(),
    }
}

fn cluster(at: u64) -> ClusterView {
    let recent = RecentCalls {
        since: at - 300_000,
        rang: 9,
        answered: 8,
        ended: 7,
        reasons: [("hangup".to_owned(), 6), ("timeout".to_owned(), 1)].into(),
        setup_ms: Percentiles { p50: Some(4.25), p99: Some(12.0) },
        ..RecentCalls::default()
    };
    ClusterView {
        at,
        findings: vec![slow_stream()],
        streams: vec![
            stream("sb:{requests:0}", "queue", at / 100, Some(3)),
            stream("sb:{edge-0a1b2c3d}", "mailbox", 5, Some(4_000)),
            stream("sb:calls", "log", 9, None),
        ],
        services: ["edge", "router", "connector"].map(service).into(),
        departed: Vec::new(),
        backends: vec![Backend {
            name: "a".to_owned(),
            status: "normal".to_owned(),
            health: "it takes calls".to_owned(),
            breaker: Some("closed".to_owned()),
            calls: 2,
            probe_ms: Some(3),
            served_by: Some("connector-0a1b2c3d".to_owned()),
            ..Backend::default()
        }],
        calls: CallStats { now: 2, recent },
    }
}

fn history() -> History {
    let mut history = History::new("http://127.0.0.1:8080");
    history.apply(Ok(cluster(NOW - 2_000)));
    history.apply(Ok(cluster(NOW)));
    history
}

fn screen(state: &UiState, history: &History, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, history, Theme { has_colour: true })).unwrap();
    terminal
}

fn text(state: &UiState, history: &History, width: u16, height: u16) -> String {
    let screen = screen(state, history, width, height);
    let lines = screen.backend().buffer().content().chunks(usize::from(width));
    let lines = lines.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn line<'t>(text: &'t str, part: &str) -> &'t str {
    text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part:?} in\n{text}"))
}

#[test]
fn one_screen_shows_everything() {
    let text = text(&UiState::default(), &history(), 132, 40);
    assert!(line(&text, "Switchboard").contains("http://127.0.0.1:8080  15:23:42 UTC"));
    assert!(
        line(&text, "calls now").contains("2 calls now; in the last 5 min 9 rang, 8 were answered, 7 ended")
    );
    assert!(line(&text, "call setup").contains("median 4.2 ms, p99 12 ms"));
    line(&text, "ended: hangup 6, timeout 1");
    line(&text, "- Stream edge-0a1b2c3d is slow: 3 messages waiting, the oldest for 4.0 s.");
    let words = |part| line(&text, part).split_whitespace().collect::<Vec<_>>();
    assert_eq!(words("queue  "), ["sb:{requests:0}", "queue", "3", "10", "10", "3", "ms", "1", "2", "4"]);
    assert_eq!(words("sb:calls"), ["sb:calls", "log", "3", "0", "-", "-", "-", "-", "-"]);
    assert!(line(&text, "router-0a1b2c3d").contains("12 clients, 11 sessions"));
    assert!(line(&text, "it takes calls").contains("normal"));
    line(&text, "? help  q quit");
}

#[test]
fn findings_and_errors_have_a_colour() {
    let screen = screen(&UiState::default(), &history(), 132, 40);
    let first = |row: u16| screen.backend().buffer()[(0, row)].clone();
    let row = (0..40).find(|row| first(*row).symbol() == "-").unwrap();
    assert_eq!(first(row).fg, Color::Yellow);
    let mut failed = history();
    failed.apply(Err("rest at http://h cannot be reached: refused".to_owned()));
    let text = text(&UiState::default(), &failed, 132, 40);
    line(&text, "! rest at http://h cannot be reached: refused; retrying");
    assert!(line(&text, "Switchboard").ends_with("15:23:42 UTC  old"), "the last state stays");
    line(&text, "sb:calls");
}

#[test]
fn cluster_with_minor_findings_only_is_well() {
    let mut history = History::new("http://h");
    let minor = Finding { severity: Severity::Info, ..slow_stream() };
    history.apply(Ok(ClusterView { findings: vec![minor], ..cluster(NOW) }));
    let screen = text(&UiState::default(), &history, 132, 40);
    line(&screen, "All is well.");
    line(&screen, ". Stream edge-0a1b2c3d is slow");
    history.apply(Ok(ClusterView { findings: vec![slow_stream(); 7], ..cluster(NOW + 1) }));
    let warned = text(&UiState::default(), &history, 132, 40);
    assert!(!warned.contains("All is well."));
    line(&warned, "  and 2 more");
}

#[test]
fn no_colour_is_used_without_colours() {
    let mut terminal = Terminal::new(TestBackend::new(132, 40)).unwrap();
    let theme = Theme { has_colour: false };
    terminal.draw(|frame| draw(frame, &UiState::default(), &history(), theme)).unwrap();
    assert!(terminal.backend().buffer().content().iter().all(|cell| cell.fg == Color::Reset));
}

#[test]
fn terminal_of_any_size_shows_what_fits() {
    let mut states = [UiState::default(), UiState::default(), UiState::default()];
    states[1].shows_help = true;
    states[2].stream = Some(StreamView::new("sb:calls"));
    for width in [1, 39, 40, 60, 80, 132] {
        for height in [1, 7, 8, 9, 12, 24, 60] {
            for state in &states {
                screen(state, &history(), width, height);
                screen(state, &History::new("http://h"), width, height);
            }
        }
    }
    let small = text(&UiState::default(), &history(), 80, 24);
    for part in
        ["sb:{requests:0}", "2 calls now", "q quit", "> Streams (3)", "Services (3)", "Janus servers (1)"]
    {
        line(&small, part);
    }
    assert!(text(&UiState::default(), &history(), 30, 5).contains("too small"));
    assert!(text(&UiState::default(), &history(), 40, 12).contains("> Streams (3)"));
}

#[test]
fn stream_shows_its_entries_and_the_selected_one() {
    let mut state = UiState { stream: Some(StreamView::new("sb:{requests:0}")), ..UiState::default() };
    assert!(text(&state, &history(), 100, 30).contains("No entries so far."));
    let fields = json!({ "id": "7", "kind": "call", "payload": { "body": { "username": "bo\u{1b}b" } } });
    let entry =
        |id: &str| StreamEntry { id: id.to_owned(), at: NOW, fields: fields.as_object().unwrap().clone() };
    state.stream.as_mut().unwrap().apply(Ok(vec![entry("1-0"), entry("2-0")]));
    let text = text(&state, &history(), 100, 30);
    line(&text, "> sb:{requests:0} (2 entries), following the newest, shortened: f shows what clients wrote");
    line(&text, r#"15:23:42.007 call       {"body":{"username":"bo\u001bb"}}"#);
    line(&text, "entry 2-0");
    line(&text, r#"    "username": "bo\u001bb""#);
    assert!(!text.contains('\u{1b}'));
}
