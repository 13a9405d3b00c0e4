//! The cluster that `tests/compose/run` has started: commands of Compose, and the operators' API through the
//! load balancer.

use crate::browser::driver::Driver;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;
use testkit::{becomes_true, http};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::{JoinHandle, spawn_blocking};

static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);

/// Time limit for containers to start and stop. A service that stops has 20 s to hand over its clients or
/// calls, and connectors release an address after 10 s.
const CONTAINER_TIMEOUT: Duration = Duration::from_secs(90);

/// Number of containers of each service.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub edge: usize,
    pub router: usize,
    pub connector: usize,
    pub janus: usize,
    pub rest: usize,
}

/// One container of each service.
pub const ONE: Scale = Scale { edge: 1, router: 1, connector: 1, janus: 1, rest: 1 };

impl Scale {
    fn services(self) -> [(&'static str, usize); 5] {
        let Self { edge, router, connector, janus, rest } = self;
        [("edge", edge), ("router", router), ("connector", connector), ("janus", janus), ("rest", rest)]
    }
}

/// The cluster, for one test.
pub struct Cluster {
    pub driver: Driver,
    page: String,
    websocket: String,
    secret: String,
    _turn: SemaphorePermit<'static>,
}

impl Cluster {
    /// Scales to one container of each service and waits until all are ready.
    pub async fn one_of_each() -> Self {
        let turn = ONE_AT_A_TIME.acquire().await.unwrap();
        let port =
            |variable: &str| std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"));
        let page = format!("http://localhost:{}", port("HTTP_PORT"));
        let websocket = format!("ws://localhost:{}", port("WEBSOCKET_PORT"));
        compose(&["up", "-d", "--remove-orphans"]).await;
        let secret = compose(&["exec", "-T", "rest", "cat", "rest-secret"]).await.trim().to_owned();
        let cluster = Self { driver: Driver::start().await, page, websocket, secret, _turn: turn };
        cluster.has(ONE).await;
        cluster
    }

    /// URL of the demo page and the operators' API.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// URL for clients.
    pub fn websocket(&self) -> &str {
        &self.websocket
    }

    /// Scales each service and waits until the cluster reports the new numbers.
    pub async fn scale(&self, scale: Scale) {
        self.start_to_scale(scale).await.unwrap();
        self.has(scale).await;
    }

    /// Scales each service without waiting.
    pub fn start_to_scale(&self, scale: Scale) -> JoinHandle<String> {
        let counts = scale.services().map(|(service, count)| format!("--scale={service}={count}"));
        let all = ["up".to_owned(), "-d".to_owned()].into_iter().chain(counts);
        tokio::spawn(async move { compose(&all.collect::<Vec<_>>()).await })
    }

    /// Restarts the containers of a service. Returns when they run, which may be before they are ready.
    pub fn restart(&self, service: &'static str) -> JoinHandle<String> {
        tokio::spawn(async move { compose(&["restart", service]).await })
    }

    /// Waits until each service has that many ready containers.
    pub async fn has(&self, scale: Scale) {
        let mut seen = Value::Null;
        let reached = becomes_true(CONTAINER_TIMEOUT, async || {
            seen = self.seen().await.unwrap_or_default();
            scale.services().into_iter().all(|wanted| are_ready(&seen, wanted))
        });
        assert!(reached.await, "the cluster did not reach {scale:?}: {seen:#}");
    }

    /// Waits until the condition holds for the backends that accept calls, given with their numbers of calls.
    pub async fn backends_are(&self, what: &str, condition: impl Fn(&[(String, u64)]) -> bool) {
        let reached = becomes_true(CONTAINER_TIMEOUT, async || condition(&self.open_backends().await));
        assert!(reached.await, "timed out waiting until {what}: {:#}", self.seen().await.unwrap_or_default());
    }

    /// The answer of `GET /api/v1/cluster`, if there is one.
    pub async fn seen(&self) -> Option<Value> {
        let answer = self.request("/api/v1/cluster").await?;
        (answer.status == 200).then(|| serde_json::from_str(&answer.body).unwrap())
    }

    /// The answer to an operator's request, if there is one.
    pub async fn request(&self, path: &str) -> Option<http::Response> {
        let url = format!("{}{path}", self.page.replace("localhost", "127.0.0.1"));
        http::send_as(&self.secret, "GET", &url, "").await.ok()
    }

    /// The backends that accept calls, with their numbers of calls.
    pub async fn open_backends(&self) -> Vec<(String, u64)> {
        let seen = self.seen().await.unwrap_or_default();
        let open = list(&seen, "backends").filter(|it| it["status"] == "normal" && it["drained"] != true);
        open.map(|it| (it["name"].as_str().unwrap().to_owned(), it["calls"].as_u64().unwrap())).collect()
    }
}

fn list<'a>(seen: &'a Value, what: &str) -> impl Iterator<Item = &'a Value> {
    seen[what].as_array().into_iter().flatten()
}

/// Whether each service has that many containers. A Janus is counted as a backend, and the record of one that
/// was removed must be gone. The other services register themselves.
fn are_ready(seen: &Value, (service, count): (&str, usize)) -> bool {
    match service {
        "janus" => {
            let states: Vec<_> = list(seen, "backends").map(|it| &it["status"]).collect();
            states.len() == count && states.iter().all(|state| *state == "normal")
        }
        _ => list(seen, "services").filter(|it| it["kind"] == service).count() == count,
    }
}

/// Runs Compose on the project that the environment names, and returns its output.
pub async fn compose<Text: AsRef<str>>(arguments: &[Text]) -> String {
    compose_with(arguments, &[]).await
}

/// The same, with these environment variables besides.
pub async fn compose_with<Text: AsRef<str>>(arguments: &[Text], variables: &[(&str, String)]) -> String {
    let program = std::env::var("COMPOSE").expect("COMPOSE names the program");
    let mut words = program.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(arguments.iter().map(AsRef::as_ref));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let finished = spawn_blocking(move || (command.output(), command)).await.unwrap();
    let (Ok(output), described) = finished else { panic!("{program} cannot be started") };
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{described:?}: {}\n{out}\n{err}", output.status);
    out
}
