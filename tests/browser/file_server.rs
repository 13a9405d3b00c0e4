//! A web server for a few files. Each connection gets one answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A path, a content type, and the text.
pub type File = (&'static str, &'static str, String);

/// A running server. It stops when dropped.
pub struct FileServer {
    url: String,
    task: AbortHandle,
}

impl FileServer {
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

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A browser may close the connection at any time.
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
