//! What pages of other sites can do in a browser on the machine of a rest service, and how secrets are guessed.

use crate::harness::{JsonResponse, Rest, start, start_with};
use common::BackendName;
use directory::record::{BackendRegistration, BackendStatus};
use rest::Options;
use service::Secret;
use service::options::OriginOptions;

/// Sends a request with these header lines, and `Host` only if it is among them.
async fn send(rest: &Rest, method: &str, path: &str, headers: &[&str]) -> JsonResponse {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n");
    let response = rest.exchange(&request).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or_default();
    JsonResponse { status, head: head.to_owned(), body }
}

fn origins(allowed: &str) -> OriginOptions {
    OriginOptions { allow_origin: vec![allowed.parse().unwrap()] }
}

#[tokio::test]
async fn name_that_an_attacker_lets_lead_here_reads_nothing() {
    let rest = start().await;
    let rebound = "Host: rebound.example:8080";
    for path in
        ["/api/v1/users", "/api/v1/sessions", "/api/v1/cluster", "/api/v1/cluster/events", "/backend_servers"]
    {
        let response = send(&rest, "GET", path, &[rebound]).await;
        assert_eq!(response.status, 403, "{path}: {response:?}");
        assert!(format!("{:?}", response.body).contains("--allow-host"), "{path}: {response:?}");
        for host in ["Host: localhost:8080", "Host: 127.0.0.1", "Host: [::1]:8080", "Host: 10.0.0.1"] {
            let own =
                if path.ends_with("events") { continue } else { send(&rest, "GET", path, &[host]).await };
            assert_eq!(own.status, 200, "{path} {host}: {own:?}");
        }
    }
    for path in ["/livez", "/readyz", "/metrics", "/", "/dashboard"] {
        assert_ne!(send(&rest, "GET", path, &[rebound]).await.status, 403, "{path} has no data");
    }
}

#[tokio::test]
async fn name_is_allowed_by_its_option_or_a_secret() {
    let allow_host = vec!["rest.example.org".parse().unwrap()];
    let named = start_with(Options { allow_host, ..Options::default() }).await;
    assert_eq!(send(&named, "GET", "/api/v1/users", &["Host: rest.example.org:8080"]).await.status, 200);
    assert_eq!(send(&named, "GET", "/api/v1/users", &["Host: other.example.org"]).await.status, 403);
    let rest_secret = Some(Secret::from("hunter2"));
    let guarded = start_with(Options { rest_secret, ..Options::default() }).await;
    let headers = ["Host: any.example.org", "Authorization: Bearer hunter2"];
    assert_eq!(send(&guarded, "GET", "/api/v1/users", &headers).await.status, 200);
}

#[tokio::test]
async fn page_of_another_origin_is_refused_and_may_read_no_response() {
    let rest = start().await;
    for header in ["Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"] {
        for path in ["/api/v1/users", "/api/v1/cluster/events", "/backend_servers", "/ping", "/info"] {
            let response = send(&rest, "GET", path, &["Host: localhost", header]).await;
            assert!(!response.head.contains("access-control-allow-origin"), "{response:?}");
            assert_eq!(response.status == 403, !["/ping", "/info"].contains(&path), "{path} {response:?}");
        }
    }
    let own = ["Host: localhost:8080", "Origin: http://localhost:8080"];
    assert_eq!(send(&rest, "GET", "/api/v1/users", &own).await.status, 200);
}

#[tokio::test]
async fn page_of_an_allowed_origin_may_read() {
    let rest_secret = Some(Secret::from("hunter2"));
    let options = Options { rest_secret, origins: origins("https://app.example.org"), ..Options::default() };
    let rest = start_with(options).await;
    let page = ["Host: rest.example.org", "Origin: https://app.example.org", "Authorization: Bearer hunter2"];
    let response = send(&rest, "GET", "/api/v1/users", &page).await;
    assert_eq!(response.status, 200);
    for line in ["access-control-allow-origin: https://app.example.org", "vary: Origin"] {
        assert!(response.head.contains(line), "{}", response.head);
    }
    let preflight = async |origin: &str| {
        let asked = ["Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization"];
        send(&rest, "OPTIONS", "/api/v1/users", &["Host: x", origin, asked[0], asked[1]]).await
    };
    let allowed = preflight("Origin: https://app.example.org").await;
    assert!(allowed.status == 204 && allowed.head.contains("access-control-allow-headers: Authorization"));
    let refused = preflight("Origin: https://evil.example").await;
    assert!(refused.status == 401 && !refused.head.contains("access-control-allow"), "{refused:?}");
}

#[tokio::test]
async fn wrong_secrets_are_slowed_and_the_right_one_is_accepted() {
    let rest = start_with(Options { rest_secret: Some(Secret::from("hunter2")), ..Options::default() }).await;
    let shown = async |secret: &str| {
        let header = format!("Authorization: Bearer {secret}");
        send(&rest, "GET", "/api/v1/users", &["Host: localhost", &header]).await
    };
    let mut pauses = Vec::new();
    for number in 0..8 {
        let response = shown("hunter3").await;
        assert_eq!(response.status, if number < 5 { 401 } else { 429 }, "{response:?}");
        let pause = response.head.lines().find_map(|line| line.strip_prefix("retry-after: "));
        pauses.extend(pause.map(str::to_owned));
    }
    assert_eq!(pauses, ["1", "2", "4"]);
    assert_eq!(shown("hunter2").await.status, 200);
    assert_eq!(
        send(&rest, "GET", "/api/v1/users", &["Host: localhost"]).await.status,
        401,
        "no secret is no guess"
    );
}

#[tokio::test]
async fn janus_server_drains_itself_and_nothing_else() {
    let options = Options {
        rest_secret: Some(Secret::from("hunter2")),
        drain_secret: Some(Secret::from("for the Janus servers")),
        ..Options::default()
    };
    let rest = start_with(options).await;
    for (name, url) in [("own", "ws://127.0.0.1:8188"), ("other", "ws://10.0.0.9:8188")] {
        let registration = BackendRegistration::new(name, url.to_owned(), BackendStatus::Normal);
        rest.context.directory.register_backend(&registration).await.unwrap();
    }
    let ask = async |method: &str, path: &str| {
        let secret = "Authorization: Bearer for the Janus servers";
        send(&rest, method, &format!("/api/v1{path}"), &["Host: rest", secret, "Content-Length: 0"]).await
    };
    let drained = ask("POST", "/backends/own/drain").await;
    assert_eq!((drained.status, &drained.body["calls"]), (200, &0.into()), "{drained:?}");
    let names = async || rest.context.directory.drained_backends().await.unwrap();
    assert_eq!(names().await, [BackendName::from("own")]);
    for (method, path, status) in [
        ("POST", "/backends/other/drain", 403),
        ("POST", "/backends/other/undrain", 403),
        ("POST", "/backends/nobody/drain", 404),
        ("GET", "/backends/own", 401),
        ("GET", "/users", 401),
        ("GET", "/cluster/events", 401),
        ("DELETE", "/backends/own", 401),
        ("POST", "/users/drain/disconnect", 401),
    ] {
        let response = ask(method, path).await;
        assert_eq!(response.status, status, "{method} {path}: {response:?}");
    }
    assert_eq!(ask("POST", "/backends/own/undrain").await.status, 200);
    assert!(names().await.is_empty());
}
