//! Connections from a certain address of the loopback network, to be told apart from those of other clients.

use common::transport::Transport;
use std::net::{IpAddr, SocketAddr};
use tokio::net::{TcpSocket, TcpStream};

/// Connects from an address of 127.0.0.0/8 to the host and port of a URL.
///
/// # Errors
/// When the connection is refused.
pub async fn connect_from(source: &str, url: &str) -> std::io::Result<TcpStream> {
    let source: IpAddr = source.parse().expect("an address");
    let address = url.split_once("://").map_or(url, |(_, address)| address).trim_end_matches('/');
    let address: SocketAddr = address.parse().expect("a host and a port");
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The same for clients.
///
/// # Panics
/// When the connection is refused.
pub async fn transport_from(source: &str, url: &str) -> Box<dyn Transport> {
    Box::new(connect_from(source, url).await.expect("the connection is accepted"))
}
