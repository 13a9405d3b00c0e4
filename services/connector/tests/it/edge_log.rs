//! The events that the edge of alice and bob receives, in a short form: `joined: c/calling`,
//! `left: hangup(bob, bye), core hangup(Close PC)`, `c/error 502`. Candidates are omitted.

use bus::MailboxReader;
use bus::message::{Body, Change, ClientEvent, Events};
use common::CallId;
use protocol::Side;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use testkit::DEADLINE;
use tokio::time::timeout;

/// An edge's mailbox, by client.
pub struct EdgeLog {
    mailbox: MailboxReader,
    waiting: [VecDeque<Events>; 2],
    terms: [BTreeSet<u64>; 2],
}

impl EdgeLog {
    pub fn new(mailbox: MailboxReader) -> Self {
        Self { mailbox, waiting: Default::default(), terms: Default::default() }
    }

    /// The next events for alice. They must be about this call.
    pub async fn alice(&mut self, call: CallId) -> String {
        self.next(0, call).await
    }

    /// The next events for bob. They must be about this call.
    pub async fn bob(&mut self, call: CallId) -> String {
        self.next(1, call).await
    }

    /// The next events for a side. They must be about this call.
    pub async fn side(&mut self, side: Side, call: CallId) -> String {
        self.next(side as usize, call).await
    }

    /// All events for a side until it has left the call.
    pub async fn until_left(&mut self, side: Side, call: CallId) -> Vec<String> {
        let mut all = Vec::new();
        while !all.last().is_some_and(|last: &String| last.starts_with("left: ")) {
            all.push(self.side(side, call).await);
        }
        all
    }

    /// The terms of a side's events.
    pub fn terms(&self, side: Side) -> Vec<u64> {
        self.terms[side as usize].iter().copied().collect()
    }

    /// Checks that there are no more events for either side.
    pub async fn assert_empty(&mut self) {
        let more = timeout(Duration::from_millis(200), self.mailbox.next()).await;
        assert!(more.is_err() && self.waiting.iter().all(VecDeque::is_empty), "{more:?} {:?}", self.waiting);
    }

    async fn next(&mut self, who: usize, call: CallId) -> String {
        loop {
            while self.waiting[who].is_empty() {
                self.read().await;
            }
            let events = self.waiting[who].pop_front().unwrap();
            assert_eq!(events.call, Some(call), "{events:?}");
            if let Some(short) = short(&events) {
                return short;
            }
        }
    }

    async fn read(&mut self) {
        let message = timeout(DEADLINE, self.mailbox.next()).await.expect("events for a client");
        self.mailbox.ack();
        let Body::Events(events) = message.body else { panic!("not for an edge: {message:?}") };
        let who = events.session.0 as usize - 1;
        self.terms[who].extend(events.sequence.map(|sequence| sequence.term));
        self.waiting[who].push_back(events);
    }
}

/// None if there are only candidates.
fn short(events: &Events) -> Option<String> {
    let items: Vec<String> = events.events.iter().filter_map(item).collect();
    let change = match &events.change {
        None if items.is_empty() => return None,
        None => "",
        Some(Change::Joined { .. }) => "joined: ",
        Some(Change::Answered) => "answered: ",
        Some(Change::Left) => "left: ",
        Some(other) => panic!("not a change that connectors send: {other:?}"),
    };
    Some(format!("{change}{}", items.join(", ")))
}

fn item(event: &ClientEvent) -> Option<String> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    match event {
        ClientEvent::Core { janus, .. } if janus == "trickle" => None,
        ClientEvent::Core { janus, fields } => {
            let reason = read(fields.get())["reason"].as_str().unwrap_or_default().to_owned();
            Some(format!("core {janus}({reason})"))
        }
        ClientEvent::Error { transaction, code, .. } => Some(format!("{transaction}/refused {code}")),
        ClientEvent::Plugin { transaction, data, jsep } => {
            let transaction = transaction.as_ref().map(|it| format!("{it}/")).unwrap_or_default();
            let jsep = jsep.as_ref().map(|it| format!("+{}", read(it.get())["type"].as_str().unwrap()));
            Some(format!("{transaction}{}{}", data_of(&read(data.get())), jsep.unwrap_or_default()))
        }
    }
}

fn data_of(data: &Value) -> String {
    if let Some(code) = data["error_code"].as_u64() {
        return format!("error {code}");
    }
    let result = &data["result"];
    let with: Vec<&str> = ["username", "reason"].iter().filter_map(|name| result[name].as_str()).collect();
    let with = if with.is_empty() { String::new() } else { format!("({})", with.join(", ")) };
    format!("{}{with}", result["event"].as_str().unwrap())
}
