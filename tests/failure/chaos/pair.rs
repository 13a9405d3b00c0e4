//! Two people who call each other all the time, whatever happens around them.

use super::figures::Figures;
use super::person::{Outcome, Person};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::sdp;
use tokio::time::{Instant, sleep};

/// How soon the other side must hear of what is done, when nothing breaks; breaks only make it later.
const SOON: Duration = Duration::from_secs(15);
/// How long somebody may be busy with a call that is over.
const BUSY: Duration = Duration::from_secs(20);

pub struct Pair {
    pub alice: Person,
    pub bob: Person,
    pub figures: Arc<Figures>,
}

impl Pair {
    /// Calls until `end`.
    pub async fn keeps_calling(&mut self, end: Instant) {
        while Instant::now() < end {
            self.one_call().await;
            std::mem::swap(&mut self.alice, &mut self.bob);
        }
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
        self.alice.forget();
        self.bob.forget();
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
        let answer = self.alice.ask(call, Some(sdp::offer())).await;
        if !self.succeeds("call", answer, "calling") {
            return false;
        }
        if self.bob.hears("incomingcall", SOON).await.is_none() {
            self.figures.note("calls that did not ring");
            return false;
        }
        let answer = self.bob.ask(json!({"request": "accept"}), Some(sdp::answer())).await;
        if !self.succeeds("accept", answer, "accepted") {
            return false;
        }
        let accepted = self.alice.hears("accepted", SOON).await.is_some();
        if !accepted {
            self.figures.note("accepts that were not heard");
        }
        accepted
    }

    async fn is_held(&mut self) -> bool {
        self.alice.listen(Instant::now() + Duration::from_millis(100)).await;
        let lives = (self.alice.lives, self.bob.lives);
        let hangup = self.alice.ask(json!({"request": "hangup"}), None).await;
        let asked = self.succeeds("hangup", hangup, "hangup");
        let (here, there) = tokio::join!(self.alice.hears("hangup", SOON), self.bob.hears("hangup", SOON));
        for (heard, person, life) in [(here, &self.alice, lives.0), (there, &self.bob, lives.1)] {
            if heard.is_none() && asked && person.lives == life {
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
        tokio::join!(self.alice.ask(hangup(), None), self.bob.ask(hangup(), None));
        sleep(Duration::from_millis(300)).await;
    }
}

fn reason(answer: &Value) -> String {
    answer["result"]["reason"].as_str().unwrap_or("no reason").to_owned()
}
