//! Roads that are shown to be open, and names that are restored.

use crate::bench::{Cluster, address, edge, handle, message, release};
use crate::sky::Silent;
use bus::message::{Body, Canary, Change, Message, Restore};
use common::ServiceId;
use common::fault::FaultInjector;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn canary(from: &str, number: u64) -> Message {
    let canary = Canary { from: ServiceId::from(from), stream: "requests:0".to_owned(), number };
    Message::new(Body::Canary(canary))
}

fn changes(messages: &[Message]) -> Vec<(u64, Option<Change>)> {
    let change = |message: &Message| match &message.body {
        Body::Events(events) => Some((events.session.0, events.change.clone())),
        _ => None,
    };
    messages.iter().filter_map(change).collect()
}

fn restore(who: usize, name: &str) -> Body {
    Body::Restore(Restore { who: address(who), username: name.to_owned() })
}

#[tokio::test(start_paused = true)]
async fn an_edges_canary_comes_back_to_it() {
    let mut cluster = Cluster::start().await;
    let sent = canary(edge().as_str(), 7);
    cluster.ask(&sent).await;
    cluster.ask(&canary("edge-that-is-gone", 8)).await;
    let back = cluster.at_edge().await;
    assert!(matches!(&back[..], [Message { body: Body::Canary(it), .. }] if it.number == 7), "{back:?}");
    assert_eq!(cluster.unfinished().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_router_is_ready_when_it_hears_its_own_notices_and_not_when_it_hears_none() {
    let cluster = Cluster::start().await;
    let router = cluster.router_with(&FaultInjector::default(), 2);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(router.complaints(), [""; 0]);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(router.complaints(), [""; 0]);
    router.stop().await;
    let deaf = cluster.router_with(&FaultInjector::new(Arc::new(Silent)), 2);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(deaf.complaints(), ["canary notices"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_lost_is_its_handles_again() {
    let mut cluster = Cluster::populated().await;
    cluster.ask(&message(100, release(0))).await;
    cluster.quietly().await;
    cluster.ask(&message(101, restore(0, "alice"))).await;
    assert_eq!(cluster.directory.user("alice").await.unwrap().unwrap().owner().unwrap().handle, handle(0));
    let own = cluster.directory.handle(handle(0)).await.unwrap().unwrap();
    assert_eq!(own.username.as_deref(), Some("alice"));
    assert_eq!(changes(&cluster.at_edge().await), [(10, Some(Change::Registered("alice".to_owned())))]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_somebody_else_has_by_now_stays_his() {
    let mut cluster = Cluster::populated().await;
    cluster.ask(&message(100, release(0))).await;
    cluster.quietly().await;
    for _ in 0..2 {
        cluster.ask(&message(101, restore(0, "bob"))).await;
        assert_eq!(cluster.directory.user("bob").await.unwrap().unwrap().owner().unwrap().handle, handle(1));
        assert_eq!(cluster.directory.handle(handle(0)).await.unwrap().unwrap().username, None);
        let told = cluster.at_edge().await;
        assert_eq!(changes(&told), [(10, Some(Change::Displaced("bob".to_owned())))]);
        assert!(format!("{told:?}").contains("Registered elsewhere"));
    }
}
