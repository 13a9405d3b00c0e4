//! The probe of the VideoCall plugin, and its effect on the backend.

use crate::harness::Harness;
use bus::message::Notice;
use common::BackendName;
use common::transport::Transport;
use connector::breaker::outcomes::SetupFailure;
use connector::calls::attempt::Admission;
use connector::janus::endpoint::{Endpoint, tcp};
use connector::options::Credentials;
use connector::probe::Probe;
use directory::record::{BackendStatus, BreakerState};
use protocol::Side;
use serde_json::json;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use testkit::fake_janus::Fault;
use testkit::message::kind;
use testkit::{FakeJanus, Janus, eventually};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout};

/// A Janus within this process and its probe. Time can be paused.
struct ProbeHarness {
    janus: Arc<Mutex<FakeJanus>>,
    probe: Probe,
}

impl ProbeHarness {
    fn with(janus: FakeJanus) -> Self {
        let janus = Arc::new(Mutex::new(janus));
        let dialler = janus.clone();
        let dialler = Arc::new(move |_: &str| {
            let dialler = dialler.clone();
            Box::pin(async move {
                let stream = dialler.lock().await.connect().ok_or(io::ErrorKind::ConnectionRefused)?;
                Ok(Box::new(stream) as Box<dyn Transport>)
            }) as _
        });
        let (url, credentials) = ("ws://janus:8188".to_owned(), Credentials::default());
        let probe = Probe::start(BackendName::from("a"), Endpoint { url, credentials, dialler });
        Self { janus, probe }
    }

    /// A Janus whose plugin is known to work.
    async fn healthy() -> Self {
        let harness = Self::with(FakeJanus::in_memory());
        harness.assert_healthy_within(Duration::from_secs(1)).await;
        harness
    }

    async fn janus(&self) -> MutexGuard<'_, FakeJanus> {
        self.janus.lock().await
    }

    async fn assert_healthy_within(&self, limit: Duration) {
        let started = Instant::now();
        eventually("the plugin works", async || is_healthy(&self.probe)).await;
        assert!(started.elapsed() <= limit, "after {:?}", started.elapsed());
    }

    async fn assert_detected(&self) {
        let started = Instant::now();
        eventually("the plugin does not work", async || !is_healthy(&self.probe)).await;
        assert!(started.elapsed() < Duration::from_millis(4100), "after {:?}", started.elapsed());
    }

    /// The handles of all requests of this kind.
    async fn handles(&self, verb: &str) -> Vec<u64> {
        let sent = self.janus().await.probe_requests();
        sent.iter().filter(|it| kind(it) == verb).filter_map(|it| it["handle_id"].as_u64()).collect()
    }

    /// How many handles were used for probes.
    async fn probe_handles(&self) -> usize {
        self.handles("message").await.into_iter().collect::<BTreeSet<_>>().len()
    }
}

fn is_healthy(probe: &Probe) -> bool {
    probe.status() == BackendStatus::Normal
}

/// A probe of a real Janus, whose plugin is known to work.
async fn healthy_probe(janus: &Janus) -> Probe {
    let endpoint = Endpoint { url: janus.url(), credentials: Credentials::default(), dialler: tcp() };
    let probe = Probe::start(BackendName::from("a"), endpoint);
    eventually("the plugin works", async || is_healthy(&probe)).await;
    probe
}

#[tokio::test(start_paused = true)]
async fn each_probe_uses_a_fresh_handle() {
    let harness = ProbeHarness::healthy().await;
    sleep(Duration::from_secs(60)).await;
    let probes = harness.probe_handles().await;
    assert!((29..=32).contains(&probes), "{probes} in a minute");
    assert_eq!(harness.handles("detach").await.len(), probes);
    harness.janus().await.freeze_plugin();
    harness.assert_detected().await;
    // Each probe times out after 2 s. The pauses before them are 2, 4, 8 and 10 s.
    let (before, mut retries) = (harness.probe_handles().await, Vec::new());
    for second in 0..60 {
        assert!(harness.janus().await.probes() <= 1, "two handles at {second} s");
        if harness.probe_handles().await > before + retries.len() {
            retries.push(second);
        }
        sleep(Duration::from_secs(1)).await;
    }
    let between: Vec<i32> = retries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(between, [6, 10, 12, 12, 12]);
    harness.janus().await.unfreeze_plugin();
    harness.assert_healthy_within(Duration::from_secs(12)).await;
    harness.probe.stop().await;
    assert_eq!(harness.janus.lock().await.probes(), 0);
}

