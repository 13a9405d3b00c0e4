//! The HTTP client, against a server with one fixed response.

use testkit::http::{self, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves one request with `response`; returns the URL and the task that yields the request.
async fn respond_once(response: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let request = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 1024];
        let length = socket.read(&mut request).await.unwrap();
        socket.write_all(response.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (url, request)
}

#[tokio::test]
async fn a_get_returns_status_and_body() {
    let (url, request) = respond_once("HTTP/1.0 503 Service Unavailable\r\n\r\nno redis").await;
    let response = http::get(&format!("{url}/readyz")).await;
    assert_eq!(response, Response { status: 503, body: "no redis".to_owned() });
    assert!(request.await.unwrap().starts_with("GET /readyz HTTP/1.0\r\nHost: 127.0.0.1:"));
}

#[tokio::test]
async fn a_post_has_its_json_body() {
    let (url, request) = respond_once("HTTP/1.0 200 OK\r\n\r\n{}").await;
    assert_eq!(http::post(&url, r#"{"a":1}"#).await.status, 200);
    assert!(request.await.unwrap().ends_with("Content-Length: 7\r\n\r\n{\"a\":1}"));
}
