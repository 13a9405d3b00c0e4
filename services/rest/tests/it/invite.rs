//! A peer's user calls one of ours: its proxy asks for that user to be registered on a Janus server.

use crate::bench::{Rest, start, start_with};
use crate::peer::{FORM, Told, ask, invitation, play, told};
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

async fn post(rest: &Rest, headers: &str, body: &str) -> Told {
    ask(rest, "POST", BOB, headers, body).await
}

/// What a request comes to that must not reach a router.
async fn refused(headers: &str, body: &str) -> (u16, String) {
    let told = post(&start().await, headers, body).await;
    (told.status, told.info())
}

#[tokio::test]
async fn an_invitation_is_passed_on_and_its_success_is_empty() {
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
        let router = play(&rest, None);
        let told = ask(&rest, "POST", &path, headers, body).await;
        assert!(told.is_success(), "{path} {headers} {body}: {told:?}");
        assert!(told.head.contains("access-control-allow-origin: *"), "{}", told.head);
        let invite = router.await.unwrap();
        assert_eq!(
            (invite.caller.as_str(), invite.callee.as_str(), invite.backend_url.as_str()),
            ("alice", "bob", "ws://127.0.0.1:8188")
        );
        assert_eq!(invite.rest, rest.context.id);
    }
}

#[tokio::test]
async fn names_come_as_they_are_written() {
    let rest = start().await;
    let router = play(&rest, None);
    let body = "caller_username=%C3%A9t%C3%A9_1&backend_server_url=";
    let told = ask(&rest, "POST", "/plugins/videocall/b%C3%B6b%2F%20x", FORM, body).await;
    assert!(told.is_success(), "{told:?}");
    let invite = router.await.unwrap();
    assert_eq!((invite.caller.as_str(), invite.callee.as_str()), ("été_1", "böb/ x"));
}

