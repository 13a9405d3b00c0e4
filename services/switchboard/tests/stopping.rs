//! Processes of a cluster that are told to stop while what they need hangs.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;
use testkit::{Cluster, FakeJanus, Redis, Service};
use tokio::time::Instant;

/// `--drain-timeout` and the five seconds that a process may take beyond it.
const BOUND: Duration = Duration::from_secs(1 + 5);

#[tokio::test]
async fn a_process_whose_redis_hangs_ends_in_time_and_without_an_error() {
    let mut redis = Redis::start().await;
    let janus = FakeJanus::start().await;
    let mut plan = Cluster::new(&redis).rests(1).backend("a", &janus);
    for service in [Service::Edge, Service::Router, Service::Connector, Service::Rest] {
        plan = plan.with(service, "--drain-timeout=1");
    }
    let mut cluster = plan.start().await;
    redis.stop();
    let told = Instant::now();
    cluster.processes().for_each(|process| process.terminate());
    for process in cluster.processes() {
        let name = process.service().name();
        let status = process.wait_exit().await;
        assert!(told.elapsed() < BOUND, "{name} took {:?}", told.elapsed());
        assert!(status.success(), "{name}: {status}\n{}", process.log());
    }
}
