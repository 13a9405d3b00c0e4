//! Two people who call each other all the time, whatever happens around them. Who has nothing to do listens
//! until the other has done its part: a client that does not notice that its socket is gone comes back too late.

use super::figures::Figures;
use super::person::{ChaosClient, Outcome};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::sdp;
use tokio::sync::{Barrier, watch};
use tokio::time::{Instant, sleep};

/// How soon the other side must hear of what is done, when nothing breaks; breaks only make it later.
const SOON: Duration = Duration::from_secs(15);
/// How long somebody may be busy with a call that is over.
const BUSY: Duration = Duration::from_secs(20);

pub struct Pair {
    pub alice: ChaosClient,
    pub bob: ChaosClient,
    pub figures: Arc<Figures>,
    /// Where they wait for each other.
    pub both: Barrier,
}

impl Pair {
    /// Calls until `end`.
    pub async fn keeps_calling(&mut self, end: Instant) {
        while Instant::now() < end {
            self.one_call().await;
            std::mem::swap(&mut self.alice, &mut self.bob);
        }
    }

    /// Does nothing until there is peace.
    pub async fn waits(&mut self, mut peace: watch::Receiver<bool>) {
        let mut again = peace.clone();
        tokio::join!(
            self.alice.stays(peace.wait_for(|peace| *peace)),
            self.bob.stays(again.wait_for(|peace| *peace)),
        );
    }

    /// One call that comes about; not at once when what went wrong before has to settle first.
    pub async fn calls_in_peace(&mut self) {
        let before = Instant::now();
        while !self.one_call().await {
            if before.elapsed() > BUSY + SOON {
                let (alice, bob) = (self.alice.is_known_as().await, self.bob.is_known_as().await);
                return self.figures.broken(&format!("{alice} and {bob} cannot call each other any more"));
            }
        }
    }

    /// Whether a call came about, was held for a moment and ended on both sides.
    async fn one_call(&mut self) -> bool {
        tokio::join!(is_ready(&mut self.alice, &self.both), is_ready(&mut self.bob, &self.both));
        let went_well = self.is_answered().await && self.is_held().await;
        if went_well {
            self.figures.called();
        } else {
            self.settles().await;
        }
        went_well
    }

    async fn is_answered(&mut self) -> bool {
        let call = json!({"request": "call", "username": self.bob.name});
        let calling = asks(&mut self.alice, call, Some(sdp::offer()), &self.both);
        let (answer, ()) = tokio::join!(calling, self.bob.stays(self.both.wait()));
        if !self.succeeds("call", answer, "calling") {
            return false;
        }
        let ringing = hears(&mut self.bob, "incomingcall", &self.both);
        let (rings, ()) = tokio::join!(ringing, self.alice.stays(self.both.wait()));
        if !rings {
            self.figures.note("calls that did not ring");
            return false;
        }
        let accepting = asks(&mut self.bob, json!({"request": "accept"}), Some(sdp::answer()), &self.both);
        let (answer, ()) = tokio::join!(accepting, self.alice.stays(self.both.wait()));
        if !self.succeeds("accept", answer, "accepted") {
            return false;
        }
        let answered = hears(&mut self.alice, "accepted", &self.both);
        let (accepted, ()) = tokio::join!(answered, self.bob.stays(self.both.wait()));
        if !accepted {
            self.figures.note("accepts that were not heard");
        }
        accepted
    }

    async fn is_held(&mut self) -> bool {
        self.alice.listen(Instant::now() + Duration::from_millis(100)).await;
        let lives = (self.alice.lives, self.bob.lives);
        let hanging_up = asks(&mut self.alice, json!({"request": "hangup"}), None, &self.both);
        let (hangup, ()) = tokio::join!(hanging_up, self.bob.stays(self.both.wait()));
        let asked = self.succeeds("hangup", hangup, "hangup");
        let (here, there) = tokio::join!(
            hears(&mut self.alice, "hangup", &self.both),
            hears(&mut self.bob, "hangup", &self.both),
        );
        for (heard, person, life) in [(here, &self.alice, lives.0), (there, &self.bob, lives.1)] {
            if !heard && asked && person.lives == life {
                self.figures.broken(&format!("{} was not told that its call is over", person.name));
            }
        }
        asked
    }

    /// Whether the answer is that event; anything else is counted.
    fn succeeds(&self, what: &str, outcome: Outcome, expected: &str) -> bool {
        match outcome {
            Outcome::Answer(answer) if answer["result"]["event"] == expected => return true,
            Outcome::Answer(answer) => match answer["error_code"].as_u64() {
                Some(code) => self.figures.error(code, what),
                None => self.figures.note(&format!("{what}: {}", reason(&answer))),
            },
            Outcome::Refused(code) => self.figures.error(code, what),
            Outcome::Unknown => self.figures.note(&format!("{what} lost with its socket")),
            Outcome::Anew => self.figures.note(&format!("{what} lost with its session")),
        }
        false
    }

    /// Both hang up whatever they may be in, and wait a moment for what follows.
    async fn settles(&mut self) {
        let hangup = || json!({"request": "hangup"});
        tokio::join!(
            asks(&mut self.alice, hangup(), None, &self.both),
            asks(&mut self.bob, hangup(), None, &self.both),
        );
        sleep(Duration::from_millis(300)).await;
    }
}

async fn is_ready(person: &mut ChaosClient, both: &Barrier) {
    person.keeps_its_name().await;
    person.stays(both.wait()).await;
    person.forget();
}

/// Asks, and listens until the other is ready too.
async fn asks(person: &mut ChaosClient, body: Value, jsep: Option<Value>, both: &Barrier) -> Outcome {
    let outcome = person.request(body, jsep).await;
    person.stays(both.wait()).await;
    outcome
}

/// Whether that is heard soon; listens until the other is ready too.
async fn hears(person: &mut ChaosClient, name: &str, both: &Barrier) -> bool {
    let heard = person.expect(name, SOON).await;
    person.stays(both.wait()).await;
    heard.is_some()
}

fn reason(answer: &Value) -> String {
    answer["result"]["reason"].as_str().unwrap_or("no reason").to_owned()
}
