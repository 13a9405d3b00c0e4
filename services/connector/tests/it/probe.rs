//! The probe of the VideoCall plugin, and its effect on the backend.

use crate::harness::Harness;
use bus::message::Notice;
use common::BackendName;
use common::transport::Transport;
use connector::janus::endpoint::{Endpoint, tcp};
use connector::options::Credentials;
use connector::probe::Probe;
use directory::record::BackendStatus;
use protocol::Side;
use serde_json::json;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;
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
        eventually("the plugin works", async || self.probe.is_healthy()).await;
        assert!(started.elapsed() <= limit, "after {:?}", started.elapsed());
    }

    async fn assert_detected(&self) {
        let started = Instant::now();
        eventually("the plugin does not work", async || !self.probe.is_healthy()).await;
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

/// A probe of a real Janus, whose plugin is known to work.
async fn healthy_probe(janus: &Janus) -> Probe {
    let endpoint = Endpoint { url: janus.url(), credentials: Credentials::default(), dialler: tcp() };
    let probe = Probe::start(BackendName::from("a"), endpoint);
    eventually("the plugin works", async || probe.is_healthy()).await;
    probe
}

#[tokio::test(start_paused = true)]
async fn handle_is_kept_while_healthy_and_fresh_for_each_retry() {
    let harness = ProbeHarness::healthy().await;
    sleep(Duration::from_secs(60)).await;
    let probes = harness.handles("message").await.len();
    assert!((29..=32).contains(&probes), "{probes} in a minute");
    assert_eq!((harness.probe_handles().await, harness.janus().await.probes()), (1, 1));
    harness.janus().await.freeze_plugin();
    harness.assert_detected().await;
    // Each probe times out after 2 s. The pauses before them are 2, 4, 8 and 10 s.
    let mut probe_handles = Vec::new();
    for second in 0..60 {
        assert!(harness.janus().await.probes() <= 1, "two handles at {second} s");
        if harness.probe_handles().await > probe_handles.len() + 1 {
            probe_handles.push(second);
        }
        sleep(Duration::from_secs(1)).await;
    }
    let between: Vec<i32> = probe_handles.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(between, [6, 10, 12, 12, 12]);
    harness.janus().await.unfreeze_plugin();
    harness.assert_healthy_within(Duration::from_secs(12)).await;
    assert_eq!(
        harness.handles("detach").await.len(),
        harness.probe_handles().await - 1,
        "only the working handle is left"
    );
    harness.probe.stop().await;
    assert_eq!(harness.janus.lock().await.probes(), 0);
}

#[tokio::test(start_paused = true)]
async fn restarted_janus_is_trusted_soon() {
    let harness = ProbeHarness::healthy().await;
    harness.janus().await.freeze_plugin();
    sleep(Duration::from_secs(60)).await;
    assert!(!harness.probe.is_healthy());
    harness.janus().await.crash().await;
    sleep(Duration::from_secs(60)).await;
    assert!(!harness.probe.is_healthy());
    harness.janus().await.restart().await;
    harness.assert_healthy_within(Duration::from_millis(2100)).await;
}

#[tokio::test(start_paused = true)]
async fn unreachable_janus_does_not_change_the_breaker() {
    let harness = ProbeHarness::healthy().await;
    harness.janus().await.stop_answering();
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        assert!(harness.probe.is_healthy());
    }
    harness.janus().await.resume_answering();
    harness.janus().await.crash().await;
    sleep(Duration::from_secs(60)).await;
    assert!(harness.probe.is_healthy());
    harness.janus().await.restart().await;
    eventually("it is probed again", async || harness.janus().await.probes() == 1).await;
    assert!(harness.probe.is_healthy());
    harness.probe.stop().await;
    assert_eq!(harness.janus.lock().await.probes(), 0);
}

#[tokio::test(start_paused = true)]
async fn late_replies_of_janus_leave_no_handle() {
    let harness = ProbeHarness::healthy().await;
    harness.janus().await.stop_answering();
    sleep(Duration::from_secs(30)).await;
    harness.janus().await.resume_answering();
    // Janus itself ends a session that is not claimed for 30 s.
    sleep(Duration::from_secs(35)).await;
    assert_eq!((harness.janus().await.probes(), harness.probe.is_healthy()), (1, true));
}

#[tokio::test(start_paused = true)]
async fn unanswered_calls_count_although_probes_succeed() {
    let harness = ProbeHarness::healthy().await;
    harness.probe.on_unanswered_call();
    assert!(harness.probe.is_healthy());
    harness.probe.on_unanswered_call();
    assert!(!harness.probe.is_healthy());
    harness.assert_healthy_within(Duration::from_millis(2100)).await;
    assert_eq!(
        (harness.probe_handles().await, harness.janus().await.probes()),
        (2, 1),
        "with a fresh handle"
    );
}

#[tokio::test(start_paused = true)]
async fn plugin_frozen_from_the_start_is_never_trusted() {
    let frozen = FakeJanus::in_memory();
    frozen.freeze_plugin();
    let harness = ProbeHarness::with(frozen);
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        assert!(!harness.probe.is_healthy());
    }
    harness.janus().await.unfreeze_plugin();
    harness.assert_healthy_within(Duration::from_secs(12)).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_probe_ends_its_session() {
    let ProbeHarness { janus, probe } = ProbeHarness::healthy().await;
    drop(probe);
    eventually("no handle is left", async || janus.lock().await.probes() == 0).await;
    assert_eq!(janus.lock().await.probe_requests().last().map(kind), Some("destroy"));
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
async fn healthy_janus_has_one_extra_handle_and_stays_trusted() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    let probe = healthy_probe(&janus).await;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        assert!(probe.is_healthy());
        assert_eq!((admin.all_handles().await, admin.probes().await), (0, 1));
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
    eventually("it is probed again", async || admin.probes().await == 1 && probe.is_healthy()).await;
    assert!(resumed_at.elapsed() < Duration::from_secs(3), "after {:?}", resumed_at.elapsed());
    probe.stop().await;
    eventually("no handle is left", async || admin.probes().await == 0).await;
}
