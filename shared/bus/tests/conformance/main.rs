//! One suite for both implementations, and cases for Redis only.
//!
//! Each case is a function of a bus. [`on_both`] makes two tests of it: one on the memory bus, in paused time, and one on
//! a Redis server of its own.

#![allow(clippy::unwrap_used, missing_docs)]

mod bodies;
mod connections;
mod dead_letters;
mod limits;
mod logs;
mod mailbox;
mod notices;
mod offsets;
mod queue;
mod recovery;
mod redis_down;
mod redis_server;
mod stream_entries;
mod stream_stats;
mod support;

/// Makes tests `memory::CASE` and `redis::CASE`.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(start_paused = true)]
            async fn $case() {
                super::$case(bus::Bus::memory()).await;
            })*
        }

        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let server = crate::redis_server::Server::start();
                super::$case(server.bus().await).await;
            })*
        }
    };
}
pub(crate) use on_both;
