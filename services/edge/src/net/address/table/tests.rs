//! The limits of addresses, and the bound of the table.

use super::*;
use clap::Parser;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: FairUseOptions,
}

fn table(options: &[&str]) -> AddressTable {
    AddressTable::new(Command::parse_from(["edge"].iter().chain(options)).options)
}

fn client(address: &str) -> ClientAddress {
    ClientAddress::of_client(address.parse().unwrap())
}

#[test]
fn connections_of_an_address_are_bounded_and_given_back() {
    let (table, now) = (table(&["--max-connections-per-address=2"]), Instant::now());
    let admit = |address| table.admit(client(address), now);
    let places = [admit("192.0.2.1").unwrap(), admit("::ffff:192.0.2.1").unwrap()];
    assert_eq!(admit("192.0.2.1").err(), Some(Limit::Connections));
    assert!(admit("192.0.2.2").is_ok(), "another address has places of its own");
    drop(places);
    assert!(admit("192.0.2.1").is_ok());
}

#[test]
fn handshakes_have_a_rate_that_reconnecting_does_not_refill() {
    let (table, now) = (table(&["--max-handshake-rate-per-address=3"]), Instant::now());
    let opened = |at| (0..100).take_while(|_| table.admit(client("192.0.2.1"), at).is_ok()).count();
    assert_eq!([opened(now), opened(now)], [30, 0]);
    assert_eq!(opened(now + Duration::from_secs(2)), 6);
    assert!(table.admit(client("192.0.2.2"), now).is_ok());
}

#[test]
fn ipv6_networks_of_one_customer_share_eight_times_the_limits() {
    let (table, now) = (table(&["--max-connections-per-address=2"]), Instant::now());
    let mut places = Vec::new();
    for network in 0..100 {
        places.extend(table.admit(client(&format!("2001:db8:0:{network:x}::1")), now));
    }
    assert_eq!(places.len(), 16);
    assert!(table.admit(client("2001:db8:1::1"), now).is_ok(), "another customer");
    drop(places);
    assert!(table.admit(client("2001:db8:0:77::1"), now).is_ok());
}

#[test]
fn zero_is_no_limit_and_a_proxy_has_none() {
    let options = ["--max-connections-per-address=0", "--max-handshake-rate-per-address=0"];
    let (unlimited, limited) = (table(&options), table(&["--max-connections-per-address=1"]));
    let now = Instant::now();
    let places: Vec<_> = (0..5_000).map(|_| unlimited.admit(client("192.0.2.1"), now)).collect();
    assert!(places.iter().all(Result::is_ok));
    let proxy = ClientAddress::of_proxy("192.0.2.1".parse().unwrap());
    let of_proxy: Vec<_> = (0..5_000).map(|_| limited.admit(proxy, now)).collect();
    assert!(of_proxy.iter().all(|place| place.as_ref().is_ok_and(|place| place.state().is_none())));
}

#[test]
fn client_that_reconnects_continues_with_the_bucket_that_it_left() {
    use crate::net::rate_limit::TokenBucket;
    let (table, start) = (table(&[]), Instant::now());
    let state = table.admit(client("192.0.2.1"), start).unwrap().state().unwrap();
    let full = || TokenBucket::new(200, start);
    let mut bucket = state.client_bucket(full());
    assert!(bucket.take_tokens(1_000.0, start) && !bucket.take_tokens(100.0, start));
    state.return_bucket(&bucket, start);
    let again = state.client_bucket(full());
    assert_eq!(again.missing(start), 1_100.0);
    assert_eq!(state.client_bucket(full()).missing(start), 0.0, "a second client has a bucket of its own");
}

#[test]
fn table_forgets_addresses_without_clients() {
    let (table, mut now) = (table(&["--max-handshake-rate-per-address=1"]), Instant::now());
    let address = |number: u128| {
        ClientAddress::of_client(IpAddr::from(Ipv6Addr::from_bits((0x2001 << 112) | (number << 64))))
    };
    let kept = table.admit(client("192.0.2.1"), now).unwrap();
    // Each used a token a moment ago, so none may be forgotten until there are too many.
    for number in 0..200_000 {
        assert!(table.admit(address(number << 16), now).is_ok(), "{number}");
        let bound = 2 * (MAX_UNUSED + 2) + MIN_SWEEP;
        assert!(table.addresses.lock().states.len() <= bound, "{number}");
    }
    now += Duration::from_secs(60);
    for number in 0..50_000 {
        assert!(table.admit(address(number << 16), now).is_ok());
        now += Duration::from_secs(1);
    }
    assert!(
        table.addresses.lock().states.len() < 2 * MIN_SWEEP,
        "they are forgotten when their buckets are full"
    );
    assert!(Arc::ptr_eq(&kept.state().unwrap(), &table.state(client("192.0.2.1").group().unwrap(), now)));
}

#[test]
fn sessions_are_counted_until_they_end() {
    let (table, now) = (table(&["--max-sessions-per-address=2"]), Instant::now());
    let state = table.admit(client("192.0.2.1"), now).unwrap().state().unwrap();
    assert_eq!([state.begin_session(), state.begin_session(), state.begin_session()], [true, true, false]);
    state.change_sessions(2, 1);
    assert!(state.begin_session() && !state.begin_session());
    state.change_sessions(1, 5);
    assert!(!state.begin_session(), "claimed sessions may exceed the limit");
}
