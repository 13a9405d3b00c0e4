//! A mutex without poisoning.

use std::fmt;
use std::sync::{MutexGuard, PoisonError};

/// [`std::sync::Mutex`] whose lock is also granted after a holder panicked.
///
/// For state that each critical section leaves consistent, such as a map or a counter.
#[derive(Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Blocks until the lock is free. The guard must not be held across an `await`.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn lock_survives_a_panic() {
        let counter = Mutex::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = counter.lock();
            panic!("while the lock is held");
        }));
        assert!(panicked.is_err());
        *counter.lock() += 1;
        assert_eq!(counter.into_inner(), 2);
    }
}
