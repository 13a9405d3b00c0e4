//! The directory forgets an edge, or everything.

use crate::bench::Bench;
use bus::message::{Body, Restore};
use protocol::SessionId;
use testkit::eventually;

#[tokio::test]
async fn an_edge_that_is_not_known_any_more_announces_itself_and_its_sessions_again() {
    let mut bench = Bench::first(&[]).await;
    let (alice, asked, leg) = bench.ringing().await;
    let session = SessionId(alice.session());
    eventually("the session is written down", async || {
        bench.settled(&bench.id).await;
        bench.directory.session(session).await.unwrap().is_some()
    })
    .await;
    bench.directory.close_session(session, &bench.id).await.unwrap();
    bench.directory.remove_edge(&bench.id).await.unwrap();
    assert!(matches!(bench.on_leg().await.body, Body::ClientMoved(attend) if attend.leg == leg));
    let restore = Restore { who: asked.asks.from.clone(), username: "alice".to_owned() };
    assert!(matches!(bench.message().await.body, Body::Restore(lost) if lost == restore));
    let other = bench.another(&[]).await;
    let mut alice = alice;
    alice.reconnect(&other.url).await;
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 1, "update").await;
    alice.expect_event("update").await;
}

#[tokio::test]
async fn a_session_that_is_found_missing_is_restored() {
    let mut bench = Bench::first(&[]).await;
    let (alice, asked, leg) = bench.ringing().await;
    let session = SessionId(alice.session());
    bench.settled(&bench.id).await;
    bench.directory.close_session(session, &bench.id).await.unwrap();
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 1, "update").await;
    assert!(matches!(bench.on_leg().await.body, Body::ClientMoved(attend) if attend.leg == leg));
    assert!(matches!(bench.message().await.body, Body::Restore(_)));
    assert_eq!(bench.directory.session(session).await.unwrap().unwrap().edge, bench.id);
}
