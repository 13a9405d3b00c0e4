//! A web server for a few files: one answer to each connection, whatever else was asked.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A path, what kind of file is there, and its text.
pub type File = (&'static str, &'static str, String);

/// A running server; it ends when dropped.
pub struct Files {
    url: String,
    task: AbortHandle,
}

impl Files {
    pub async fn serve(files: Vec<File>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, files.clone()));
            }
        });
        Self { url, task: task.abort_handle() }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A browser that goes away in the middle is no concern of ours.
async fn answer(mut socket: TcpStream, files: Vec<File>) -> Option<()> {
    let head = head(&mut socket).await?;
    let path = head.split(' ').nth(1)?.split('?').next()?;
    let response = match files.iter().find(|(at, _, _)| *at == path) {
        Some((_, kind, text)) => response("200 OK", kind, text),
        None => response("404 Not Found", "text/plain", ""),
    };
    socket.write_all(response.as_bytes()).await.ok()
}

async fn head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn response(status: &str, kind: &str, text: &str) -> String {
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}
