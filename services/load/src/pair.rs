//! Two clients that call each other, told as a story: ring, accept, candidates, hold, hang up.
//!
//! One task has both, so that a time is taken between two events without a message in between. What goes
//! wrong with a call ends it for both sides; the pair then pauses, and goes on.

use crate::client::{Client, PATIENCE};
use crate::failed::Failed;
use crate::hearing::{Heard, Word};
use crate::tally::{Step, Tally};
use crate::words::Ask;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Janus closes PeerConnections up to a second after a `hangup`, and refuses calls until then.
const CLOSING: Duration = Duration::from_millis(1_500);
/// How long a pair lets the server come to rest after a call that went wrong.
const REST: Duration = Duration::from_millis(1_200);

/// What every call is like.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How long it lasts once it is accepted.
    pub hold: Duration,
    /// How many candidates each side sends.
    pub candidates: u8,
}

/// One side of a pair.
pub struct Side {
    pub client: Client,
    pub name: String,
    /// The number of its first request in this call: what answers an earlier one is late.
    since: u64,
    /// Candidates that the server has not taken yet.
    on_the_way: usize,
    end: End,
}

/// What a side has heard of the end of a call.
#[derive(Clone, Copy, Default)]
struct End {
    hung_up: bool,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Caller,
    Callee,
}

/// A caller and a callee.
pub struct Pair {
    caller: Side,
    callee: Side,
    manner: Manner,
    /// Whether the server tells when it has closed a PeerConnection. Janus does, janus-cloud does not.
    tells_closing: bool,
}

impl Side {
    /// A client that has its name.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name, since: 0, on_the_way: 0, end: End::default() }
    }

    async fn hang_up(&mut self) -> Result<(), Failed> {
        self.end = End::default();
        let hangup = self.client.words.hangup();
        self.client.say([hangup]).await
    }

    async fn trickle(&mut self, count: u8) -> Result<(), Failed> {
        let candidates = self.client.words.candidates(count);
        self.on_the_way = candidates.len();
        self.client.say(candidates).await
    }

    fn note(&mut self, heard: &Heard) {
        match (&heard.word, heard.to) {
            (Word::HungUp | Word::Ended(_), _) => self.end.hung_up = true,
            (Word::Closed, _) => self.end.closed = true,
            (Word::Ack, Some((Ask::Trickle, _))) => self.on_the_way = self.on_the_way.saturating_sub(1),
            _ => {}
        }
    }
}

impl Pair {
    /// Of two who are registered.
    pub fn new(caller: Side, callee: Side, manner: Manner) -> Self {
        Self { caller, callee, manner, tells_closing: true }
    }

    /// Listens to the server until something else is due. What it refuses meanwhile is of no call that counts.
    pub async fn idle_until<T>(&mut self, due: impl Future<Output = T>) -> Result<T, Failed> {
        let mut due = std::pin::pin!(due);
        loop {
            tokio::select! {
                biased;
                done = &mut due => return Ok(done),
                heard = self.hear() => if let Err(failed) = heard && failed.is_the_end() {
                    return Err(failed);
                },
            }
        }
    }

    /// One call from the first word to the last.
    pub async fn call(&mut self, tally: &Tally) -> Result<(), Failed> {
        for side in [&mut self.caller, &mut self.callee] {
            side.since = side.client.words.next_number();
        }
        self.ring(tally).await?;
        self.accept(tally).await?;
        self.trickle().await?;
        self.hold().await?;
        self.hang_up(tally).await?;
        tally.call();
        self.close().await
    }

    async fn ring(&mut self, tally: &Tally) -> Result<(), Failed> {
        let began = Instant::now();
        let call = self.caller.client.words.call(&self.callee.name);
        self.caller.client.say([call]).await?;
        let rung =
            self.until(Ask::Call, |_, who, word| who == Who::Callee && *word == Word::IncomingCall).await;
        match rung {
            Ok(()) => tally.took(Step::Ring, began.elapsed()),
            Err(Failed::Refused(..) | Failed::Busy) => tally.took(Step::Refusal, began.elapsed()),
            Err(_) => {}
        }
        rung
    }

    async fn accept(&mut self, tally: &Tally) -> Result<(), Failed> {
        let began = Instant::now();
        let accept = self.callee.client.words.accept();
        self.callee.client.say([accept]).await?;
        self.until(Ask::Accept, |_, who, word| who == Who::Caller && *word == Word::Accepted).await?;
        tally.took(Step::Accept, began.elapsed());
        Ok(())
    }

