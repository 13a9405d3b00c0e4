//! Runs chromedriver and Chromium as packaged by Debian.
//!
//! Each test has its own chromedriver, on a port that chromedriver picks. When a [`Driver`] is dropped,
//! chromedriver receives a shutdown request and closes its browsers first. If the shutdown fails, nothing is
//! left either. chromedriver dies with the thread of its test (`setpriv --pdeathsig`). A browser closes itself
//! when its debugging pipe to chromedriver breaks.
//!
//! thirtyfour ends a session on drop by blocking the runtime that it then waits for, so that is not used.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use testkit::eventually;
use thirtyfour::common::capabilities::chrome::ChromeCapabilities;
use thirtyfour::common::log::LoggingPrefsLogLevel;
use thirtyfour::session::handle::SessionHandle;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};

const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
const CHROMIUM: &str = "/usr/bin/chromium";
const STARTED: &str = "was started successfully on port ";

/// Time limit for one command of chromedriver. Starting a browser on a busy machine takes the longest.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit for closing its browsers, after which it is killed.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

const FLAGS: [&str; 16] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--remote-debugging-pipe",
];

/// A running chromedriver. It is killed when dropped.
pub struct Driver {
    process: Child,
    port: u16,
    // Dropped last, since it must outlive the processes that work in it.
    folder: TempDir,
}

impl Driver {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let process = spawn(folder.path());
        let mut port = None;
        eventually("chromedriver prints its port", async || {
            port = port_in(&fs::read_to_string(folder.path().join("log")).unwrap());
            port.is_some()
        })
        .await;
        Self { process, port: port.unwrap(), folder }
    }

    /// Opens a browser for this user, with a profile of its own and these flags besides the usual ones.
    pub async fn browser(&self, user: &str, flags: &[&str]) -> Arc<SessionHandle> {
        let profile = format!("--user-data-dir={}", self.folder.path().join(user).display());
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary(CHROMIUM).unwrap();
        for flag in FLAGS.iter().chain(flags).chain([&profile.as_str()]) {
            wanted.add_arg(flag).unwrap();
        }
        open(&format!("http://127.0.0.1:{}", self.port), wanted).await
    }
}

async fn open(url: &str, mut wanted: ChromeCapabilities) -> Arc<SessionHandle> {
    wanted.set_logging_prefs("browser", LoggingPrefsLogLevel::All).unwrap();
    let opened = WebDriver::builder(url, wanted).request_timeout(COMMAND_TIMEOUT).connect().await;
    let browser = opened.unwrap_or_else(|error| panic!("chromedriver opens no browser: {error}"));
    let session = browser.handle().clone();
    browser.leak().expect("the session is open");
    session
}

impl Drop for Driver {
    fn drop(&mut self) {
        // An error means that it has ended already, or that it must be killed.
        let _ = shut_down(self.port);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// chromedriver answers after all browsers have ended.
fn shut_down(port: u16) -> std::io::Result<usize> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(SHUTDOWN_TIMEOUT))?;
    socket.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
    socket.read(&mut [0])
}

/// All files of chromedriver and its browsers go into `folder`.
fn spawn(folder: &Path) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", CHROMEDRIVER, "--port=0"]);
    for home in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
        command.env(home, folder);
    }
    command.stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
    command.spawn().unwrap_or_else(|error| panic!("cannot start chromedriver: {error}"))
}

fn port_in(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once(STARTED)?;
    rest.split_once('.')?.0.parse().ok()
}

#[test]
fn port_is_read_from_chromedriver_output() {
    let log = "Starting ChromeDriver 1.2 on port 0\nChromeDriver was started successfully on port 39669.\n";
    assert_eq!(port_in(log), Some(39669));
    assert_eq!(port_in("ChromeDriver was started successfully on port 39"), None);
}
