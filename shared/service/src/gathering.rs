//! How long changes gather before they are written down: what changes meanwhile is written once.
//!
//! Whoever writes rests ten times as long as writing took, so that under load it is never what a process
//! does most, and a quiet one forgets little when it dies.

use std::time::Duration;

/// The shortest time, where there is little to do.
pub const SHORTEST: Duration = Duration::from_millis(10);
/// The longest time, however slow the directory is.
pub const LONGEST: Duration = Duration::from_millis(50);
/// How many times as long as writing took.
const REST: u32 = 10;

/// How long changes gather after writing took so long.
pub fn after(took: Duration) -> Duration {
    took.saturating_mul(REST).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_the_directory_the_longer_but_not_for_ever() {
        let millis = |took| after(Duration::from_millis(took)).as_millis();
        assert_eq!([0, 1, 2, 5, 6, 10_000].map(millis), [10, 10, 20, 50, 50, 50]);
    }
}
