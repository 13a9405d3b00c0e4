//! Closes a connection in such a way that its client can read the last response.
//!
//! A socket that is closed while received bytes are unread resets the connection, and the client may lose what it has
//! not read yet. So the rest of what the client sends is read and dropped first.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long the client may take to read the response and to close the connection.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
/// The most bytes that are read and dropped.
const MAX_DROPPED: usize = 256 * 1024;

/// Writes `response` and the end of the stream, then waits until the client has closed too, within the bounds of this
/// module.
pub async fn respond_and_close<S>(mut stream: S, response: &[u8])
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let exchange = async {
        stream.write_all(response).await?;
        stream.shutdown().await?;
        let mut buffer = [0; 1024];
        let mut dropped = 0;
        while dropped < MAX_DROPPED {
            match stream.read(&mut buffer).await? {
                0 => break,
                length => dropped += length,
            }
        }
        std::io::Result::Ok(())
    };
    // The connection ends in any case.
    let _ = timeout(LINGER_TIMEOUT, exchange).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn response_is_read_although_the_client_still_sends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write_all(&[b'x'; 100_000]).await.unwrap();
        let closing = tokio::spawn(respond_and_close(server, b"why"));
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        client.write_all(b"more").await.unwrap();
        assert_eq!(response, "why");
        drop(client);
        closing.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn client_that_neither_reads_nor_closes_is_dropped() {
        let (_client, server) = tokio::io::duplex(1);
        respond_and_close(server, b"a response that does not fit").await;
    }
}
