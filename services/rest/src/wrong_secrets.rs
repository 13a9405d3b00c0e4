//! Counts and slows the guesses of secrets. After [`FREE`] wrong secrets an address gets 429 with a pause that doubles
//! with each further one. The right secret is accepted at any time: operators may share an address with who guesses.
//!
//! This does not make a short secret safe, since who guesses may ignore the pause. It makes guessing visible, and each
//! guess costs a connection. The length does the rest ([`service::secret::MIN_SECRET`]).

use crate::metrics;
use common::sync::Mutex;
use common::{ErrorLog, warn_failure};
use service::{AddressGroup, ClientAddress};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

static GUESSES: ErrorLog = ErrorLog::new("checking the secrets of operators");

/// How many wrong secrets of an address are refused without a pause.
const FREE: u32 = 5;
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// An address is forgotten this long after its last wrong secret.
const FORGET_AFTER: Duration = Duration::from_secs(600);
/// How many addresses are remembered. Beyond that the one whose wrong secret is the longest ago is forgotten.
const MAX_ADDRESSES: usize = 1_024;

/// The wrong secrets of each address. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct WrongSecrets(Arc<Mutex<BTreeMap<AddressGroup, Guesses>>>);

#[derive(Clone, Copy)]
struct Guesses {
    count: u32,
    last: Instant,
}

impl WrongSecrets {
    /// Records a wrong secret. Returns how long the client is asked to wait, if it has shown too many.
    pub fn record(&self, client: ClientAddress) -> Option<Duration> {
        metrics::count_wrong_secret();
        warn_failure!(GUESSES, %client, "a client shows a wrong secret of operators, refusing it");
        let (now, address) = (Instant::now(), client.group()?);
        let mut all = self.0.lock();
        all.retain(|_, guesses| now.saturating_duration_since(guesses.last) < FORGET_AFTER);
        if all.len() >= MAX_ADDRESSES && !all.contains_key(&address) {
            let oldest = all.iter().min_by_key(|(_, guesses)| guesses.last).map(|(oldest, _)| *oldest);
            oldest.map(|oldest| all.remove(&oldest));
        }
        let guesses = all.entry(address).or_insert(Guesses { count: 0, last: now });
        guesses.count = guesses.count.saturating_add(1);
        guesses.last = now;
        pause_after(guesses.count)
    }
}

fn pause_after(count: u32) -> Option<Duration> {
    let excess = count.checked_sub(FREE + 1)?;
    Some(Duration::from_secs(1 << excess.min(6)).min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn address(number: u32) -> ClientAddress {
        ClientAddress::of_client(std::net::Ipv4Addr::from_bits(number).into())
    }

    #[tokio::test(start_paused = true)]
    async fn pause_of_an_address_grows_and_is_forgotten() {
        let wrong = WrongSecrets::default();
        let pauses = || wrong.record(address(1)).map(|pause| pause.as_secs());
        let seen: Vec<_> = (0..14).map(|_| pauses()).collect();
        assert_eq!(seen[..FREE as usize], [None; FREE as usize]);
        let growing = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Some);
        assert_eq!(seen[FREE as usize..], growing);
        assert_eq!(wrong.record(address(2)), None, "another address");
        advance(FORGET_AFTER).await;
        assert_eq!(wrong.record(address(1)), None);
        assert_eq!(wrong.0.lock().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_are_bounded_and_an_ipv6_network_is_one() {
        let wrong = WrongSecrets::default();
        for number in 0..2 * MAX_ADDRESSES as u32 {
            advance(Duration::from_millis(1)).await;
            assert_eq!(wrong.record(address(number)), None);
        }
        assert_eq!(wrong.0.lock().len(), MAX_ADDRESSES);
        assert!(!wrong.0.lock().contains_key(&address(0).group().unwrap()), "the oldest is forgotten");
        let pauses = (0..8)
            .map(|host| wrong.record(ClientAddress::of_client(format!("2001:db8::{host}").parse().unwrap())));
        assert_eq!(pauses.filter(Option::is_some).count(), 3);
    }
}
