//! The screen of a cluster with a call.

use crate::terminal::Terminal;
use testkit::{Client, Cluster, FakeJanus, Redis};

const TAB: &str = "\t";
const ENTER: &str = "\r";
const ESCAPE: &str = "\u{1b}";
const DOWN: &str = "\u{1b}[B";

/// A cluster with a call from alice to bob; stopped when dropped.
struct Fixture {
    cluster: Cluster,
    _redis: Redis,
    _janus: FakeJanus,
    _clients: [Client; 2],
}

async fn fixture() -> Fixture {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let mut alice = Client::registered(&cluster.edge_url(0), "alice").await;
    let mut bob = Client::registered(&cluster.edge_url(0), "bob").await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    Fixture { cluster, _redis: redis, _janus: janus, _clients: [alice, bob] }
}

fn top(fixture: &Fixture) -> Terminal {
    Terminal::run(&["top", "--rest", &fixture.cluster.rest_url(0)], &[])
}

/// Returns the positions of two texts on the screen.
fn positions(text: &str, texts: [&str; 2]) -> [usize; 2] {
    texts.map(|part| text.find(part).unwrap_or_else(|| panic!("no {part} in\n{text}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_sorted_filtered_and_streams_shown() {
    let fixture = fixture().await;
    let mut top = top(&fixture);
    for text in
        ["sb:{requests:0}", "sb:{backend:a}", "sb:calls", "router-", "connector-", "1 call now", "normal"]
    {
        top.wait_for(text);
    }
    top.wait_for("All is well.");
    let first =
        top.wait_until("rates", |text| !text.contains("IN/S") || rate_of(text, "sb:{requests:0}").is_some());
    println!("{first}");
    let [requests, calls] = positions(&first, ["sb:{requests:0}", "sb:calls"]);
    assert!(requests < calls);
    top.press("s");
    top.wait_until("streams by name", |text| {
        text.contains("by stream") && text.find("sb:calls") < text.find("sb:{requests:0}")
    });
    top.press("r");
    top.wait_until("the reverse order", |text| {
        text.contains("reversed") && text.find("sb:calls") > text.find("sb:{requests:0}")
    });
    top.press("/calls");
    top.press(ENTER);
    top.wait_until("the filtered rows", |text| {
        text.contains("filter: calls") && !text.contains("sb:{requests:0}")
    });
    top.press(ENTER);
    let entry = top.wait_until("the line of the call", |text| text.contains("callee: bob"));
    println!("{entry}");
    assert!(entry.contains("event=ringing"), "{entry}");
    top.press(ESCAPE);
    top.wait_for("Streams (1)");
    top.press(ESCAPE);
    top.wait_for("sb:{requests:0}");
    top.press(TAB);
    top.wait_for("> Services");
    top.press("q");
    assert!(top.ended().success());
    top.wait_until_restored();
}

/// Returns the rate of added entries of a stream, once it is known.
fn rate_of(text: &str, key: &str) -> Option<f64> {
    text.lines().find(|line| line.contains(key))?.split_whitespace().nth_back(6)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_queue_are_shown_after_they_are_deleted() {
    let fixture = fixture().await;
    let mut top = top(&fixture);
    top.wait_for("sb:{requests:0}");
    top.press(ENTER);
    // Each edge sends a canary over each `requests` queue every two seconds.
    top.wait_for(" canary ");
    top.press(" ");
    top.wait_for("PAUSED");
    top.press(" f");
    top.wait_for("in full");
    top.wait_for(" canary ");
    top.press("?");
    let help = top.wait_for("Help: any key closes it");
    assert!(!help.is_empty());
    top.press("\u{3}");
    assert!(top.ended().success());
    top.wait_until_restored();
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_freezes_the_screen() {
    let fixture = fixture().await;
    let mut top = top(&fixture);
    top.wait_for("All is well.");
    top.press("p");
    top.wait_for("PAUSED");
    let before = top.text();
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(top.text(), before);
    top.press("p");
    top.wait_until("a later time", |text| {
        !text.contains("PAUSED") && text.lines().next() != before.lines().next()
    });
    top.press(DOWN);
    top.resize(60, 20);
    top.wait_until("a small screen", |text| {
        text.contains("Streams") && text.lines().all(|line| line.len() <= 60)
    });
}