    /// A plain Janus refuses candidates that a `hangup` overtakes, so they are waited for.
    async fn trickle(&mut self) -> Result<(), Failed> {
        if self.manner.candidates == 0 {
            return Ok(());
        }
        self.caller.trickle(self.manner.candidates).await?;
        self.callee.trickle(self.manner.candidates).await?;
        let all = |pair: &Self, _, _: &Word| pair.caller.on_the_way + pair.callee.on_the_way == 0;
        self.until(Ask::Trickle, all).await
    }

    async fn hold(&mut self) -> Result<(), Failed> {
        if self.manner.hold.is_zero() {
            return Ok(());
        }
        let mut over = std::pin::pin!(sleep(self.manner.hold));
        loop {
            tokio::select! {
                biased;
                () = &mut over => return Ok(()),
                heard = self.hear() => { still_on(&heard?.1)?; }
            }
        }
    }

    async fn hang_up(&mut self, tally: &Tally) -> Result<(), Failed> {
        let began = Instant::now();
        self.callee.end = End::default();
        self.caller.hang_up().await?;
        let both = |pair: &Self, _, _: &Word| pair.caller.end.hung_up && pair.callee.end.hung_up;
        let deadline = began + PATIENCE;
        let ended = tokio::time::timeout_at(deadline, self.hear_until(both)).await;
        ended.unwrap_or(Err(Failed::NoAnswer(Ask::Hangup)))?;
        tally.took(Step::Hangup, began.elapsed());
        Ok(())
    }

    /// Waits until both may call again.
    async fn close(&mut self) -> Result<(), Failed> {
        let both = |pair: &Self, _, _: &Word| pair.caller.end.closed && pair.callee.end.closed;
        if !self.tells_closing || both(self, Who::Caller, &Word::Other) {
            return Ok(());
        }
        match timeout(CLOSING, self.hear_until(both)).await {
            Ok(heard) => heard,
            Err(_) => {
                self.tells_closing = self.caller.end.closed || self.callee.end.closed;
                Ok(())
            }
        }
    }

    /// Ends whatever is left of a call that went wrong.
    pub async fn recover(&mut self) -> Result<(), Failed> {
        self.caller.hang_up().await?;
        self.callee.hang_up().await?;
        self.idle_until(sleep(REST)).await
    }

    /// Ends both sessions.
    pub async fn leave(mut self) {
        self.caller.client.leave().await;
        self.callee.client.leave().await;
    }

    /// Waits for what is to follow from a request, as long as the call is on.
    async fn until(&mut self, ask: Ask, wanted: impl Fn(&Self, Who, &Word) -> bool) -> Result<(), Failed> {
        let heard = async {
            loop {
                let (who, word) = self.hear().await?;
                if wanted(self, who, &word) {
                    return Ok(());
                }
                still_on(&word)?;
            }
        };
        timeout(PATIENCE, heard).await.unwrap_or(Err(Failed::NoAnswer(ask)))
    }

    /// Waits until something is the case, whatever becomes of the call.
    async fn hear_until(&mut self, is_so: impl Fn(&Self, Who, &Word) -> bool) -> Result<(), Failed> {
        loop {
            let (who, word) = self.hear().await?;
            if is_so(self, who, &word) {
                return Ok(());
            }
        }
    }

    /// What either side hears next, but for answers that come too late to matter.
    async fn hear(&mut self) -> Result<(Who, Word), Failed> {
        loop {
            let (who, side, heard) = tokio::select! {
                heard = self.caller.client.hear() => (Who::Caller, &mut self.caller, heard?),
                heard = self.callee.client.hear() => (Who::Callee, &mut self.callee, heard?),
            };
            if heard.to.is_some_and(|(_, number)| number < side.since) {
                continue;
            }
            side.note(&heard);
            refusal(&heard)?;
            return Ok((who, heard.word));
        }
    }
}

/// What a refusal means for the call, or for both.
fn refusal(heard: &Heard) -> Result<(), Failed> {
    match (&heard.word, heard.to) {
        (Word::Refused(code), Some((ask, _))) => Err(Failed::Refused(ask, *code)),
        (Word::Ended(reason), Some((Ask::Call, _))) if reason == "User busy" => Err(Failed::Busy),
        (Word::TimedOut, _) => Err(Failed::TimedOut),
        _ => Ok(()),
    }
}

/// Whether nobody but the pair itself ends its call. Janus' last words about the call before may come now.
fn still_on(word: &Word) -> Result<(), Failed> {
    match word {
        Word::Ended(reason) | Word::Broken(reason) => Err(Failed::EndedEarly(reason.clone())),
        _ => Ok(()),
    }
}
