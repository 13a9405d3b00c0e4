//! A pseudo-terminal with `switchboard top` in it, and what stands on its screen.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use vt100::Parser;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);
pub const WIDTH: u16 = 132;
pub const HEIGHT: u16 = 40;

/// The executable, of which no option is in the environment.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    forget_options(&mut command);
    command.args(args);
    command
}

fn forget_options(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(it, _)| it.to_string_lossy().starts_with("SWITCHBOARD_")) {
        command.env_remove(name);
    }
}

fn lines(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

/// A terminal; what runs in it is killed when this is dropped.
pub struct Terminal {
    ours: File,
    screen: Arc<Mutex<Parser>>,
    child: Child,
}

impl Terminal {
    /// Runs `switchboard` with these arguments in a terminal of its own.
    pub fn run(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize { ws_row: HEIGHT, ws_col: WIDTH, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours, size).unwrap();
        let theirs = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = File::options().read(true).write(true).open(theirs).unwrap();
        // In a session of its own it has this terminal, and not that of whoever runs the tests.
        let mut command = Command::new("setsid");
        forget_options(&mut command);
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_switchboard")).args(args);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(variables.iter().copied());
        command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
        let child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(Parser::new(lines(HEIGHT), lines(WIDTH), 0)));
        let ours = File::from(ours);
        let (mut reader, shown) = (ours.try_clone().unwrap(), screen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { ours, screen, child }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives it another size, as the window of a terminal does.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(lines(height), lines(width));
        let size = Winsize { ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.ours, size).unwrap();
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Whether some letter has a colour.
    pub fn has_colour(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let cells = (0..HEIGHT).flat_map(|row| (0..WIDTH).map(move |column| (row, column)));
        cells
            .filter_map(|(row, column)| parser.screen().cell(row, column))
            .any(|cell| cell.fgcolor() != vt100::Color::Default)
    }

    /// Waits until the screen is as wanted.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "the screen never showed {what}:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the screen has these words, and gives the line that has them.
    pub fn wait_for(&self, words: &str) -> String {
        let text = self.wait_until(words, |text| text.contains(words));
        text.lines().find(|line| line.contains(words)).unwrap().trim_end().to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let told = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }

    /// Waits until it has ended.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it is as before it was taken over; its last words may still be on their way.
    pub fn comes_back(&self) {
        let deadline = Instant::now() + DEADLINE;
        while !self.is_as_before() {
            assert!(Instant::now() < deadline, "the terminal is left as it was:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether keys are shown, the cursor too, and the screen is the one from before.
    pub fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.ours).unwrap().local_modes;
        let parser = self.screen.lock().unwrap();
        modes.contains(LocalModes::ECHO | LocalModes::ICANON)
            && !parser.screen().alternate_screen()
            && !parser.screen().hide_cursor()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it prints where there is no terminal.
pub fn output(args: &[&str]) -> (bool, String, String) {
    let output = command(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}