#[tokio::test]
async fn a_refusal_has_the_status_and_the_words_of_whoever_refused() {
    let rest = start().await;
    for (code, text) in [
        (478, "Username 'bob' doesn't exist"),
        (480, "User bob busy"),
        (472, "Not support relay http request"),
        (502, "No such backend server"),
        (476, "Username 'bob' already taken"),
    ] {
        let router = play(&rest, Some((code, text)));
        let told = post(&rest, FORM, FIELDS).await;
        assert_eq!((told.status, told.info().as_str()), (code, text));
        router.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_missing_or_malformed_is_told_in_the_words_of_janus_cloud() {
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
async fn a_name_that_nobody_can_have_is_unknown_without_asking() {
    let name = "x".repeat(5000);
    let path = format!("/plugins/videocall/{name}");
    let told = ask(&start().await, "POST", &path, FORM, FIELDS).await;
    assert_eq!((told.status, told.info()), (478, format!("Username '{name}' doesn't exist")));
    let told = ask(&start().await, "POST", "/plugins/videocall/%ff", FORM, FIELDS).await;
    assert_eq!(told.status, 400);
    told.info();
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/xml"] {
        let (status, info) = refused(&format!("Content-Type: {kind}\r\n"), FIELDS).await;
        assert_eq!(status, 400);
        assert!(info.starts_with("content type "), "{info}");
    }
}

#[tokio::test]
async fn only_the_networks_of_peers_may() {
    let allow = |networks: &[&str]| Options {
        proxy_allow: networks.iter().map(|it| it.parse().unwrap()).collect(),
        ..Options::default()
    };
    for headers in [FORM.to_owned(), format!("{FORM}X-Forwarded-For: 10.0.0.1\r\n")] {
        let rest = start_with(allow(&["10.0.0.0/8", "fd00::/8"])).await;
        let told = post(&rest, &headers, FIELDS).await;
        assert_eq!(
            (told.status, told.info().as_str()),
            (403, "only the networks of --peer-allow may do this")
        );
    }
    let rest = start_with(allow(&["10.0.0.0/8", "127.0.0.0/8"])).await;
    let router = play(&rest, None);
    assert!(post(&rest, FORM, FIELDS).await.is_success());
    router.await.unwrap();
    for header in ["Origin: http://evil.example", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1"] {
        let (status, _) = refused(&format!("{FORM}{header}\r\n"), FIELDS).await;
        assert_eq!(status, 403, "{header}");
    }
}

#[tokio::test]
async fn a_body_of_ten_mebibytes_is_refused_and_not_read() {
    let rest = start().await;
    let body = "x".repeat(10 << 20);
    for length in
        [format!("Content-Length: {}\r\n\r\n", body.len()), "Content-Length: 99999999\r\n\r\n".to_owned()]
    {
        let begun = Instant::now();
        let (mut read, mut write) = TcpStream::connect(rest.address).await.unwrap().into_split();
        let head = format!("POST {BOB} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{FORM}{length}");
        let body = body.clone();
        let sending = tokio::spawn(async move {
            write.write_all(head.as_bytes()).await.unwrap();
            write.write_all(body.as_bytes()).await
        });
        let mut answer = Vec::new();
        // The connection breaks behind the answer, since what it is sent is not read.
        let _ = read.read_to_end(&mut answer).await;
        let told = told(&String::from_utf8(answer).unwrap());
        assert_eq!((told.status, told.info().as_str()), (413, "the body is too large"));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        sending.abort();
    }
}

#[tokio::test]
async fn options_are_answered_as_by_janus_cloud() {
    let rest = start().await;
    let wants = |method: &str| format!("Access-Control-Request-Method: {method}\r\n");
    let told = ask(&rest, "OPTIONS", BOB, &wants("POST"), "").await;
    assert_eq!((told.status, told.body.as_str()), (200, "null"));
    for line in ["access-control-allow-origin: *", "access-control-allow-methods: POST"] {
        assert!(told.head.contains(line), "{}", told.head);
    }
    for headers in [wants("DELETE"), String::new()] {
        let told = ask(&rest, "OPTIONS", BOB, &headers, "").await;
        assert_eq!((told.status, told.body.as_str()), (401, "null"));
        assert!(!told.head.contains("allow-methods"), "{}", told.head);
    }
}

#[tokio::test]
async fn other_methods_and_places_are_not_found() {
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
        let told = ask(&rest, method, path, FORM, FIELDS).await;
        let info = format!("Resource {path} not found or method {method} not supported");
        assert_eq!((told.status, told.info()), (404, info));
    }
}

#[tokio::test]
async fn an_invitation_that_nobody_answers_ends_after_ten_seconds() {
    let rest = start().await;
    let begun = Instant::now();
    let told = post(&rest, FORM, FIELDS).await;
    assert_eq!(told.status, 504);
    told.info();
    assert!((Duration::from_secs(10)..Duration::from_secs(14)).contains(&begun.elapsed()));
}

#[tokio::test]
async fn a_peer_that_goes_is_waited_for_no_longer_and_its_answer_harms_nobody() {
    let rest = start().await;
    let bus = rest.context.bus.clone();
    let mut gone = TcpStream::connect(rest.address).await.unwrap();
    let request = format!("POST {BOB}?{FIELDS} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    gone.write_all(request.as_bytes()).await.unwrap();
    let (first, _) = invitation(&bus).await;
    let under_way = || rest.context.health.load().all().get("requests").copied();
    assert_eq!(under_way(), Some(1));
    drop(gone);
    let deadline = Instant::now() + Duration::from_secs(5);
    while under_way() != Some(0) {
        assert!(Instant::now() < deadline, "it still waits");
        yield_now().await;
    }
    let mailbox = Mailbox::Rest(rest.context.id.clone());
    for call in [first, CallId::fresh()] {
        let answer = Message::new(Body::ProxyReply(ProxyReply { call, refusal: None }));
        bus.post(&mailbox, &answer).await.unwrap();
    }
    let router = play(&rest, Some((480, "User bob busy")));
    assert_eq!(post(&rest, FORM, FIELDS).await.status, 480);
    router.await.unwrap();
}
