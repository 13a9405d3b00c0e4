//! Two clients that call each other all the time, whatever fails around them. A client that waits for the
//! other one keeps reading: if it did not notice that its socket is gone, it would reconnect too late.

use super::client::{ChaosClient, Outcome};
use super::report::Report;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::sdp;
use tokio::sync::{Barrier, watch};
use tokio::time::{Instant, sleep};

/// Time limit for the other side to receive an event. Faults add to it.
const EVENT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may stay busy with a call that is over.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

pub struct Pair {
    pub alice: ChaosClient,
    pub bob: ChaosClient,
    pub report: Arc<Report>,
    /// Synchronizes the two clients.
    pub both: Barrier,
}

impl Pair {
    /// Calls until `end`.
    pub async fn call_until(&mut self, end: Instant) {
        while Instant::now() < end {
            self.one_call().await;
            std::mem::swap(&mut self.alice, &mut self.bob);
        }
    }

    /// Stays connected until `quiet` is set.
    pub async fn wait_for_quiet(&mut self, mut quiet: watch::Receiver<bool>) {
        let mut again = quiet.clone();
        tokio::join!(
            self.alice.read_until(quiet.wait_for(|is_quiet| *is_quiet)),
            self.bob.read_until(again.wait_for(|is_quiet| *is_quiet)),
        );
    }

    /// Makes one successful call. Earlier faults may delay it.
    pub async fn call_once_quiet(&mut self) {
        let before = Instant::now();
        while !self.one_call().await {
            if before.elapsed() > BUSY_TIMEOUT + EVENT_TIMEOUT {
                let (alice, bob) = (self.alice.describe().await, self.bob.describe().await);
                return self.report.violated(&format!("{alice} and {bob} cannot call each other any more"));
            }
        }
    }

    /// Returns whether a call was answered, held for a moment, and ended on both sides.
    async fn one_call(&mut self) -> bool {
        tokio::join!(prepare(&mut self.alice, &self.both), prepare(&mut self.bob, &self.both));
        let went_well = self.answer_call().await && self.hold_call().await;
        if went_well {
            self.report.called();
        } else {
            self.hang_up_both().await;
        }
        went_well
    }

    async fn answer_call(&mut self) -> bool {
        let call = json!({"request": "call", "username": self.bob.name});
        let calling = request_in_step(&mut self.alice, call, Some(sdp::offer()), &self.both);
        let (answer, ()) = tokio::join!(calling, self.bob.read_until(self.both.wait()));
        if !self.succeeds("call", answer, "calling") {
            return false;
        }
        let ringing = expect(&mut self.bob, "incomingcall", &self.both);
        let (rings, ()) = tokio::join!(ringing, self.alice.read_until(self.both.wait()));
        if !rings {
            self.report.note("calls that did not ring");
            return false;
        }
        let accepting =
            request_in_step(&mut self.bob, json!({"request": "accept"}), Some(sdp::answer()), &self.both);
        let (acceptance, ()) = tokio::join!(accepting, self.alice.read_until(self.both.wait()));
        if !self.succeeds("accept", acceptance, "accepted") {
            return false;
        }
        let answered = expect(&mut self.alice, "accepted", &self.both);
        let (accepted, ()) = tokio::join!(answered, self.bob.read_until(self.both.wait()));
        if !accepted {
            self.report.note("accepts without an event");
        }
        accepted
    }

    async fn hold_call(&mut self) -> bool {
        self.alice.listen(Instant::now() + Duration::from_millis(100)).await;
        let sessions_created = (self.alice.sessions_created, self.bob.sessions_created);
        let hanging_up = request_in_step(&mut self.alice, json!({"request": "hangup"}), None, &self.both);
        let (hangup, ()) = tokio::join!(hanging_up, self.bob.read_until(self.both.wait()));
        let hung_up = self.succeeds("hangup", hangup, "hangup");
        let (here, there) = tokio::join!(
            expect(&mut self.alice, "hangup", &self.both),
            expect(&mut self.bob, "hangup", &self.both),
        );
        for (received, client, sessions_before) in
            [(here, &self.alice, sessions_created.0), (there, &self.bob, sessions_created.1)]
        {
            if !received && hung_up && client.sessions_created == sessions_before {
                self.report.violated(&format!("{} was not notified of the end of its call", client.name));
            }
        }
        hung_up
    }

    /// Returns whether the answer is that event. Any other answer is counted.
    fn succeeds(&self, what: &str, outcome: Outcome, expected: &str) -> bool {
        match outcome {
            Outcome::Answer(answer) if answer["result"]["event"] == expected => return true,
            Outcome::Answer(answer) => match answer["error_code"].as_u64() {
                Some(code) => self.report.error(code, what),
                None => self.report.note(&format!("{what}: {}", reason(&answer))),
            },
            Outcome::Refused(code) => self.report.error(code, what),
            Outcome::Lost => self.report.note(&format!("{what} lost with its socket")),
            Outcome::SessionLost => self.report.note(&format!("{what} lost with its session")),
        }
        false
    }

    /// Both hang up, and wait a moment for the events that follow.
    async fn hang_up_both(&mut self) {
        let hangup = || json!({"request": "hangup"});
        tokio::join!(
            request_in_step(&mut self.alice, hangup(), None, &self.both),
            request_in_step(&mut self.bob, hangup(), None, &self.both),
        );
        sleep(Duration::from_millis(300)).await;
    }
}

/// Registers the name again if it was lost, waits for the other client, and discards earlier messages.
async fn prepare(client: &mut ChaosClient, both: &Barrier) {
    client.regain_name().await;
    client.read_until(both.wait()).await;
    client.clear_inbox();
}

/// Sends a request, and reads until the other client is ready too.
async fn request_in_step(
    client: &mut ChaosClient,
    body: Value,
    jsep: Option<Value>,
    both: &Barrier,
) -> Outcome {
    let outcome = client.request(body, jsep).await;
    client.read_until(both.wait()).await;
    outcome
}

/// Returns whether the event arrives in time. Reads until the other client is ready too.
async fn expect(client: &mut ChaosClient, name: &str, both: &Barrier) -> bool {
    let received = client.expect(name, EVENT_TIMEOUT).await;
    client.read_until(both.wait()).await;
    received.is_some()
}

fn reason(answer: &Value) -> String {
    answer["result"]["reason"].as_str().unwrap_or("no reason").to_owned()
}
