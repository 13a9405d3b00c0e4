//! Counts what a Redis is asked, as `MONITOR` tells it.

use bench::monitor::Commands;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Counts until it is asked for the result.
pub struct Watch {
    stop: oneshot::Sender<()>,
    counting: JoinHandle<Commands>,
}

impl Watch {
    /// Watches the Redis at `redis://HOST:PORT/`, from when this returns.
    pub async fn start(url: &str) -> Self {
        let address = url.trim_start_matches("redis://").trim_end_matches('/');
        let mut socket = BufReader::new(TcpStream::connect(address).await.unwrap());
        socket.write_all(b"MONITOR\r\n").await.unwrap();
        let mut agreed = String::new();
        socket.read_line(&mut agreed).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        Self { stop, counting: tokio::spawn(count(socket, stopped)) }
    }

    /// What there was until now.
    pub async fn end(self) -> Commands {
        let _ = self.stop.send(());
        self.counting.await.unwrap()
    }
}

async fn count(socket: BufReader<TcpStream>, mut stopped: oneshot::Receiver<()>) -> Commands {
    let (mut commands, mut lines) = (Commands::default(), socket.lines());
    loop {
        tokio::select! {
            // First what is there already.
            biased;
            line = lines.next_line() => commands.add(&line.unwrap().expect("Redis runs on")),
            _ = &mut stopped => return commands,
        }
    }
}
