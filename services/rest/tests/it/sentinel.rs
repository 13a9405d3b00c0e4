//! Janus servers announced by sentinels and operators.

use crate::harness::{Rest, start, start_with};
use crate::proxy_stub::{FORM, Response, send};
use common::BackendName;
use directory::record::{Backend, BackendStatus};
use rest::Options;
use serde_json::{Value, json};
use service::Secret;
use std::time::Duration;

const SENTINEL: &str = "/sentinel_callback";
const BACKENDS: &str = "/backend_servers";
/// As sent by janus-sentinel 1.0.0.
const POST: &str = "name=a&url=ws%3A%2F%2Flocalhost%3A50357&status=0&start_time=0&expire=6&isp=&location=";

async fn post(rest: &Rest, path: &str, body: &str) -> Response {
    send(rest, "POST", path, FORM, body).await
}

async fn list(rest: &Rest) -> Vec<Value> {
    let response = send(rest, "GET", BACKENDS, "", "").await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json().as_array().unwrap().clone()
}

fn without_times(mut backend: Value) -> Value {
    for time in ["utime", "ctime"] {
        assert!(backend.as_object_mut().unwrap().remove(time).is_some_and(|time| time.is_f64()));
    }
    backend
}

#[tokio::test]
async fn sentinel_announces_a_janus_server() {
    for path in [SENTINEL, BACKENDS] {
        let rest = start().await;
        assert!(post(&rest, path, POST).await.is_success());
        let found = rest.context.directory.discovered_backends().await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].url.as_str()), ("a", "ws://localhost:50357"));
        assert_eq!((found[0].status, found[0].expire), (BackendStatus::Normal, 6));
        let more = "name=a&url=ws://localhost:50357&status=3&session_num=20000&handle_num=5&isp=x&location=y";
        assert!(post(&rest, path, more).await.is_success());
        let shown: Vec<_> = list(&rest).await.into_iter().map(without_times).collect();
        let all = json!([{
            "name": "a", "url": "ws://localhost:50357", "status": 3, "session_timeout": 0, "location": "y",
            "isp": "x", "session_num": 20000, "handle_num": 5, "expire": 6, "start_time": 0.0,
        }]);
        assert_eq!(json!(shown), all);
    }
}

#[tokio::test]
async fn served_backends_are_listed_too() {
    let rest = start().await;
    let backend = Backend {
        name: BackendName::from("b"),
        url: "ws://b".to_owned(),
        status: BackendStatus::Normal,
        handles: 4,
        location: String::new(),
        isp: String::new(),
        probe_ms: None,
        health: Default::default(),
    };
    rest.context.directory.announce_backend(&backend, Duration::from_secs(60)).await.unwrap();
    assert!(post(&rest, BACKENDS, POST).await.is_success());
    let shown: Vec<_> = list(&rest).await;
    let names: Vec<_> = shown.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!((&shown[1]["status"], &shown[1]["handle_num"]), (&json!(0), &json!(4)));
}

