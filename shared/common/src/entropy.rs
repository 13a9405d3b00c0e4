//! Randomness and the wall clock: the inputs that differ from run to run.
//!
//! Code that runs in a simulation (`tests/sim/`) takes randomness from here and the time from [`clock`](crate::clock)
//! only, so that a run can be repeated exactly.
//! Only tests simulate, each on its own thread.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

struct SimulatedEnv {
    rng_state: u64,
    clock: Box<dyn Fn() -> u64>,
}

/// How many numbers are requested from the operating system at once. One request takes as long as encoding a
/// message, so a request for each number would be slow.
const POOL_SIZE: usize = 32;

thread_local! {
    static POOL: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static SIMULATED: RefCell<Option<SimulatedEnv>> = const { RefCell::new(None) };
}

/// Returns a random number from the operating system's secure source.
///
/// # Panics
/// When the operating system provides no random numbers.
pub fn random_u64() -> u64 {
    let simulated = SIMULATED.with_borrow_mut(|env| {
        let state = &mut env.as_mut()?.rng_state;
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Some(splitmix64(*state))
    });
    simulated.unwrap_or_else(os_random)
}

fn os_random() -> u64 {
    POOL.with_borrow_mut(|pool| {
        if pool.is_empty() {
            let mut bytes = [[0; size_of::<u64>()]; POOL_SIZE];
            getrandom::fill(bytes.as_flattened_mut()).expect("the operating system provides random numbers");
            pool.extend(bytes.map(u64::from_ne_bytes));
        }
        pool.pop().unwrap_or_default()
    })
}

/// Returns microseconds since 1970 by the wall clock of this machine, which may be wrong.
pub(crate) fn system_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}

/// Returns the simulated milliseconds since 1970, if this thread simulates.
pub(crate) fn simulated_millis() -> Option<u64> {
    SIMULATED.with_borrow(|env| env.as_ref().map(|env| (env.clock)()))
}

/// Simulates randomness and time on this thread from now on. Random numbers are derived from `seed`, and `clock`
/// returns milliseconds since 1970.
#[doc(hidden)]
pub fn simulate(seed: u64, clock: impl Fn() -> u64 + 'static) {
    SIMULATED.set(Some(SimulatedEnv { rng_state: seed, clock: Box::new(clock) }));
}

/// The output function of the SplitMix64 generator.
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
    fn a_simulation_is_repeatable_and_stays_on_its_thread() {
        let run = || {
            simulate(7, || 42);
            (random_u64(), random_u64(), simulated_millis())
        };
        let one = thread::spawn(run).join().unwrap();
        let other = thread::spawn(run).join().unwrap();
        assert_eq!(one, other);
        assert_ne!(one.0, one.1);
        assert_eq!((one.2, simulated_millis()), (Some(42), None));
        assert_ne!(random_u64(), random_u64());
    }
}
