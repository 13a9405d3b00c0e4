//! Events that occur while a client is away: afterwards the client must receive each of them once, in order,
//! and before any newer event. The expected events are those of a client that was never away.

use super::cluster::{Fixture, expect_call_end};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::Client;
use testkit::message::{event, kind, result};

/// Two clients of which one goes away, and two reference clients that both stay.
pub struct MissedEvents {
    pub away: Client,
    caller: Client,
    present: Client,
    caller_of_present: Client,
    received_before: usize,
}

impl MissedEvents {
    /// `name` is at the first edge, the others at the second.
    pub async fn before(fixture: &Fixture, name: &str) -> Self {
        let (here, there) = (fixture.edge_url(0), fixture.edge_url(1));
        let [caller, present, other] =
            ["caller of", "present", "caller of present"].map(|it| format!("{it} {name}"));
        let (away, caller, present, caller_of_present) = tokio::join!(
            Client::registered(&here, name),
            Client::registered(&there, &caller),
            Client::registered(&there, &present),
            Client::registered(&there, &other),
        );
        let received_before = away.transcript().received().len();
        assert_eq!(present.transcript().received().len(), received_before);
        Self { away, caller, present, caller_of_present, received_before }
    }

    /// A caller calls, and hangs up before the answer.
    pub async fn miss_call(&mut self, name: &str) {
        let present = format!("present {name}");
        tokio::join!(ring(&mut self.caller, name), ring(&mut self.caller_of_present, &present));
    }

    /// After the client has returned, it is called once more. What it received must equal what the reference
    /// received.
    pub async fn compare(mut self, name: &str) {
        let present = format!("present {name}");
        tokio::join!(ring(&mut self.caller, name), ring(&mut self.caller_of_present, &present));
        for client in [&mut self.away, &mut self.present] {
            for _ in 0..2 {
                client.expect_event("incomingcall").await;
                client.expect_core("hangup").await;
            }
            client.ping().await;
        }
        assert_eq!(
            self.unsolicited_events(&self.away),
            self.unsolicited_events(&self.present),
            "{}",
            self.away.transcript()
        );
        let candidates = candidates(&self.away, self.received_before);
        let once: BTreeSet<&String> = candidates.iter().collect();
        assert!(!candidates.is_empty() && once.len() == candidates.len(), "{candidates:?}");
        for client in [&mut self.away, &mut self.caller, &mut self.present, &mut self.caller_of_present] {
            client.destroy().await;
        }
    }

    /// The unsolicited events of the plugin and the core, without the names in them.
    fn unsolicited_events(&self, client: &Client) -> Vec<Value> {
        let received = client.transcript().received();
        let unsolicited =
            received[self.received_before..].iter().filter(|it| it.get("transaction").is_none());
        let events = unsolicited.filter(|it| kind(it) != "trickle");
        events.map(|it| json!([kind(it), event(it), result(it)["reason"], it["reason"]])).collect()
    }
}

async fn ring(caller: &mut Client, callee: &str) {
    caller.call(callee).await;
    caller.hangup_with_reason("no answer").await;
    expect_call_end(caller).await;
}

/// The candidates received after the first `from` messages.
fn candidates(client: &Client, from: usize) -> Vec<String> {
    let received = client.transcript().received();
    let trickles = received[from..].iter().filter(|it| kind(it) == "trickle");
    trickles.filter_map(|it| it["candidate"]["candidate"].as_str()).map(str::to_owned).collect()
}
