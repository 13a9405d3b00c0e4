//! Counts the commands of a Redis server from the output of `MONITOR`.

use bench::monitor::Commands;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Counts until [`Watch::end`].
pub struct Watch {
    stop: oneshot::Sender<()>,
    counting: JoinHandle<Commands>,
}

impl Watch {
    /// Watches the Redis at `redis://HOST:PORT/`, from the return of this function on.
    pub async fn start(url: &str) -> Self {
        let address = url.trim_start_matches("redis://").trim_end_matches('/');
        let mut socket = BufReader::new(TcpStream::connect(address).await.unwrap());
        socket.write_all(b"MONITOR\r\n").await.unwrap();
        let mut reply = String::new();
        socket.read_line(&mut reply).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        Self { stop, counting: tokio::spawn(count(socket, stopped)) }
    }

    /// Returns the counts so far.
    pub async fn end(self) -> Commands {
        let _ = self.stop.send(());
        self.counting.await.unwrap()
    }
}

async fn count(socket: BufReader<TcpStream>, mut stopped: oneshot::Receiver<()>) -> Commands {
    let (mut commands, mut lines) = (Commands::default(), socket.lines());
    loop {
        tokio::select! {
            // Lines that have arrived already are counted first.
            biased;
            line = lines.next_line() => commands.add(&line.unwrap().expect("Redis keeps the connection open")),
            _ = &mut stopped => return commands,
        }
    }
}
