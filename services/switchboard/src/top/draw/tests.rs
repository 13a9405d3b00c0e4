//! What stands on the screen.

use super::*;
use crate::top::detail::StreamView;
use crate::top::frame::{Backend, CallStats, Percentiles, RecentCalls, Service, StreamEntry, StreamStats};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

const NOW: u64 = 1_795_361_022_007;

fn road(key: &str, kind: &str, added: u64, oldest_ms: Option<u64>) -> StreamStats {
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

fn cluster(at: u64) -> crate::top::frame::ClusterView {
    let recent = RecentCalls {
        since: at - 300_000,
        rang: 9,
        answered: 8,
        ended: 7,
        reasons: [("hangup".to_owned(), 6), ("timeout".to_owned(), 1)].into(),
        setup_ms: Percentiles { p50: Some(4.25), p99: Some(12.0) },
        ..RecentCalls::default()
    };
    crate::top::frame::ClusterView {
        at,
        streams: vec![
            road("sb:{requests:0}", "queue", at / 100, Some(3)),
            road("sb:{edge-0a1b2c3d}", "mailbox", 5, Some(4_000)),
            road("sb:calls", "log", 9, None),
        ],
        services: ["edge", "router", "connector"].map(service).into(),
        backends: vec![Backend {
            name: "a".to_owned(),
            status: "normal".to_owned(),
            health: "it takes calls".to_owned(),
            calls: 2,
            probe_ms: Some(3),
            served_by: Some("connector-0a1b2c3d".to_owned()),
            ..Backend::default()
        }],
        calls: CallStats { now: 2, recent },
    }
}

fn watched() -> ClusterMonitor {
    let mut watch = ClusterMonitor::new("http://127.0.0.1:8080");
    watch.apply(Ok(cluster(NOW - 2_000)));
    watch.apply(Ok(cluster(NOW)));
    watch
}

fn screen(state: &UiState, watch: &ClusterMonitor, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, watch, Theme { has_colour: true })).unwrap();
    terminal
}

fn text(state: &UiState, watch: &ClusterMonitor, width: u16, height: u16) -> String {
    let screen = screen(state, watch, width, height);
    let lines = screen.backend().buffer().content().chunks(usize::from(width));
    let lines = lines.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn line<'t>(text: &'t str, words: &str) -> &'t str {
    text.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words:?} in\n{text}"))
}

#[test]
fn all_is_on_one_screen() {
    let text = text(&UiState::default(), &watched(), 132, 40);
    assert!(line(&text, "Switchboard").contains("http://127.0.0.1:8080  15:23:42 UTC"));
    assert!(
        line(&text, "calls now").contains("2 calls now; in the last 5 min 9 rang, 8 were answered, 7 ended")
    );
    assert!(line(&text, "setting up").contains("half within 4.2 ms, 99 % within 12 ms"));
    line(&text, "ended: hangup 6, timeout 1");
    line(&text, "- sb:{edge-0a1b2c3d}: 3 entries wait, the oldest for 4.0 s");
    let words = |words| line(&text, words).split_whitespace().collect::<Vec<_>>();
    assert_eq!(words("queue  "), ["sb:{requests:0}", "queue", "3", "10", "10", "3", "ms", "1", "2", "4"]);
    assert_eq!(words("sb:calls"), ["sb:calls", "log", "3", "0", "-", "-", "-", "-", "-"]);
    assert!(line(&text, "router-0a1b2c3d").contains("12 clients, 11 sessions"));
    assert!(line(&text, "it takes calls").contains("normal"));
    line(&text, "? help  q quit");
}

#[test]
fn what_is_wrong_is_seen_by_its_colour() {
    let screen = screen(&UiState::default(), &watched(), 132, 40);
    let first = |row: u16| screen.backend().buffer()[(0, row)].clone();
    let row = (0..40).find(|row| first(*row).symbol() == "-").unwrap();
    assert_eq!(first(row).fg, Color::Yellow);
    let mut watch = watched();
    watch.apply(Err("rest at http://h cannot be reached: refused".to_owned()));
    let text = text(&UiState::default(), &watch, 132, 40);
    line(&text, "! rest at http://h cannot be reached: refused; trying again");
    assert!(line(&text, "Switchboard").ends_with("15:23:42 UTC  old"), "what was seen stays");
    line(&text, "sb:calls");
}

#[test]
fn without_colour_there_is_none() {
    let mut terminal = Terminal::new(TestBackend::new(132, 40)).unwrap();
    terminal.draw(|frame| draw(frame, &UiState::default(), &watched(), Theme { has_colour: false })).unwrap();
    assert!(terminal.backend().buffer().content().iter().all(|cell| cell.fg == Color::Reset));
}

#[test]
fn a_terminal_of_any_size_shows_what_fits() {
    let mut states = [UiState::default(), UiState::default(), UiState::default()];
    states[1].shows_help = true;
    states[2].stream = Some(StreamView::new("sb:calls"));
    for width in [0, 1, 39, 40, 60, 80, 132] {
        for height in [0, 1, 7, 8, 9, 12, 24, 60] {
            for state in
                states.iter().flat_map(|state| [(state, watched()), (state, ClusterMonitor::new("http://h"))])
            {
                if width > 0 && height > 0 {
                    screen(state.0, &state.1, width, height);
                }
            }
        }
    }
    let small = text(&UiState::default(), &watched(), 80, 24);
    for words in
        ["sb:{requests:0}", "2 calls now", "q quit", "> Roads (3)", "Services (3)", "Janus servers (1)"]
    {
        line(&small, words);
    }
    assert!(text(&UiState::default(), &watched(), 30, 5).contains("too small"));
    assert!(text(&UiState::default(), &watched(), 40, 12).contains("> Roads (3)"));
}

#[test]
fn a_road_that_is_looked_into_shows_its_entries_and_one_as_a_whole() {
    let mut state = UiState { stream: Some(StreamView::new("sb:{requests:0}")), ..UiState::default() };
    assert!(text(&state, &watched(), 100, 30).contains("No entries so far."));
    let fields = json!({ "id": "7", "kind": "call", "payload": { "body": { "username": "bo\u{1b}b" } } });
    let entry =
        |id: &str| StreamEntry { id: id.to_owned(), at: NOW, fields: fields.as_object().unwrap().clone() };
    state.stream.as_mut().unwrap().apply(Ok(vec![entry("1-0"), entry("2-0")]));
    let text = text(&state, &watched(), 100, 30);
    line(&text, "> sb:{requests:0} (2 seen), following the newest, shortened: f shows what clients wrote");
    line(&text, r#"15:23:42.007 call       {"body":{"username":"bo\u001bb"}}"#);
    line(&text, "entry 2-0");
    line(&text, r#"    "username": "bo\u001bb""#);
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn the_chosen_row_is_always_in_the_window() {
    for length in 0..30 {
        for chosen in 0..length {
            for height in 1..12 {
                let shown = visible_range(length, chosen, height);
                assert!(shown.contains(&chosen) && shown.len() <= height && shown.end <= length);
            }
        }
    }
    assert_eq!(visible_range(0, 0, 5), 0..0);
}
