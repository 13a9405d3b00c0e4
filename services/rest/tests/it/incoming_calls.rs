//! Calls from janus-cloud users: their proxy requests that the callee be registered on a Janus server.

use crate::harness::{Rest, start, start_with};
use crate::proxy_stub::{FORM, Response, next_invite, parse_response, reply_once, send};
use bus::message::{Body, Message, ProxyReply};
use bus::topic::Mailbox;
use common::CallId;
use rest::Options;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::yield_now;

const BOB: &str = "/plugins/videocall/bob";
const FIELDS: &str = "caller_username=alice&backend_server_url=ws%3A%2F%2F127.0.0.1%3A8188";
const JSON: &str = "Content-Type: application/json\r\n";

async fn post(rest: &Rest, headers: &str, body: &str) -> Response {
    send(rest, "POST", BOB, headers, body).await
}

/// The status and text of a request that is refused without a router.
async fn refused(headers: &str, body: &str) -> (u16, String) {
    let response = post(&start().await, headers, body).await;
    (response.status, response.info())
}

#[tokio::test]
async fn invite_is_passed_on_and_success_is_empty() {
    let rest = start().await;
    let json = r#"{"caller_username":"alice","backend_server_url":"ws://127.0.0.1:8188"}"#;
    for (path, headers, body) in [
        (BOB.to_owned(), FORM, FIELDS),
        (BOB.to_owned(), "", FIELDS),
        (BOB.to_owned(), JSON, json),
        (format!("{BOB}?{FIELDS}"), "", ""),
        (format!("{BOB}?caller_username=alice&backend_server_url=nonsense"), JSON, json),
        ("/plugins/videocall/b%6Fb".to_owned(), FORM, &format!("{FIELDS}&extra=1")),
    ] {
        let router = reply_once(&rest, None);
        let response = send(&rest, "POST", &path, headers, body).await;
        assert!(response.is_success(), "{path} {headers} {body}: {response:?}");
        assert!(!response.head.contains("access-control-allow-origin"), "{}", response.head);
        let invite = router.await.unwrap();
        assert_eq!(
            (invite.caller.as_str(), invite.callee.as_str(), invite.backend_url.as_str()),
            ("alice", "bob", "ws://127.0.0.1:8188")
        );
        assert_eq!(invite.rest, rest.context.id);
    }
}

#[tokio::test]
async fn names_are_passed_on_unchanged() {
    let rest = start().await;
    let router = reply_once(&rest, None);
    let body = "caller_username=%C3%A9t%C3%A9_1&backend_server_url=";
    let response = send(&rest, "POST", "/plugins/videocall/b%C3%B6b%2F%20x", FORM, body).await;
    assert!(response.is_success(), "{response:?}");
    let invite = router.await.unwrap();
    assert_eq!((invite.caller.as_str(), invite.callee.as_str()), ("été_1", "böb/ x"));
}

#[tokio::test]
async fn refusal_has_the_status_and_text_of_its_sender() {
    let rest = start().await;
    for (code, text) in [
        (478, "Username 'bob' doesn't exist"),
        (480, "User bob busy"),
        (472, "Not support relay http request"),
        (502, "No such backend server"),
        (476, "Username 'bob' already taken"),
    ] {
        let router = reply_once(&rest, Some((code, text)));
        let response = post(&rest, FORM, FIELDS).await;
        assert_eq!((response.status, response.info().as_str()), (code, text));
        router.await.unwrap();
    }
}

#[tokio::test]
async fn invalid_parameters_have_the_errors_of_janus_cloud() {
    let both = "missed keys {'caller_username', 'backend_server_url'}";
    assert_eq!(refused(FORM, "").await, (400, both.to_owned()));
    assert_eq!(refused(FORM, "caller_username=alice").await.1, "missed keys {'backend_server_url'}");
    assert_eq!(refused(FORM, "backend_server_url=ws://a").await.1, "missed keys {'caller_username'}");
    let wrong = |name: &str| format!(r"{name} does not match regular express(^\w{{1,128}}$)");
    for name in ["", "a b", "a-b", &"x".repeat(129)] {
        let body = format!("caller_username={}&backend_server_url=ws://a", name.replace(' ', "+"));
        assert_eq!(refused(FORM, &body).await, (400, wrong(name)));
    }
    let url = format!("ws://{}", "x".repeat(1020));
    let long = format!("caller_username=alice&backend_server_url={url}");
    assert_eq!(refused(FORM, &long).await, (400, format!("{url} should be shorter than 1024 characters")));
    let list = (400, "[1] should be instance of <class 'dict'>".to_owned());
    assert_eq!(refused(JSON, "[1]").await, list);
    assert_eq!(refused(JSON, "{").await.0, 400);
}

#[tokio::test]
async fn impossible_name_is_unknown_without_a_request() {
    let name = "x".repeat(5000);
    let path = format!("/plugins/videocall/{name}");
    let response = send(&start().await, "POST", &path, FORM, FIELDS).await;
    assert_eq!((response.status, response.info()), (478, format!("Username '{name}' doesn't exist")));
    let invalid = send(&start().await, "POST", "/plugins/videocall/%ff", FORM, FIELDS).await;
    assert_eq!(invalid.status, 400);
    invalid.info();
}

