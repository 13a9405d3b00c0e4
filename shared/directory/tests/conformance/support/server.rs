//! A Redis server for one test: on a free port, empty, without persistence, killed on drop.

use directory::Directory;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub struct RedisServer {
    port: u16,
    process: Child,
}

impl RedisServer {
    /// Starts a server. Tries another port when a different process has taken the free one.
    pub fn start() -> Self {
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(process) = spawn(port) {
                return Self { port, process };
            }
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub async fn directory(&self) -> Directory {
        Directory::redis(&self.url()).await.unwrap()
    }

    /// Opens a connection, to read what the directory wrote.
    pub fn raw(&self) -> redis::Connection {
        connect(self.port).unwrap()
    }

    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts an empty server on the same port, after [`stop`](Self::stop).
    pub fn start_again(&mut self) {
        self.process = spawn(self.port).expect("the port is still ours");
    }

    /// Sends a signal: `STOP` freezes the server with its connections open, `CONT` resumes it.
    pub fn signal(&self, signal: &str) {
        let done = Command::new("kill").arg(format!("-{signal}")).arg(self.process.id().to_string()).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns `None` when the process exited before it replied.
fn spawn(port: u16) -> Option<Child> {
    let options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"];
    let mut process = Command::new("redis-server")
        .args(["--port", &port.to_string()])
        .args(options)
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !answers(port, process.id()) {
        if process.try_wait().unwrap().is_some() {
            return None;
        }
        assert!(Instant::now() < deadline, "redis-server does not answer");
        sleep(Duration::from_millis(5));
    }
    Some(process)
}

/// Whether this process, and no other, listens on the port.
fn answers(port: u16, process: u32) -> bool {
    let Ok(mut connection) = connect(port) else { return false };
    let info: redis::RedisResult<String> = redis::cmd("INFO").arg("server").query(&mut connection);
    info.is_ok_and(|info| info.contains(&format!("process_id:{process}\r\n")))
}

fn connect(port: u16) -> redis::RedisResult<redis::Connection> {
    redis::Client::open(("127.0.0.1", port))?.get_connection_with_timeout(Duration::from_secs(2))
}