/// Waits until the backend has this status, and returns how long that took and the reason.
async fn wait_status(probe: &Probe, status: BackendStatus) -> (Duration, String) {
    let started = Instant::now();
    eventually(&format!("it is {status:?}"), async || probe.status() == status).await;
    (started.elapsed(), probe.health().reason)
}

#[tokio::test(start_paused = true)]
async fn probe_fails_as_calls_do() {
    for (fault, limit, why) in [
        (Fault::RefuseAttach(461), 2_100, "Janus refuses handles (error 461)"),
        (Fault::PluginError(499), 2_100, "the VideoCall plugin refuses names (error 499)"),
        (Fault::IgnoreAttach, 8_000, "Janus does not answer"),
    ] {
        let harness = ProbeHarness::healthy().await;
        harness.janus().await.set_fault(Some(fault));
        let (took, reason) = wait_status(&harness.probe, BackendStatus::Abnormal).await;
        assert!(took <= Duration::from_millis(limit), "{fault:?} after {took:?}");
        assert_eq!((reason.as_str(), harness.probe.admission()), (why, Admission::None));
        harness.janus().await.set_fault(None);
        harness.assert_healthy_within(Duration::from_secs(12)).await;
        assert_eq!(harness.probe.admission(), Admission::Trials(3), "half-open at first");
    }
}

#[tokio::test(start_paused = true)]
async fn janus_closed_by_its_operator_is_in_maintenance() {
    let harness = ProbeHarness::healthy().await;
    harness.janus().await.refuse_sessions(true);
    let (took, reason) = wait_status(&harness.probe, BackendStatus::Maintenance).await;
    assert!(took <= Duration::from_millis(2_100), "after {took:?}");
    assert_eq!(reason, "its Admin API was told to accept no new sessions");
    assert_eq!(harness.probe.admission(), Admission::None);
    harness.janus().await.refuse_sessions(false);
    let (opened_after, no_reason) = wait_status(&harness.probe, BackendStatus::Normal).await;
    assert!(opened_after <= Duration::from_millis(2_100), "after {opened_after:?}");
    assert_eq!((no_reason.as_str(), harness.probe.admission()), ("", Admission::All));
}

#[tokio::test(start_paused = true)]
async fn restarted_janus_is_trusted_soon() {
    let harness = ProbeHarness::healthy().await;
    harness.janus().await.freeze_plugin();
    sleep(Duration::from_secs(60)).await;
    assert!(!is_healthy(&harness.probe));
    harness.janus().await.crash().await;
    sleep(Duration::from_secs(60)).await;
    assert!(!is_healthy(&harness.probe));
    harness.janus().await.restart().await;
    harness.assert_healthy_within(Duration::from_millis(2100)).await;
}

#[tokio::test(start_paused = true)]
async fn unreachable_janus_does_not_change_the_breaker() {
    let harness = ProbeHarness::healthy().await;
    harness.janus().await.crash().await;
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        assert!(is_healthy(&harness.probe));
    }
    harness.janus().await.restart().await;
    eventually("it is probed again", async || harness.probe.latency_ms().is_some()).await;
    assert!(is_healthy(&harness.probe));
    harness.probe.stop().await;
    assert_eq!(harness.janus.lock().await.probes(), 0);
}

#[tokio::test(start_paused = true)]
async fn silent_janus_is_not_trusted_until_it_answers() {
    let harness = ProbeHarness::healthy().await;
    harness.janus().await.stop_answering();
    sleep(Duration::from_secs(3)).await;
    assert!(is_healthy(&harness.probe), "once may be chance");
    sleep(Duration::from_secs(7)).await;
    assert!(!is_healthy(&harness.probe));
    harness.janus().await.resume_answering();
    harness.assert_healthy_within(Duration::from_secs(8)).await;
}

#[tokio::test(start_paused = true)]
async fn late_replies_of_janus_leave_no_handle() {
    let harness = ProbeHarness::healthy().await;
    harness.janus().await.stop_answering();
    sleep(Duration::from_secs(30)).await;
    harness.janus().await.resume_answering();
    // Janus itself ends a session that is not claimed for 30 s.
    sleep(Duration::from_secs(35)).await;
    assert!(harness.janus().await.probes() <= 1 && is_healthy(&harness.probe));
}