#[tokio::test]
async fn removing_a_janus_server_is_idempotent() {
    let rest = start().await;
    assert!(post(&rest, BACKENDS, POST).await.is_success());
    for _ in 0..2 {
        let response = send(&rest, "DELETE", "/backend_servers/a", "", "").await;
        assert!(response.is_success(), "{response:?}");
        assert_eq!(list(&rest).await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn invalid_parameters_have_the_errors_of_janus_cloud() {
    let rest = start().await;
    let long = "x".repeat(65);
    for (change, info) in [
        ("name=a+b", r"a b does not match regular express(^[\w-]{1,64}$)"),
        (&format!("name={long}"), &format!(r"{long} does not match regular express(^[\w-]{{1,64}}$)")),
        ("url=http://a", r"http://a does not match regular express(^(ws|wss)://\S+$)"),
        ("status=4", "4 is not in (0, 1, 2, 3)"),
        ("status=x", "x is not integer"),
        ("expire=86401", "86401 is larger than 86400"),
        ("expire=-1", "-1 is smaller than 0"),
        ("session_timeout=86401", "86401 is larger than 86400"),
        ("session_num=-1", "-1 is smaller than 0"),
        ("handle_num=1.5", "1.5 is not integer"),
        ("start_time=x", "x is not float"),
        (&format!("isp={long}"), &format!("{long} should be shorter than 64 characters")),
        (&format!("location={long}"), &format!("{long} should be shorter than 64 characters")),
    ] {
        // Of two values the later one counts.
        let response = post(&rest, SENTINEL, &format!("{POST}&{change}")).await;
        assert_eq!((response.status, response.info().as_str()), (400, info));
    }
    let response = post(&rest, SENTINEL, "name=a&expire=1").await;
    assert_eq!((response.status, response.info().as_str()), (400, "missed keys {'url', 'status'}"));
    assert_eq!(list(&rest).await, [] as [Value; 0]);
}

#[tokio::test]
async fn with_a_secret_only_operators_and_allowed_sentinels_may() {
    let options = |networks: &[&str]| Options {
        rest_secret: Some(Secret::from("hunter2")),
        proxy_allow: networks.iter().map(|it| it.parse().unwrap()).collect(),
        ..Options::default()
    };
    let (none, wrong) = (FORM.to_owned(), format!("{FORM}Authorization: Bearer hunter\r\n"));
    let right = format!("{FORM}Authorization: Bearer hunter2\r\n");
    for networks in [&[][..], &["10.0.0.0/8"]] {
        let rest = start_with(options(networks)).await;
        for headers in [&none, &wrong] {
            for (method, path) in
                [("POST", SENTINEL), ("POST", BACKENDS), ("GET", BACKENDS), ("DELETE", "/backend_servers/a")]
            {
                let response = send(&rest, method, path, headers, POST).await;
                assert_eq!(response.status, 401, "{method} {path}");
                assert!(response.head.contains("www-authenticate: Bearer"), "{}", response.head);
                assert!(!response.info().contains("hunter"));
            }
        }
        assert_eq!(rest.context.directory.discovered_backends().await.unwrap(), []);
        for (method, path) in [("POST", SENTINEL), ("GET", BACKENDS), ("DELETE", "/backend_servers/a")] {
            assert_eq!(send(&rest, method, path, &right, POST).await.status, 200, "{method} {path}");
        }
    }
    let rest = start_with(options(&["127.0.0.0/8"])).await;
    for (headers, status) in [(&none, 200), (&wrong, 401), (&right, 200)] {
        assert_eq!(send(&rest, "POST", SENTINEL, headers, POST).await.status, status, "{headers}");
    }
    let response = send(&rest, "DELETE", "/backend_servers/a", &none, "").await;
    assert_eq!(response.status, 401, "sentinels may not remove backends");
}

#[tokio::test]
async fn page_in_a_browser_can_neither_announce_nor_list() {
    let rest = start().await;
    let routes =
        [("POST", SENTINEL), ("POST", BACKENDS), ("GET", BACKENDS), ("DELETE", "/backend_servers/a")];
    for (method, path) in routes {
        let response =
            send(&rest, method, path, &format!("{FORM}Origin: http://evil.example\r\n"), POST).await;
        assert_eq!(response.status, 403, "{method} {path}");
        response.info();
    }
    assert_eq!(rest.context.directory.discovered_backends().await.unwrap(), []);
}

#[tokio::test]
async fn options_list_the_methods_of_each_route() {
    let rest = start().await;
    for (path, method, methods) in [
        (BACKENDS, "GET", "GET, POST"),
        (SENTINEL, "POST", "POST"),
        ("/backend_servers/a", "DELETE", "DELETE"),
    ] {
        let headers = format!("Access-Control-Request-Method: {method}\r\n");
        let response = send(&rest, "OPTIONS", path, &headers, "").await;
        assert_eq!((response.status, response.body.as_str()), (200, "null"));
        assert!(
            response.head.contains(&format!("access-control-allow-methods: {methods}\r\n")),
            "{}",
            response.head
        );
        let unsupported = send(&rest, "PUT", path, "", "").await;
        assert_eq!(unsupported.status, 404);
        unsupported.info();
    }
}
