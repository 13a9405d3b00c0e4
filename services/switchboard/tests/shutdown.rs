//! Shutdown of the processes of a cluster while Redis hangs.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;
use testkit::{Cluster, FakeJanus, Redis, Service};
use tokio::time::Instant;

/// `--drain-timeout`, and five seconds beyond it.
const MAX_SHUTDOWN: Duration = Duration::from_secs(1 + 5);

#[tokio::test]
async fn process_stops_in_time_while_redis_hangs() {
    let mut redis = Redis::start().await;
    let janus = FakeJanus::start().await;
    let mut plan = Cluster::new(&redis).rests(1).backend("a", &janus);
    for service in [Service::Edge, Service::Router, Service::Connector, Service::Rest] {
        plan = plan.with(service, "--drain-timeout=1");
    }
    let mut cluster = plan.start().await;
    redis.stop();
    let stopped_at = Instant::now();
    cluster.processes().for_each(|process| process.terminate());
    for process in cluster.processes() {
        let name = process.service().name();
        let status = process.wait_exit().await;
        assert!(stopped_at.elapsed() < MAX_SHUTDOWN, "{name} took {:?}", stopped_at.elapsed());
        assert!(status.success(), "{name}: {status}\n{}", process.log());
    }
}
