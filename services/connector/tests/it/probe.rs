//! Whether the plugin of a Janus works, and what becomes of its backend when it does not.

use crate::harness::Bench;
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

/// A Janus within this process and a probe of it, in time that may be paused.
struct Lab {
    janus: Arc<Mutex<FakeJanus>>,
    probe: Probe,
}

impl Lab {
    fn with(janus: FakeJanus) -> Self {
        let janus = Arc::new(Mutex::new(janus));
        let way = janus.clone();
        let dialler = Arc::new(move |_: &str| {
            let way = way.clone();
            Box::pin(async move {
                let stream = way.lock().await.connect().ok_or(io::ErrorKind::ConnectionRefused)?;
                Ok(Box::new(stream) as Box<dyn Transport>)
            }) as _
        });
        let (url, credentials) = ("ws://janus:8188".to_owned(), Credentials::default());
        let probe = Probe::start(BackendName::from("a"), Endpoint { url, credentials, dialler });
        Self { janus, probe }
    }

    /// One whose plugin is known to work.
    async fn good() -> Self {
        let lab = Self::with(FakeJanus::in_memory());
        lab.works_within(Duration::from_secs(1)).await;
        lab
    }

    async fn janus(&self) -> MutexGuard<'_, FakeJanus> {
        self.janus.lock().await
    }

    async fn works_within(&self, bound: Duration) {
        let began = Instant::now();
        eventually("the plugin works", async || self.probe.is_healthy()).await;
        assert!(began.elapsed() <= bound, "after {:?}", began.elapsed());
    }

    async fn is_found_out(&self) {
        let began = Instant::now();
        eventually("the plugin does not work", async || !self.probe.is_healthy()).await;
        assert!(began.elapsed() < Duration::from_millis(4100), "after {:?}", began.elapsed());
    }

    /// The handles that requests of this kind named.
    async fn handles(&self, verb: &str) -> Vec<u64> {
        let said = self.janus().await.probe_requests();
        said.iter().filter(|it| kind(it) == verb).filter_map(|it| it["handle_id"].as_u64()).collect()
    }

    /// How many handles the plugin was asked through.
    async fn tries(&self) -> usize {
        self.handles("message").await.into_iter().collect::<BTreeSet<_>>().len()
    }
}

/// A probe of a real Janus, whose plugin is known to work.
async fn good_probe(janus: &Janus) -> Probe {
    let site = Endpoint { url: janus.url(), credentials: Credentials::default(), dialler: tcp() };
    let probe = Probe::start(BackendName::from("a"), site);
    eventually("the plugin works", async || probe.is_healthy()).await;
    probe
}

