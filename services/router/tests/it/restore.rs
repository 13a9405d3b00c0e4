//! Names that are restored after the directory lost its data.

use crate::harness::{Cluster, address, handle, message, release};
use bus::message::{Body, Change, Message, Restore};

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
async fn lost_name_is_granted_again() {
    let mut cluster = Cluster::with_users().await;
    cluster.process(&message(100, release(0))).await;
    cluster.drain_mailboxes().await;
    cluster.process(&message(101, restore(0, "alice"))).await;
    assert_eq!(cluster.directory.user("alice").await.unwrap().unwrap().owner().unwrap().handle, handle(0));
    let own = cluster.directory.handle(handle(0)).await.unwrap().unwrap();
    assert_eq!(own.username.as_deref(), Some("alice"));
    assert_eq!(changes(&cluster.at_edge().await), [(10, Some(Change::Registered("alice".to_owned())))]);
}

#[tokio::test(start_paused = true)]
async fn name_of_another_handle_is_not_restored() {
    let mut cluster = Cluster::with_users().await;
    cluster.process(&message(100, release(0))).await;
    cluster.drain_mailboxes().await;
    for _ in 0..2 {
        cluster.process(&message(101, restore(0, "bob"))).await;
        assert_eq!(cluster.directory.user("bob").await.unwrap().unwrap().owner().unwrap().handle, handle(1));
        assert_eq!(cluster.directory.handle(handle(0)).await.unwrap().unwrap().username, None);
        let received = cluster.at_edge().await;
        assert_eq!(changes(&received), [(10, Some(Change::Displaced("bob".to_owned())))]);
        assert!(format!("{received:?}").contains("Registered elsewhere"));
    }
}
