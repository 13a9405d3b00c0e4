//! Calls to janus-cloud users: an invite is sent to their proxy.

use crate::harness::{Rest, start};
use crate::proxy_stub::{Proxy, proxy_invite, send_invite};
use bus::message::{Body, Deadline, Message, ProxyReply};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const GENERAL: &str = "General Janus Cloud Error";
const NO_ANSWER: &str = "The other server does not answer";

/// The refusal of an invite: code and text.
async fn invite(rest: &Rest, proxy: &str) -> Option<(u16, String)> {
    let invite = proxy_invite(proxy);
    let call = invite.call;
    let answer = send_invite(rest, Message::new(Body::ProxyInvite(invite))).await;
    assert_eq!(answer.call, call);
    answer.refusal.map(|refusal| (refusal.code, refusal.text))
}

async fn outcome_of(response: &[u8]) -> Option<(u16, String)> {
    let (rest, proxy) = (start().await, Proxy::start().await);
    let (outcome, _) = tokio::join!(invite(&rest, &proxy.url), proxy.answer(response));
    assert!(proxy.is_idle().await, "the invite is sent once");
    outcome
}

fn with_body(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn refused(code: u16, text: &str) -> Option<(u16, String)> {
    Some((code, text.to_owned()))
}

#[tokio::test]
async fn invite_is_sent_as_by_janus_cloud() {
    let (rest, proxy) = (start().await, Proxy::start().await);
    let mut outgoing = proxy_invite(&proxy.url);
    (outgoing.callee, outgoing.caller) = ("été/1".to_owned(), "al&ice".to_owned());
    let message = Message::new(Body::ProxyInvite(outgoing));
    let (answer, request) = tokio::join!(send_invite(&rest, message), proxy.answer(with_body("200 OK", "")));
    assert_eq!(answer.refusal, None);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /plugins/videocall/%C3%A9t%C3%A9%2F1 HTTP/1.1\r\n"), "{head}");
    let host = format!("host: {}", &proxy.url["http://".len()..proxy.url.len() - "/plugins/videocall".len()]);
    let head = head.to_ascii_lowercase();
    for line in [&host, "content-type: application/x-www-form-urlencoded", "user-agent: switchboard/"] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert_eq!(body, "caller_username=al%26ice&backend_server_url=ws%3A%2F%2F127.0.0.1%3A8188%2F%3Fx%3D1");
}

#[tokio::test]
async fn only_200_is_acceptance() {
    assert_eq!(outcome_of(&with_body("200 OK", "whatever")).await, None);
    assert_eq!(outcome_of(&with_body("201 Created", "")).await, refused(201, GENERAL));
    assert_eq!(outcome_of(b"HTTP/1.1 204 No Content\r\n\r\n").await, refused(204, GENERAL));
}

#[tokio::test]
async fn refusal_is_passed_on_with_its_text() {
    let busy = r#"{"info":"User bob busy","exception":"<class 'x'>","traceback":["/opt/x.py"]}"#;
    assert_eq!(outcome_of(&with_body("480 Unknown Client Error", busy)).await, refused(480, "User bob busy"));
    assert_eq!(outcome_of(&with_body("404 Not Found", "<html>")).await, refused(404, GENERAL));
    let failed = r#"{"info":"Failed to create\nbackend session"}"#;
    let text = "Failed to create backend session";
    assert_eq!(outcome_of(&with_body("502 Bad Gateway", failed)).await, refused(502, text));
    assert_eq!(outcome_of(&with_body("500 Internal Server Error", "")).await, refused(500, GENERAL));
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let (rest, proxy) = (start().await, Proxy::start().await);
    let redirect = format!("HTTP/1.1 307 x\r\nLocation: {}/bob\r\nContent-Length: 0\r\n\r\n", proxy.url);
    let (outcome, _) = tokio::join!(invite(&rest, &proxy.url), proxy.answer(redirect.as_bytes()));
    assert_eq!(outcome, refused(307, GENERAL));
    assert!(proxy.is_idle().await);
}

#[tokio::test]
async fn huge_response_is_not_read() {
    let huge = format!(r#"{{"info":"{}"}}"#, "x".repeat(10 << 20));
    assert_eq!(outcome_of(&with_body("480 Busy", &huge)).await, refused(480, GENERAL));
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(outcome_of(endless.as_bytes()).await, refused(502, NO_ANSWER));
}

#[tokio::test]
async fn invalid_http_counts_as_no_answer() {
    for response in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"", b"HTTP/1.1 2"] {
        assert_eq!(outcome_of(response).await, refused(502, NO_ANSWER));
    }
}

#[tokio::test]
async fn refused_connection_counts_as_no_answer() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(invite(&start().await, &format!("http://{free}/x")).await, refused(502, NO_ANSWER));
}

#[tokio::test]
async fn silent_proxy_times_out_and_delays_no_other() {
    let (rest, silent, proxy) = (start().await, Proxy::start().await, Proxy::start().await);
    let begun = Instant::now();
    let ((outcome, took), _silence, ()) =
        tokio::join!(async { (invite(&rest, &silent.url).await, begun.elapsed()) }, silent.accept(), async {
            let other = start().await;
            let (outcome, _) =
                tokio::join!(invite(&other, &proxy.url), proxy.answer(with_body("200 OK", "")));
            assert_eq!(outcome, None);
        });
    assert_eq!(outcome, refused(502, NO_ANSWER));
    assert!((Duration::from_secs(8)..Duration::from_secs(12)).contains(&took), "{took:?}");
    assert!(silent.is_idle().await, "the invite is sent once");
}

#[tokio::test]
async fn only_plain_http_is_supported() {
    let rest = start().await;
    for address in
        ["", "https://127.0.0.1/x", "http://u:secret@127.0.0.1/x", "file:///etc/passwd", "nonsense"]
    {
        let outcome = invite(&rest, address).await;
        assert_eq!(outcome, refused(502, "The other server has no usable address"), "{address}");
    }
}

#[tokio::test]
async fn expired_invite_is_refused_and_not_sent() {
    let (rest, proxy) = (start().await, Proxy::start().await);
    let late = Message {
        deadline: Some(Deadline::after(Duration::ZERO)),
        ..Message::new(Body::ProxyInvite(proxy_invite(&proxy.url)))
    };
    let ProxyReply { refusal, .. } = send_invite(&rest, late).await;
    assert_eq!(refusal.map(|refusal| (refusal.code, refusal.text)), refused(502, NO_ANSWER));
    assert!(proxy.is_idle().await);
}