#[tokio::test]
async fn body_of_another_type_is_refused() {
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/xml"] {
        let (status, info) = refused(&format!("Content-Type: {kind}\r\n"), FIELDS).await;
        assert_eq!(status, 400);
        assert!(info.starts_with("content type "), "{info}");
    }
}

#[tokio::test]
async fn only_allowed_networks_may_invite() {
    let allow = |networks: &[&str]| Options {
        proxy_allow: networks.iter().map(|it| it.parse().unwrap()).collect(),
        ..Options::default()
    };
    for headers in [FORM.to_owned(), format!("{FORM}X-Forwarded-For: 10.0.0.1\r\n")] {
        let rest = start_with(allow(&["10.0.0.0/8", "fd00::/8"])).await;
        let response = post(&rest, &headers, FIELDS).await;
        assert_eq!(
            (response.status, response.info().as_str()),
            (403, "only the networks of --proxy-allow may do this")
        );
    }
    let rest = start_with(allow(&["10.0.0.0/8", "127.0.0.0/8"])).await;
    let router = reply_once(&rest, None);
    assert!(post(&rest, FORM, FIELDS).await.is_success());
    router.await.unwrap();
    for header in ["Origin: http://evil.example", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1"] {
        let (status, _) = refused(&format!("{FORM}{header}\r\n"), FIELDS).await;
        assert_eq!(status, 403, "{header}");
    }
}

#[tokio::test]
async fn body_of_ten_mebibytes_is_refused_unread() {
    let rest = start().await;
    let body = "x".repeat(10 << 20);
    for length in
        [format!("Content-Length: {}\r\n\r\n", body.len()), "Content-Length: 99999999\r\n\r\n".to_owned()]
    {
        let begun = Instant::now();
        let (mut read, mut write) = TcpStream::connect(rest.address).await.unwrap().into_split();
        let head = format!("POST {BOB} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{FORM}{length}");
        let body = body.clone();
        let sending = tokio::spawn(async move {
            write.write_all(head.as_bytes()).await.unwrap();
            write.write_all(body.as_bytes()).await
        });
        let mut response = Vec::new();
        // The connection breaks after the response, since the body is not read.
        let _ = read.read_to_end(&mut response).await;
        let response = parse_response(&String::from_utf8(response).unwrap());
        assert_eq!((response.status, response.info().as_str()), (413, "the body is too large"));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        sending.abort();
    }
}

#[tokio::test]
async fn options_have_the_response_of_janus_cloud() {
    let rest = start().await;
    let requested = |method: &str| format!("Access-Control-Request-Method: {method}\r\n");
    let accepted = send(&rest, "OPTIONS", BOB, &requested("POST"), "").await;
    assert_eq!((accepted.status, accepted.body.as_str()), (200, "null"));
    assert!(accepted.head.contains("access-control-allow-methods: POST"), "{}", accepted.head);
    for headers in [requested("DELETE"), String::new()] {
        let response = send(&rest, "OPTIONS", BOB, &headers, "").await;
        assert_eq!((response.status, response.body.as_str()), (401, "null"));
        assert!(!response.head.contains("allow-methods"), "{}", response.head);
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_not_found() {
    let rest = start().await;
    for (method, path) in [
        ("GET", BOB),
        ("PUT", BOB),
        ("DELETE", BOB),
        ("PATCH", BOB),
        ("POST", "/plugins/videocall/"),
        ("POST", "/plugins/videocall/bob/"),
        ("POST", "/plugins/videocall"),
        ("POST", "/plugins/p2pcall/bob"),
    ] {
        let response = send(&rest, method, path, FORM, FIELDS).await;
        let info = format!("Resource {path} not found or method {method} not supported");
        assert_eq!((response.status, response.info()), (404, info));
    }
}

#[tokio::test]
async fn invite_without_a_reply_times_out_after_ten_seconds() {
    let rest = start().await;
    let begun = Instant::now();
    let response = post(&rest, FORM, FIELDS).await;
    assert_eq!(response.status, 504);
    response.info();
    assert!((Duration::from_secs(10)..Duration::from_secs(14)).contains(&begun.elapsed()));
}

#[tokio::test]
async fn reply_for_a_disconnected_proxy_is_dropped() {
    let rest = start().await;
    let bus = rest.context.bus.clone();
    let mut client = TcpStream::connect(rest.address).await.unwrap();
    let request = format!("POST {BOB}?{FIELDS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let (first, _) = next_invite(&bus).await;
    let in_flight = || rest.context.health.load().all().get("requests").copied();
    assert_eq!(in_flight(), Some(1));
    drop(client);
    let deadline = Instant::now() + Duration::from_secs(5);
    while in_flight() != Some(0) {
        assert!(Instant::now() < deadline, "the request still waits");
        yield_now().await;
    }
    let mailbox = Mailbox::Rest(rest.context.id.clone());
    for call in [first, CallId::fresh()] {
        let response = Message::new(Body::ProxyReply(ProxyReply { call, refusal: None }));
        bus.post(&mailbox, &response).await.unwrap();
    }
    let router = reply_once(&rest, Some((480, "User bob busy")));
    assert_eq!(post(&rest, FORM, FIELDS).await.status, 480);
    router.await.unwrap();
}
