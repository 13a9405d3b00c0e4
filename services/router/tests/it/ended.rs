//! A call that an operator ends.

use crate::harness::{Cluster, backend, call, call_id, message};
use bus::message::{Body, Change, End, EndCause};
use bus::topic::Mailbox;

const REASON: &str = "maintenance";

fn end() -> Body {
    Body::End(End { call: call_id(100), cause: EndCause::Reason(REASON.to_owned()) })
}

/// Returns a cluster in which alice has called bob.
async fn begin() -> Cluster {
    let mut cluster = Cluster::with_users().await;
    cluster.process(&message(100, call(0, "bob"))).await;
    cluster.drain_mailboxes().await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn connector_receives_the_reason() {
    let mut cluster = begin().await;
    cluster.process(&message(101, end())).await;
    let [message] = cluster.at_backend().await.try_into().unwrap();
    let Body::End(End { call, cause }) = message.body else { panic!("not an end") };
    assert_eq!((call, cause), (call_id(100), EndCause::Reason(REASON.to_owned())));
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_some(), "the connector frees it");
}

#[tokio::test(start_paused = true)]
async fn without_a_connector_both_sides_receive_the_reason() {
    let mut cluster = begin().await;
    cluster.bus.close(&Mailbox::Backend(backend())).await.unwrap();
    cluster.process(&message(101, end())).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_none());
    let received = cluster.at_edge().await;
    assert_eq!(received.len(), 2, "{received:?}");
    for message in received {
        let Body::Events(events) = message.body else { panic!("no events") };
        assert_eq!((events.call, &events.change), (Some(call_id(100)), &Some(Change::Left)));
        assert!(format!("{:?}", events.events).contains(REASON), "{events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ended_call_is_ignored() {
    let mut cluster = Cluster::with_users().await;
    cluster.process(&message(101, end())).await;
    assert_eq!((cluster.at_backend().await.len(), cluster.at_edge().await.len()), (0, 0));
    assert_eq!(cluster.unfinished().await, 0);
}
