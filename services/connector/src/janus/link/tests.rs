//! How a link ends when what is queued cannot be written.

use super::*;
use crate::janus::connect::connect;
use crate::janus::endpoint::Endpoint;
use crate::lease::state::LeaseState;
use common::transport::Transport;
use directory::record::FencingToken;
use std::sync::{Arc, Mutex};
use testkit::{FakeJanus, eventually};
use tokio::sync::watch;

/// A link to this server, of a connector whose lease has run out.
async fn link_without_a_lease(janus: &Arc<Mutex<FakeJanus>>) -> Link {
    let server = janus.clone();
    let endpoint = Endpoint {
        url: "ws://janus:8188".to_owned(),
        credentials: Credentials::default(),
        dialler: Arc::new(move |_| {
            let stream =
                server.lock().unwrap().connect().map(|stream| Box::new(stream) as Box<dyn Transport>);
            Box::pin(async move { stream.ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into()) })
        }),
    };
    let connected = connect(&endpoint, &[]).await.unwrap();
    let (_, lease) = watch::channel(LeaseState::Held { until: Instant::now(), token: FencingToken(1) });
    Link::new(connected, endpoint.credentials, LeaseWatch::new(lease))
}

#[tokio::test(start_paused = true)]
async fn link_closes_without_its_requests_if_the_lease_is_uncertain() {
    let janus = Arc::new(Mutex::new(FakeJanus::in_memory()));
    let link = link_without_a_lease(&janus).await;
    let began = Instant::now();
    link.close().await;
    assert_eq!(began.elapsed(), WRITE_TIMEOUT);
    eventually("Janus reads the close frame", async || janus.lock().unwrap().closes() == [Some(1000)]).await;
    assert!(janus.lock().unwrap().requests().iter().all(|request| request["janus"] != "destroy"));
}

#[tokio::test(start_paused = true)]
async fn abandoned_link_closes_at_once() {
    let janus = Arc::new(Mutex::new(FakeJanus::in_memory()));
    let mut link = link_without_a_lease(&janus).await;
    assert_eq!(link.send("{}".to_owned()), None);
    let began = Instant::now();
    link.abandon(CloseCode::Away).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    eventually("Janus reads the close frame", async || janus.lock().unwrap().closes() == [Some(1001)]).await;
}

#[tokio::test(start_paused = true)]
async fn large_requests_are_refused_before_small_ones() {
    let janus = Arc::new(Mutex::new(FakeJanus::in_memory()));
    let mut link = link_without_a_lease(&janus).await;
    let large = "x".repeat(512 << 10);
    let taken = (0..).take_while(|_| link.send(large.clone()).is_none()).count();
    assert_eq!(taken * large.len(), REQUEST_LIMIT.bytes);
    assert_eq!(link.send("{}".to_owned()), None);
    assert_eq!(link.send(large.clone()), Some(large));
    assert!(!link.is_overflowing, "the link is still up");
}

#[tokio::test(start_paused = true)]
async fn one_request_too_many_takes_the_link_down() {
    let janus = Arc::new(Mutex::new(FakeJanus::in_memory()));
    let mut link = link_without_a_lease(&janus).await;
    for _ in 0..REQUEST_LIMIT.entries {
        assert_eq!(link.send("{}".to_owned()), None);
    }
    assert_eq!(link.send("{}".to_owned()).as_deref(), Some("{}"));
    assert!(matches!(link.next().await, Err(LinkError::Backpressure)));
}
