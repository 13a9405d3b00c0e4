//! A TCP proxy between a page and a server. A test can cut it and redirect it.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A TCP port that forwards to a server. It stops when dropped.
pub struct TcpProxy {
    url: String,
    end: watch::Sender<Option<String>>,
}

impl TcpProxy {
    /// A proxy to the websocket server at `url`.
    pub async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("ws://{}", listener.local_addr().unwrap());
        let (end, watched) = watch::channel(Some(address(url)));
        tokio::spawn(serve(listener, watched));
        Self { url: own, end }
    }

    /// The URL for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes every connection, and each new one at once, until a new server is set.
    pub fn cut(&self) {
        self.end.send_replace(None);
    }

    /// Forwards to the server at `url` from now on.
    pub fn forward_to(&self, url: &str) {
        self.end.send_replace(Some(address(url)));
    }

    /// Forwards new connections to the server at `url`. Open connections stay.
    pub fn forward_new_to(&self, url: &str) {
        self.end.send_if_modified(|end| {
            *end = Some(address(url));
            false
        });
    }
}

fn address(url: &str) -> String {
    url.strip_prefix("ws://").unwrap().to_owned()
}

async fn serve(listener: TcpListener, end: watch::Receiver<Option<String>>) {
    let mut dropped = end.clone();
    tokio::select! {
        () = accept(listener, end) => {}
        _ = dropped.wait_for(|_| false) => {}
    }
}

async fn accept(listener: TcpListener, end: watch::Receiver<Option<String>>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, end.clone()));
    }
}

async fn carry(mut client: TcpStream, mut end: watch::Receiver<Option<String>>) {
    let Some(address) = end.borrow_and_update().clone() else { return };
    let Ok(mut server) = TcpStream::connect(address).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = end.changed() => {}
    }
}
