//! Turns of one client, and of several clients of one address.

use super::*;
use crate::fair_use::FairUseOptions;
use crate::net::address::table::AddressTable;
use bus::message::{Address, ClientRequest, Location, Release};
use clap::Parser;
use common::ServiceId;
use futures_util::FutureExt;
use protocol::{HandleId, SessionId};
use service::ClientAddress;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: FairUseOptions,
}

/// Clients of one address.
struct Fixture {
    options: FairUseOptions,
    table: AddressTable,
    now: Instant,
}

impl Fixture {
    fn new(options: &[&str]) -> Self {
        let options = Command::parse_from(["edge"].iter().chain(options)).options;
        Self { table: AddressTable::new(options.clone()), options, now: Instant::now() }
    }

    fn client(&self) -> (RequestTurns, Allowance) {
        let address = ClientAddress::of_client("192.0.2.1".parse().unwrap());
        let state = self.table.admit(address, self.now).unwrap().state();
        (
            RequestTurns::new(self.options.max_concurrent_requests),
            Allowance::new(&self.options, state, self.now),
        )
    }
}

fn request(body: impl Fn(ClientRequest) -> Body) -> Outbound {
    let handle = HandleRef { session: SessionId::random(), handle: HandleId::random() };
    let from = Address { edge: ServiceId::from("edge-1"), session: handle.session, handle: handle.handle };
    let request = ClientRequest {
        from,
        transaction: "t".to_owned(),
        body: serde_json::value::RawValue::from_string("{}".to_owned()).unwrap(),
        location: Location::default(),
        jsep: None,
        requested_at: None,
        failed: None,
    };
    Outbound { destination: Destination::Requests, message: Box::new(Message::new(body(request))), handle }
}

fn release() -> Outbound {
    let outbound = request(Body::List);
    let message = Box::new(Message::new(Body::Release(Release { who: outbound.handle, notify: None })));
    Outbound { message, ..outbound }
}

#[test]
fn client_has_few_requests_at_the_routers_at_once() {
    let fixture = Fixture::new(&["--max-concurrent-requests=2", "--max-call-rate=0"]);
    let (now, (mut turns, mut allowance)) = (fixture.now, fixture.client());
    let sent: Vec<_> = (0..5).filter_map(|_| turns.start(request(Body::Call), &mut allowance, now)).collect();
    assert_eq!((sent.len(), turns.waiting.len()), (2, 3));
    assert!(turns.next(&mut allowance, now).is_none());
    assert_eq!(turns.next_at(&allowance, now), Some(now + REPLY_TIMEOUT));
    turns.finished(sent[0].message.id);
    assert_eq!(turns.next_at(&allowance, now), Some(now));
    assert!(turns.next(&mut allowance, now).is_some() && turns.next(&mut allowance, now).is_none());
    // The others never get a reply.
    let later = now + REPLY_TIMEOUT;
    assert!(turns.next(&mut allowance, later).is_some() && turns.next(&mut allowance, later).is_some());
    assert_eq!(turns.next_at(&allowance, later), None);
}

#[test]
fn what_follows_a_waiting_request_waits_behind_it() {
    let fixture = Fixture::new(&["--max-concurrent-requests=1"]);
    let (now, (mut turns, mut allowance)) = (fixture.now, fixture.client());
    assert!(turns.start(release(), &mut allowance, now).is_some());
    let first = turns.start(request(Body::Register), &mut allowance, now).unwrap();
    assert!(turns.start(release(), &mut allowance, now).is_some(), "a release needs no turn");
    let waiting = request(Body::Call);
    let id = waiting.message.id;
    assert!(turns.start(waiting, &mut allowance, now).is_none());
    assert!(turns.start(release(), &mut allowance, now).is_none());
    turns.finished(first.message.id);
    assert_eq!(turns.next(&mut allowance, now).unwrap().message.id, id);
    assert!(matches!(turns.next(&mut allowance, now).unwrap().message.body, Body::Release(_)));
    turns.waiting.push_back(release());
    assert_eq!((turns.take_waiting().len(), turns.waiting.len()), (1, 0));
}

#[test]
fn calls_have_a_rate_and_other_requests_do_not() {
    let fixture = Fixture::new(&["--max-concurrent-requests=0", "--max-call-rate=2"]);
    let (now, (mut turns, mut allowance)) = (fixture.now, fixture.client());
    let sent = (0..30).filter_map(|_| turns.start(request(Body::Call), &mut allowance, now)).count();
    assert_eq!((sent, turns.waiting.len()), (4, 26));
    let next_at = turns.next_at(&allowance, now).unwrap();
    assert_eq!(next_at - now, Duration::from_millis(500));
    assert!(turns.next(&mut allowance, next_at).is_some() && turns.next(&mut allowance, next_at).is_none());
    let (mut beside, mut other) = fixture.client();
    assert!(beside.start(request(Body::Register), &mut other, now).is_some());
}

#[tokio::test]
async fn clients_of_one_address_take_turns() {
    let fixture = Fixture::new(&["--max-concurrent-requests-per-address=2", "--max-call-rate-per-address=0"]);
    let (now, (mut one, mut allowance)) = (fixture.now, fixture.client());
    let sent: Vec<_> = (0..4).filter_map(|_| one.start(request(Body::List), &mut allowance, now)).collect();
    assert_eq!(sent.len(), 2);
    let (mut two, mut other) = fixture.client();
    assert!(two.start(request(Body::List), &mut other, now).is_none());
    // The first has asked first.
    assert!(one.turn(&allowance).now_or_never().is_none());
    assert!(two.turn(&other).now_or_never().is_none());
    one.finished(sent[0].message.id);
    assert!(two.turn(&other).now_or_never().is_none() && one.turn(&allowance).now_or_never().is_some());
    assert!(one.next(&mut allowance, now).is_some() && one.next(&mut allowance, now).is_none());
    one.finished(sent[1].message.id);
    assert!(two.turn(&other).now_or_never().is_some() && two.next(&mut other, now).is_some());
    drop(two);
    assert!(one.turn(&allowance).now_or_never().is_some() && one.next(&mut allowance, now).is_some());
}
