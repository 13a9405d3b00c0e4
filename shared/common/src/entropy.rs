//! What comes from outside and is never the same twice: chance, and the time of day.
//!
//! Whatever takes part in a rehearsal (`tests/sim/`) asks here and nowhere else; then a run can be
//! repeated exactly. Only a test rehearses, and only its own thread.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

struct SimulatedEnv {
    rng_state: u64,
    clock: Box<dyn Fn() -> u64>,
}

/// How many numbers the operating system is asked for at once: a question takes as long as encoding a message.
const POOL_SIZE: usize = 32;

thread_local! {
    static POOL: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static SIMULATED: RefCell<Option<SimulatedEnv>> = const { RefCell::new(None) };
}

/// Any number, from the operating system's secure source.
///
/// # Panics
/// When the operating system gives no random numbers.
pub fn random_u64() -> u64 {
    let rehearsed = SIMULATED.with_borrow_mut(|rehearsal| {
        let state = &mut rehearsal.as_mut()?.rng_state;
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Some(splitmix64(*state))
    });
    rehearsed.unwrap_or_else(os_random)
}

/// Each is given out once.
fn os_random() -> u64 {
    POOL.with_borrow_mut(|reserve| {
        if reserve.is_empty() {
            let mut bytes = [[0; size_of::<u64>()]; POOL_SIZE];
            getrandom::fill(bytes.as_flattened_mut()).expect("the operating system gives random numbers");
            reserve.extend(bytes.map(u64::from_ne_bytes));
        }
        reserve.pop().unwrap_or_default()
    })
}

/// Milliseconds since 1970.
pub fn unix_millis() -> u64 {
    let rehearsed = SIMULATED.with_borrow(|rehearsal| rehearsal.as_ref().map(|now| (now.clock)()));
    rehearsed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
    })
}

/// Microseconds since 1970, for measuring.
pub fn unix_micros() -> u64 {
    let rehearsed = SIMULATED.with_borrow(|rehearsal| rehearsal.as_ref().map(|now| (now.clock)() * 1_000));
    rehearsed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
    })
}

/// From now on, on this thread, chance follows from `seed`, and `clock` says the time of day.
#[doc(hidden)]
pub fn simulate(seed: u64, clock: impl Fn() -> u64 + 'static) {
    let rehearsal = SimulatedEnv { rng_state: seed, clock: Box::new(clock) };
    SIMULATED.set(Some(rehearsal));
}

/// The next number of SplitMix64, which needs no more state than a counter.
fn splitmix64(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_rehearsal_repeats_itself_and_stays_on_its_thread() {
        let rehearsed = || {
            simulate(7, || 42);
            (random_u64(), random_u64(), unix_millis())
        };
        let (one, other) =
            (thread::spawn(rehearsed).join().unwrap(), thread::spawn(rehearsed).join().unwrap());
        assert_eq!(one, other);
        assert_ne!(one.0, one.1);
        assert!(unix_millis() > 42);
        assert_ne!(random_u64(), random_u64());
    }
}
