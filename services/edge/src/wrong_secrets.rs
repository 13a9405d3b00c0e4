//! Counts and slows the guesses of secrets. After [`FREE`] wrong secrets of an address, a connection that shows another one
//! is not read for a pause, which doubles with each. Other connections of that address are read as before: clients with the
//! right secret may share an address with who guesses.

use common::sync::Mutex;
use service::AddressGroup;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How many wrong secrets of an address are refused without a pause.
const FREE: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// An address is forgotten this long after its last wrong secret.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// How many addresses are remembered. Beyond that the one whose wrong secret is the longest ago is forgotten.
const MAX_ADDRESSES: usize = 1_024;

/// The wrong secrets of each address. Clients behind a proxy that names no client count as one.
#[derive(Default)]
pub struct WrongSecrets(Mutex<BTreeMap<Option<AddressGroup>, Guesses>>);

#[derive(Clone, Copy)]
struct Guesses {
    count: u32,
    latest: Instant,
}

impl WrongSecrets {
    /// Records a wrong secret. Returns the pause of its connection, if the address has shown too many.
    pub fn record(&self, address: Option<AddressGroup>, now: Instant) -> Option<Duration> {
        let mut all = self.0.lock();
        if !all.contains_key(&address) && all.len() >= MAX_ADDRESSES {
            all.retain(|_, guesses| !guesses.is_forgotten(now));
            if all.len() >= MAX_ADDRESSES {
                let oldest = all.iter().min_by_key(|(_, guesses)| guesses.latest).map(|(oldest, _)| *oldest);
                oldest.map(|oldest| all.remove(&oldest));
            }
        }
        let guesses = all.entry(address).or_insert(Guesses { count: 0, latest: now });
        if guesses.is_forgotten(now) {
            guesses.count = 0;
        }
        *guesses = Guesses { count: guesses.count.saturating_add(1), latest: now };
        pause_after(guesses.count)
    }
}

impl Guesses {
    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.latest) >= FORGET_AFTER
    }
}

fn pause_after(count: u32) -> Option<Duration> {
    let excess = count.checked_sub(FREE + 1)?;
    Some((FIRST_PAUSE * (1 << excess.min(8))).min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> Option<AddressGroup> {
        Some(AddressGroup::of(std::net::Ipv4Addr::from_bits(number).into()))
    }

    #[test]
    fn pause_of_an_address_grows_and_is_forgotten() {
        let (wrong, now) = (WrongSecrets::default(), Instant::now());
        let pauses: Vec<_> =
            (0..13).map(|_| wrong.record(address(1), now).map(|pause| pause.as_millis())).collect();
        assert_eq!(pauses[..5], [None; 5]);
        assert_eq!(pauses[5..], [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].map(Some));
        assert_eq!(wrong.record(address(2), now), None, "another address");
        assert_eq!(wrong.record(address(1), now + FORGET_AFTER), None);
    }

    #[test]
    fn addresses_are_bounded() {
        let (wrong, now) = (WrongSecrets::default(), Instant::now());
        for number in 0..3 * MAX_ADDRESSES as u32 {
            wrong.record(address(number), now + Duration::from_millis(number.into()));
        }
        let all = wrong.0.lock();
        assert!(all.len() == MAX_ADDRESSES && !all.contains_key(&address(0)));
    }
}
