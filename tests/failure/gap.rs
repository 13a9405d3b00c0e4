//! What happens while somebody is away, and what must be heard of it afterwards: everything once, in order,
//! and before anything newer. The measure is somebody to whom the same happens and who was never away.

use super::house::{FailureCluster, told};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::Client;
use testkit::message::{event, kind, result};

/// Two people of whom one goes away, and two like them who both stay.
pub struct Gap {
    pub away: Client,
    friend: Client,
    present: Client,
    friend_of_present: Client,
    heard: usize,
}

impl Gap {
    /// `name` is at the first door; the others are not.
    pub async fn before(house: &FailureCluster, name: &str) -> Self {
        let (here, there) = (house.edge_url(0), house.edge_url(1));
        let [friend, present, other] =
            ["friend of", "present", "friend of present"].map(|it| format!("{it} {name}"));
        let (away, friend, present, friend_of_present) = tokio::join!(
            Client::registered(&here, name),
            Client::registered(&there, &friend),
            Client::registered(&there, &present),
            Client::registered(&there, &other),
        );
        let heard = away.transcript().received().len();
        assert_eq!(present.transcript().received().len(), heard);
        Self { away, friend, present, friend_of_present, heard }
    }

    /// Somebody calls, and gives up.
    pub async fn passes(&mut self, name: &str) {
        let present = format!("present {name}");
        tokio::join!(ring(&mut self.friend, name), ring(&mut self.friend_of_present, &present));
    }

    /// Now that the one who was away is back, somebody calls once more; what was heard must be the same.
    pub async fn ends(mut self, name: &str) {
        let present = format!("present {name}");
        tokio::join!(ring(&mut self.friend, name), ring(&mut self.friend_of_present, &present));
        for client in [&mut self.away, &mut self.present] {
            for _ in 0..2 {
                client.expect_event("incomingcall").await;
                client.expect_core("hangup").await;
            }
            client.ping().await;
        }
        assert_eq!(self.story(&self.away), self.story(&self.present), "{}", self.away.transcript());
        let candidates = candidates(&self.away, self.heard);
        let once: BTreeSet<&String> = candidates.iter().collect();
        assert!(!candidates.is_empty() && once.len() == candidates.len(), "{candidates:?}");
        for client in [&mut self.away, &mut self.friend, &mut self.present, &mut self.friend_of_present] {
            client.destroy().await;
        }
    }

    /// What the plugin and the core have said by themselves, but not who is meant.
    fn story(&self, client: &Client) -> Vec<Value> {
        let received = client.transcript().received();
        let unasked = received[self.heard..].iter().filter(|it| it.get("transaction").is_none());
        let told = unasked.filter(|it| kind(it) != "trickle");
        told.map(|it| json!([kind(it), event(it), result(it)["reason"], it["reason"]])).collect()
    }
}

async fn ring(caller: &mut Client, callee: &str) {
    caller.call(callee).await;
    caller.hangup_with_reason("nobody there").await;
    told(caller).await;
}

/// The candidates that were heard after the first `from` messages.
fn candidates(client: &Client, from: usize) -> Vec<String> {
    let received = client.transcript().received();
    let trickles = received[from..].iter().filter(|it| kind(it) == "trickle");
    trickles.filter_map(|it| it["candidate"]["candidate"].as_str()).map(str::to_owned).collect()
}
