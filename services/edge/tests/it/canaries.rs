//! The canaries that an edge sends to the routers.

use crate::harness::{context, parse};
use bus::Bus;
use bus::message::Message;
use bus::topic::{Mailbox, Queue};
use directory::Directory;
use edge::Edge;
use testkit::eventually;

#[tokio::test]
async fn stream_without_returned_canaries_is_reported() {
    let (bus, directory) = (Bus::memory(), Directory::memory());
    let context = context(bus.clone(), directory, true);
    let (id, health) = (context.id.clone(), context.health.clone());
    let _edge = Edge::start(&parse(&["--canary-interval=1"]), context).await.unwrap();
    let mut router = bus.join_workers(Queue::Requests(0), "r").await;
    let canary = router.next().await;
    bus.post(&Mailbox::Edge(id), &Message::new(canary.message.body.clone())).await.unwrap();
    canary.ack();
    eventually("one stream is open, and one is not", async || {
        let unmet: Vec<_> = health.reasons().into_iter().map(|(condition, _)| condition).collect();
        unmet == ["canary requests:1"]
    })
    .await;
}
