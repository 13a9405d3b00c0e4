//! A TCP proxy between a page and a server. A test can cut it and redirect it.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A TCP port that forwards to a server. It stops when dropped.
pub struct TcpProxy {
    url: String,
    target: watch::Sender<Option<String>>,
}

impl TcpProxy {
    /// A proxy to the websocket server at `url`.
    pub async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("ws://{}", listener.local_addr().unwrap());
        let (target, watched) = watch::channel(Some(address(url)));
        tokio::spawn(serve(listener, watched));
        Self { url: own, target }
    }

    /// The URL for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes every connection, and each new one at once, until a new server is set.
    pub fn cut(&self) {
        self.target.send_replace(None);
    }

    /// Forwards to the server at `url` from now on.
    pub fn forward_to(&self, url: &str) {
        self.target.send_replace(Some(address(url)));
    }

    /// Forwards new connections to the server at `url`. Open connections stay.
    pub fn forward_new_to(&self, url: &str) {
        self.target.send_if_modified(|target| {
            *target = Some(address(url));
            false
        });
    }
}

fn address(url: &str) -> String {
    url.strip_prefix("ws://").unwrap().to_owned()
}

async fn serve(listener: TcpListener, target: watch::Receiver<Option<String>>) {
    let mut dropped = target.clone();
    tokio::select! {
        () = accept(listener, target) => {}
        _ = dropped.wait_for(|_| false) => {}
    }
}

async fn accept(listener: TcpListener, target: watch::Receiver<Option<String>>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, target.clone()));
    }
}

async fn forward(mut client: TcpStream, mut target: watch::Receiver<Option<String>>) {
    let Some(address) = target.borrow_and_update().clone() else { return };
    let Ok(mut server) = TcpStream::connect(address).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = target.changed() => {}
    }
}
