//! The addresses that HTTP is served on, and the announcement to proxies.

use crate::harness::{context, start};
use bus::SendError;
use bus::message::{Body, Message, ProxyReply};
use bus::topic::Mailbox;
use common::CallId;
use directory::OUR_PROXY;
use rest::{Error, Options};
use service::Secret;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::yield_now;

#[tokio::test]
async fn without_a_secret_only_loopback_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = rest::run(Options::default(), listener, context()).await;
    let Err(error @ Error::Address(_)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("--rest-secret"), "{error}");
}

#[tokio::test]
async fn with_a_secret_every_address_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let context = context();
    let options = Options { rest_secret: Some(Secret::from("long and random")), ..Options::default() };
    context.shutdown.cancel();
    rest::run(options, listener, context).await.unwrap();
}

#[tokio::test]
async fn mailbox_is_deleted_at_shutdown() {
    let rest = start().await;
    rest.get("/ping").await;
    let mailbox = Mailbox::Rest(rest.context.id.clone());
    let response = ProxyReply { call: CallId::fresh(), refusal: None };
    let message = Message::new(Body::ProxyReply(response));
    rest.context.bus.post(&mailbox, &message).await.unwrap();
    rest.context.shutdown.cancel();
    rest.ended.await.unwrap().unwrap();
    assert!(matches!(rest.context.bus.post(&mailbox, &message).await, Err(SendError::NoMailbox)));
}

#[tokio::test]
async fn proxy_url_is_announced() {
    let rest = start().await;
    rest.get("/ping").await;
    let announced = || rest.context.directory.proxy_url(OUR_PROXY);
    let url = format!("http://{}/plugins/videocall", rest.address);
    let deadline = Instant::now() + Duration::from_secs(10);
    while announced().await.unwrap().as_deref() != Some(&url) {
        assert!(Instant::now() < deadline, "{:?}", announced().await);
        yield_now().await;
    }
    rest.context.shutdown.cancel();
    rest.ended.await.unwrap().unwrap();
    assert_eq!(
        rest.context.directory.proxy_url(OUR_PROXY).await.unwrap(),
        Some(url),
        "other services may be running"
    );
}