#[tokio::test(start_paused = true)]
async fn calls_of_several_clients_open_it_although_probes_succeed() {
    let harness = ProbeHarness::healthy().await;
    let fail = |client| harness.probe.on_setup(client, Err(SetupFailure::Ice));
    (0..100).for_each(|_| fail(1));
    assert_eq!(harness.probe.health().breaker, BreakerState::Closed);
    assert_eq!(harness.probe.health().failed_percent, 33);
    (2..4).for_each(fail);
    let health = harness.probe.health();
    assert_eq!((health.breaker, health.failed_percent), (BreakerState::Open, 100));
    assert!(health.reason.starts_with("calls of 3 of 3 clients failed"), "{health:?}");
    assert_eq!(harness.probe.status(), BackendStatus::Normal, "clients may have provoked it");
    let started = Instant::now();
    eventually("it is half-open", async || harness.probe.health().breaker == BreakerState::HalfOpen).await;
    assert!(started.elapsed() <= Duration::from_millis(2_100), "after {:?}", started.elapsed());
    (1..4).for_each(|client| harness.probe.on_setup(client, Ok(Duration::from_millis(3))));
    assert_eq!(harness.probe.health().breaker, BreakerState::Closed);
    assert_eq!(harness.probe.health().reason, "");
}

#[tokio::test(start_paused = true)]
async fn plugin_frozen_from_the_start_is_never_trusted() {
    let frozen = FakeJanus::in_memory();
    frozen.freeze_plugin();
    let harness = ProbeHarness::with(frozen);
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        assert!(!is_healthy(&harness.probe));
    }
    harness.janus().await.unfreeze_plugin();
    harness.assert_healthy_within(Duration::from_secs(12)).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_probe_ends_its_session() {
    let ProbeHarness { janus, probe } = ProbeHarness::healthy().await;
    drop(probe);
    eventually("its session is destroyed", async || {
        janus.lock().await.probe_requests().last().map(kind) == Some("destroy")
    })
    .await;
    assert_eq!(janus.lock().await.probes(), 0);
}

#[tokio::test]
async fn frozen_plugin_gets_no_new_calls_and_keeps_running_ones() {
    let janus = FakeJanus::start().await;
    let (mut harness, connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    janus.freeze_plugin();
    harness.wait_status("a", Some(BackendStatus::Abnormal)).await;
    assert_eq!((janus.calls(), harness.calls().await), (1, [Some(call); 2]));
    janus.unfreeze_plugin();
    harness.wait_ready("a").await;
    assert_eq!((janus.calls(), harness.calls().await), (1, [Some(call); 2]));
    harness.hang_up(call, Side::Caller).await;
    harness.edge.alice(call).await;
    harness.edge.bob(call).await;
    harness.talking().await;
    connector.stop().await;
    assert_eq!(janus.probes(), 0);
}

#[tokio::test]
async fn drained_backend_is_announced_and_keeps_its_calls() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    let mut notices = harness.bus.subscribe().await;
    let name = BackendName::from("a");
    let mut changed = async || {
        let notice = timeout(Duration::from_secs(5), notices.next()).await.unwrap();
        assert_eq!(notice, Notice::BackendChanged(name.clone()));
    };
    harness.directory.drain_backend(&name).await.unwrap();
    changed().await;
    harness.wait_status("a", Some(BackendStatus::Maintenance)).await;
    assert_eq!(harness.calls().await, [Some(call); 2]);
    harness.request(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_eq!(harness.edge.alice(call).await, "t/set");
    harness.directory.undrain_backend(&name).await.unwrap();
    changed().await;
    harness.wait_ready("a").await;
}

#[tokio::test]
async fn healthy_janus_has_few_extra_handles_and_stays_trusted() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    let probe = healthy_probe(&janus).await;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        assert!(is_healthy(&probe));
        let (handles, probes) = (admin.all_handles().await, admin.probes().await);
        assert!(handles == 0 && probes <= 1, "{handles} handles, {probes} probes");
        sleep(Duration::from_millis(200)).await;
    }
    probe.stop().await;
    assert_eq!((admin.sessions().await.len(), admin.probes().await), (0, 0));
}

#[tokio::test]
async fn paused_janus_is_trusted_as_soon_as_it_continues() {
    let mut janus = Janus::start().await;
    let probe = healthy_probe(&janus).await;
    janus.stop();
    sleep(Duration::from_secs(6)).await;
    janus.resume();
    let resumed_at = Instant::now();
    let mut admin = janus.admin().await;
    eventually("it is probed again", async || probe.latency_ms().is_some() && is_healthy(&probe)).await;
    assert!(resumed_at.elapsed() < Duration::from_secs(3), "after {:?}", resumed_at.elapsed());
    probe.stop().await;
    eventually("no handle is left", async || admin.probes().await == 0).await;
}
