//! The bounds of queues, mailboxes and messages.

use std::time::Duration;

/// A message of a queue that was not acknowledged for this long is delivered to another worker.
pub const REDELIVER_AFTER: Duration = Duration::from_secs(2);
/// A message that was delivered this often without success goes to [`Log::Dead`](crate::topic::Log::Dead).
pub const MAX_DELIVERIES: u32 = 5;
/// A queue or mailbox with this many unacknowledged messages refuses more:
/// [`SendError::Full`](crate::SendError::Full).
pub const MAX_BACKLOG: usize = 50_000;
/// A queue with this many messages refuses requests for new calls. The caller gets its refusal at once, and
/// established calls take priority.
pub const OVERLOADED_QUEUE: usize = 2_000;
/// A mailbox with this many messages refuses new calls. One call takes about five messages.
pub const OVERLOADED_MAILBOX: usize = 4_000;
/// A mailbox without an owner expires after this time.
pub const MAILBOX_TTL: Duration = Duration::from_secs(120);
/// The largest payload of a message, in bytes.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// Notices that wait for a slow subscriber; for a further one the oldest is dropped.
pub(crate) const NOTICE_BUFFER: usize = 1024;
