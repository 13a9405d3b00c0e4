//! An operator ends a call.

use crate::bench::{Cluster, backend, call, call_id, message};
use bus::message::{Body, Change, End, EndCause};
use bus::topic::Mailbox;

const REASON: &str = "maintenance";

fn end() -> Body {
    Body::End(End { call: call_id(100), cause: EndCause::Reason(REASON.to_owned()) })
}

/// alice has called bob.
async fn begin() -> Cluster {
    let mut cluster = Cluster::populated().await;
    cluster.ask(&message(100, call(0, "bob"))).await;
    cluster.quietly().await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn its_connector_is_told_why() {
    let mut cluster = begin().await;
    cluster.ask(&message(101, end())).await;
    let [told] = cluster.at_backend().await.try_into().unwrap();
    let Body::End(End { call, cause }) = told.body else { panic!("that is no end") };
    assert_eq!((call, cause), (call_id(100), EndCause::Reason(REASON.to_owned())));
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_some(), "the connector frees it");
}

#[tokio::test(start_paused = true)]
async fn without_a_connector_both_sides_hear_the_reason_from_a_router() {
    let mut cluster = begin().await;
    cluster.bus.close(&Mailbox::Backend(backend())).await.unwrap();
    cluster.ask(&message(101, end())).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_none());
    let told = cluster.at_edge().await;
    assert_eq!(told.len(), 2, "{told:?}");
    for message in told {
        let Body::Events(events) = message.body else { panic!("those are no events") };
        assert_eq!((events.call, &events.change), (Some(call_id(100)), &Some(Change::Left)));
        assert!(format!("{:?}", events.events).contains(REASON), "{events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_over_is_no_matter() {
    let mut cluster = Cluster::populated().await;
    cluster.ask(&message(101, end())).await;
    assert_eq!((cluster.at_backend().await.len(), cluster.at_edge().await.len()), (0, 0));
    assert_eq!(cluster.unfinished().await, 0);
}
