//! The cluster that `tests/compose/run` has brought up: commands of Compose, and what the operators' API
//! says through the load balancer.

use crate::browser::driver::Driver;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;
use testkit::{becomes_true, http};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::{JoinHandle, spawn_blocking};

static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);

/// How long containers may take to come and go. A service that stops has 20 s to hand over what it has, and
/// connectors take 10 s to let go of an address.
const PATIENCE: Duration = Duration::from_secs(90);

/// How many containers of each service there are to be.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub edge: usize,
    pub router: usize,
    pub connector: usize,
    pub janus: usize,
    pub rest: usize,
}

/// One of each.
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
    /// One container of each service, all ready.
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

    /// Where the demo page and the operators' API are.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Where clients connect.
    pub fn websocket(&self) -> &str {
        &self.websocket
    }

    /// Has so many containers of each service, and waits until the cluster says so.
    pub async fn scale(&self, scale: Scale) {
        self.start_to_scale(scale).await.unwrap();
        self.has(scale).await;
    }

    /// The same, while the test goes on.
    pub fn start_to_scale(&self, scale: Scale) -> JoinHandle<String> {
        let counts = scale.services().map(|(service, count)| format!("--scale={service}={count}"));
        let all = ["up".to_owned(), "-d".to_owned()].into_iter().chain(counts);
        tokio::spawn(async move { compose(&all.collect::<Vec<_>>()).await })
    }

    /// Restarts the containers of a service; returns when they run, which is not when they are ready.
    pub fn restart(&self, service: &'static str) -> JoinHandle<String> {
        tokio::spawn(async move { compose(&["restart", service]).await })
    }

    /// Waits until so many of each are there, and ready.
    pub async fn has(&self, scale: Scale) {
        let mut seen = Value::Null;
        let there = becomes_true(PATIENCE, async || {
            seen = self.seen().await.unwrap_or_default();
            scale.services().into_iter().all(|wanted| are_ready(&seen, wanted))
        });
        assert!(there.await, "the cluster does not come to {scale:?}: {seen:#}");
    }

    /// Waits until the backends that take calls, with how many they have, are so.
    pub async fn backends_are(&self, what: &str, so: impl Fn(&[(String, u64)]) -> bool) {
        let there = becomes_true(PATIENCE, async || so(&self.open_backends().await));
        assert!(
            there.await,
            "it does not come true that {what}: {:#}",
            self.seen().await.unwrap_or_default()
        );
    }

    /// What `GET /api/v1/cluster` answers, if it does.
    pub async fn seen(&self) -> Option<Value> {
        let answer = self.ask("/api/v1/cluster").await?;
        (answer.status == 200).then(|| serde_json::from_str(&answer.body).unwrap())
    }

    /// An answer to an operator, if there is one.
    pub async fn ask(&self, path: &str) -> Option<http::Response> {
        let url = format!("{}{path}", self.page.replace("localhost", "127.0.0.1"));
        http::send_as(&self.secret, "GET", &url, "").await.ok()
    }

    /// The backends that take calls, with how many they have.
    pub async fn open_backends(&self) -> Vec<(String, u64)> {
        let seen = self.seen().await.unwrap_or_default();
        let open = list(&seen, "backends").filter(|it| it["status"] == "normal" && it["drained"] != true);
        open.map(|it| (it["name"].as_str().unwrap().to_owned(), it["calls"].as_u64().unwrap())).collect()
    }
}

fn list<'a>(seen: &'a Value, what: &str) -> impl Iterator<Item = &'a Value> {
    seen[what].as_array().into_iter().flatten()
}

/// Whether there are so many. Janus servers are backends, none of which is to be left of one that went away;
/// the others announce themselves.
fn are_ready(seen: &Value, (service, count): (&str, usize)) -> bool {
    match service {
        "janus" => {
            let states: Vec<_> = list(seen, "backends").map(|it| &it["status"]).collect();
            states.len() == count && states.iter().all(|state| *state == "normal")
        }
        _ => list(seen, "services").filter(|it| it["kind"] == service).count() == count,
    }
}

/// Runs Compose on the project that the environment names; returns what it prints.
pub async fn compose<Text: AsRef<str>>(arguments: &[Text]) -> String {
    compose_with(arguments, &[]).await
}

/// The same, with these variables besides.
pub async fn compose_with<Text: AsRef<str>>(arguments: &[Text], variables: &[(&str, String)]) -> String {
    let program = std::env::var("COMPOSE").expect("COMPOSE names the program");
    let mut words = program.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(arguments.iter().map(AsRef::as_ref));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let output = spawn_blocking(move || (command.output(), command)).await.unwrap();
    let (Ok(output), command) = output else { panic!("{program} cannot be started") };
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out
}
