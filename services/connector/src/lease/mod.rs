//! The leases on backends. A backend is served by the one connector that holds its lease.

pub mod acquire;
pub mod leased;
pub mod renew;
pub mod watch;
