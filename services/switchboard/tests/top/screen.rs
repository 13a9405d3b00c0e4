//! The screen of a cluster in which people call each other.

use crate::terminal::Terminal;
use testkit::{Client, Cluster, FakeJanus, Redis};

const TAB: &str = "\t";
const ENTER: &str = "\r";
const ESCAPE: &str = "\u{1b}";
const DOWN: &str = "\u{1b}[B";

/// All that runs.
struct House {
    cluster: Cluster,
    _redis: Redis,
    _janus: FakeJanus,
    _people: [Client; 2],
}

async fn house() -> House {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let mut alice = Client::registered(&cluster.edge_url(0), "alice").await;
    let mut bob = Client::registered(&cluster.edge_url(0), "bob").await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    House { cluster, _redis: redis, _janus: janus, _people: [alice, bob] }
}

fn top(house: &House) -> Terminal {
    Terminal::run(&["top", "--rest", &house.cluster.rest_url(0)], &[])
}

/// The places of these words on the screen, from above.
fn places(text: &str, words: [&str; 2]) -> [usize; 2] {
    words.map(|words| text.find(words).unwrap_or_else(|| panic!("no {words} in\n{text}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn roads_services_and_backends_are_seen_sorted_filtered_and_looked_into() {
    let house = house().await;
    let mut top = top(&house);
    for words in
        ["sb:{requests:0}", "sb:{backend:a}", "sb:calls", "router-", "connector-", "1 call now", "normal"]
    {
        top.wait_for(words);
    }
    top.wait_for("All is well.");
    let text =
        top.wait_until("rates", |text| !text.contains("IN/S") || rate_of(text, "sb:{requests:0}").is_some());
    println!("{text}");
    let [requests, calls] = places(&text, ["sb:{requests:0}", "sb:calls"]);
    assert!(requests < calls);
    top.press("s");
    top.wait_until("roads by name", |text| {
        text.contains("by road") && text.find("sb:calls") < text.find("sb:{requests:0}")
    });
    top.press("r");
    top.wait_until("and turned round", |text| {
        text.contains("turned round") && text.find("sb:calls") > text.find("sb:{requests:0}")
    });
    top.press("/calls");
    top.press(ENTER);
    top.wait_until("what the filter lets through", |text| {
        text.contains("filter: calls") && !text.contains("sb:{requests:0}")
    });
    top.press(ENTER);
    let whole = top.wait_until("the line of the call", |text| text.contains("callee: bob"));
    println!("{whole}");
    assert!(whole.contains("event=ringing"), "{whole}");
    top.press(ESCAPE);
    top.wait_for("Roads (1)");
    top.press(ESCAPE);
    top.wait_for("sb:{requests:0}");
    top.press(TAB);
    top.wait_for("> Services");
    top.press("q");
    assert!(top.ended().success());
    top.comes_back();
}

/// The rate in of a road, once there is one.
fn rate_of(text: &str, key: &str) -> Option<f64> {
    text.lines().find(|line| line.contains(key))?.split_whitespace().nth_back(6)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_on_a_queue_is_seen_although_it_is_done_at_once() {
    let house = house().await;
    let mut top = top(&house);
    top.wait_for("sb:{requests:0}");
    top.press(ENTER);
    // Edges send a sign of life over each queue every two seconds.
    top.wait_for(" canary ");
    top.press(" ");
    top.wait_for("PAUSED");
    top.press(" f");
    top.wait_for("in full");
    top.wait_for(" canary ");
    top.press("?");
    let help = top.wait_for("Help: any key ends it");
    assert!(!help.is_empty());
    top.press("\u{3}");
    assert!(top.ended().success());
    top.comes_back();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_the_picture() {
    let house = house().await;
    let mut top = top(&house);
    top.wait_for("All is well.");
    top.press("p");
    top.wait_for("PAUSED");
    let before = top.text();
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(top.text(), before);
    top.press("p");
    top.wait_until("time going on", |text| {
        !text.contains("PAUSED") && text.lines().next() != before.lines().next()
    });
    top.press(DOWN);
    top.resize(60, 20);
    top.wait_until("a small screen", |text| {
        text.contains("Roads") && text.lines().all(|line| line.len() <= 60)
    });
}