#[tokio::test(start_paused = true)]
async fn it_keeps_its_handle_while_all_is_well_and_takes_a_fresh_one_for_each_try_after_that() {
    let lab = Lab::good().await;
    sleep(Duration::from_secs(60)).await;
    let asked = lab.handles("message").await.len();
    assert!((29..=32).contains(&asked), "{asked} in a minute");
    assert_eq!((lab.tries().await, lab.janus().await.probes()), (1, 1));
    lab.janus().await.freeze_plugin();
    lab.is_found_out().await;
    // Each try takes two seconds, and the pauses before them 2, 4, 8 and 10.
    let mut tries = Vec::new();
    for second in 0..60 {
        assert!(lab.janus().await.probes() <= 1, "two handles at {second} s");
        if lab.tries().await > tries.len() + 1 {
            tries.push(second);
        }
        sleep(Duration::from_secs(1)).await;
    }
    let between: Vec<i32> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(between, [6, 10, 12, 12, 12]);
    lab.janus().await.unfreeze_plugin();
    lab.works_within(Duration::from_secs(12)).await;
    assert_eq!(lab.handles("detach").await.len(), lab.tries().await - 1, "one is left, the one that works");
    lab.probe.stop().await;
    assert_eq!(lab.janus.lock().await.probes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_janus_that_is_started_anew_is_trusted_soon_however_long_its_plugin_was_frozen() {
    let lab = Lab::good().await;
    lab.janus().await.freeze_plugin();
    sleep(Duration::from_secs(60)).await;
    assert!(!lab.probe.is_healthy());
    lab.janus().await.crash().await;
    sleep(Duration::from_secs(60)).await;
    assert!(!lab.probe.is_healthy());
    lab.janus().await.restart().await;
    lab.works_within(Duration::from_millis(2100)).await;
}

#[tokio::test(start_paused = true)]
async fn a_janus_that_is_altogether_silent_or_gone_is_not_judged() {
    let lab = Lab::good().await;
    lab.janus().await.stop_answering();
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        assert!(lab.probe.is_healthy());
    }
    lab.janus().await.resume_answering();
    lab.janus().await.crash().await;
    sleep(Duration::from_secs(60)).await;
    assert!(lab.probe.is_healthy());
    lab.janus().await.restart().await;
    eventually("it is probed again", async || lab.janus().await.probes() == 1).await;
    assert!(lab.probe.is_healthy());
    lab.probe.stop().await;
    assert_eq!(lab.janus.lock().await.probes(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_janus_was_asked_leaves_no_handle_once_it_answers() {
    let lab = Lab::good().await;
    lab.janus().await.stop_answering();
    sleep(Duration::from_secs(30)).await;
    lab.janus().await.resume_answering();
    // Janus itself ends a session when nobody claims it for 30 s.
    sleep(Duration::from_secs(35)).await;
    assert_eq!((lab.janus().await.probes(), lab.probe.is_healthy()), (1, true));
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_not_answered_count_although_the_probe_is() {
    let lab = Lab::good().await;
    lab.probe.on_unanswered_call();
    assert!(lab.probe.is_healthy());
    lab.probe.on_unanswered_call();
    assert!(!lab.probe.is_healthy());
    lab.works_within(Duration::from_millis(2100)).await;
    assert_eq!((lab.tries().await, lab.janus().await.probes()), (2, 1), "by a fresh handle");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_frozen_from_the_start_is_never_trusted() {
    let frozen = FakeJanus::in_memory();
    frozen.freeze_plugin();
    let lab = Lab::with(frozen);
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        assert!(!lab.probe.is_healthy());
    }
    lab.janus().await.unfreeze_plugin();
    lab.works_within(Duration::from_secs(12)).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_ends_its_session() {
    let Lab { janus, probe } = Lab::good().await;
    drop(probe);
    eventually("no handle is left", async || janus.lock().await.probes() == 0).await;
    assert_eq!(janus.lock().await.probe_requests().last().map(kind), Some("destroy"));
}

#[tokio::test]
async fn a_frozen_plugin_gets_no_new_calls_until_it_works_again_and_running_calls_stay() {
    let janus = FakeJanus::start().await;
    let (mut bench, connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    janus.freeze_plugin();
    bench.has_status("a", Some(BackendStatus::Abnormal)).await;
    assert_eq!((janus.calls(), bench.calls().await), (1, [Some(call); 2]));
    janus.unfreeze_plugin();
    bench.is_ready("a").await;
    assert_eq!((janus.calls(), bench.calls().await), (1, [Some(call); 2]));
    bench.hangs_up(call, Side::Caller).await;
    bench.edge.alice(call).await;
    bench.edge.bob(call).await;
    bench.talking().await;
    connector.stops().await;
    assert_eq!(janus.probes(), 0);
}

#[tokio::test]
async fn a_backend_that_is_drained_says_so_and_keeps_its_calls() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    let mut notices = bench.bus.subscribe().await;
    let name = BackendName::from("a");
    let mut changed = async || {
        let notice = timeout(Duration::from_secs(5), notices.next()).await.unwrap();
        assert_eq!(notice, Notice::BackendChanged(name.clone()));
    };
    bench.directory.drain_backend(&name).await.unwrap();
    changed().await;
    bench.has_status("a", Some(BackendStatus::Maintenance)).await;
    assert_eq!(bench.calls().await, [Some(call); 2]);
    bench.asks(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_eq!(bench.edge.alice(call).await, "t/set");
    bench.directory.undrain_backend(&name).await.unwrap();
    changed().await;
    bench.is_ready("a").await;
}

#[tokio::test]
async fn a_healthy_janus_has_one_handle_more_and_is_trusted_all_the_time() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    let probe = good_probe(&janus).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        assert!(probe.is_healthy());
        assert_eq!((admin.all_handles().await, admin.probes().await), (0, 1));
        sleep(Duration::from_millis(200)).await;
    }
    probe.stop().await;
    assert_eq!((admin.sessions().await.len(), admin.probes().await), (0, 0));
}

#[tokio::test]
async fn a_janus_that_was_stopped_for_a_while_is_trusted_as_soon_as_it_goes_on() {
    let mut janus = Janus::start().await;
    let probe = good_probe(&janus).await;
    janus.stop();
    sleep(Duration::from_secs(6)).await;
    janus.resume();
    let woken = Instant::now();
    let mut admin = janus.admin().await;
    eventually("it is probed again", async || admin.probes().await == 1 && probe.is_healthy()).await;
    assert!(woken.elapsed() < Duration::from_secs(3), "after {:?}", woken.elapsed());
    probe.stop().await;
    eventually("no handle is left", async || admin.probes().await == 0).await;
}
