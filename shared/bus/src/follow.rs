//! Following a log: its newest lines, and then each as it is written.

use crate::topic::Log;
use crate::{Bus, LogLine, SendError, memory, redis};

/// One who reads a log as it grows. It misses what the log drops, past its cap, before it was read.
pub enum Follower {
    /// On the memory bus.
    Memory(memory::MemoryFollower),
    /// On Redis.
    Redis(Box<redis::RedisFollower>),
}

impl Bus {
    /// Follows a log, from its newest `count` lines on: none is missed or said twice between those and what
    /// is written later.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn follow(&self, log: Log, count: usize) -> Result<Follower, SendError> {
        match self {
            Self::Memory(bus) => Ok(Follower::Memory(bus.follow(log, count))),
            Self::Redis(bus) => bus.follow(log, count).await.map(Box::new).map(Follower::Redis),
        }
    }
}

impl Follower {
    /// The next line; waits for one. Safe to cancel: no line is lost.
    pub async fn next(&mut self) -> LogLine {
        match self {
            Self::Memory(follower) => follower.next().await,
            Self::Redis(follower) => follower.next().await,
        }
    }
}
