//! A pseudo-terminal in which `switchboard top` runs.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use vt100::Parser;

/// How long a test waits for a change of the screen, or for the end of the process.
const DEADLINE: Duration = Duration::from_secs(30);
pub const WIDTH: u16 = 132;
pub const HEIGHT: u16 = 40;

/// Returns the command, without flags in its environment.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    remove_variables(&mut command);
    command.args(args);
    command
}

fn remove_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(it, _)| it.to_string_lossy().starts_with("SWITCHBOARD_")) {
        command.env_remove(name);
    }
}

fn lines(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

/// A terminal; its process is killed when this is dropped.
pub struct Terminal {
    controller: File,
    screen: Arc<Mutex<Parser>>,
    child: Child,
}

impl Terminal {
    /// Runs `switchboard` with these arguments in a terminal of its own.
    pub fn run(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let size = Winsize { ws_row: HEIGHT, ws_col: WIDTH, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).unwrap();
        let path = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let user_side = File::options().read(true).write(true).open(path).unwrap();
        // In a session of its own the process has this terminal, and not that of the test run.
        let mut command = Command::new("setsid");
        remove_variables(&mut command);
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_switchboard")).args(args);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(variables.iter().copied());
        command
            .stdin(user_side.try_clone().unwrap())
            .stdout(user_side.try_clone().unwrap())
            .stderr(user_side);
        let child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(Parser::new(lines(HEIGHT), lines(WIDTH), 0)));
        let controller = File::from(controller);
        let (mut reader, shown) = (controller.try_clone().unwrap(), screen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { controller, screen, child }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives it another size, as the window of a terminal does.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(lines(height), lines(width));
        let size = Winsize { ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.controller, size).unwrap();
    }

    /// Returns the text on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Returns whether a character has a colour.
    pub fn has_colour(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let cells = (0..HEIGHT).flat_map(|row| (0..WIDTH).map(move |column| (row, column)));
        cells
            .filter_map(|(row, column)| parser.screen().cell(row, column))
            .any(|cell| cell.fgcolor() != vt100::Color::Default)
    }

    /// Waits until the text on the screen fulfils a condition.
    pub fn wait_until(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let text = self.text();
            if condition(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "the screen never showed {what}:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the screen has this text, and returns the line.
    pub fn wait_for(&self, part: &str) -> String {
        let text = self.wait_until(part, |text| text.contains(part));
        text.lines().find(|line| line.contains(part)).unwrap().trim_end().to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
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

    /// Waits until the terminal is restored; output may still be on its way.
    pub fn wait_until_restored(&self) {
        let deadline = Instant::now() + DEADLINE;
        while !self.is_restored() {
            assert!(Instant::now() < deadline, "the terminal is not restored:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns whether keys are echoed, the cursor is visible, and the normal screen is shown.
    pub fn is_restored(&self) -> bool {
        let modes = tcgetattr(&self.controller).unwrap().local_modes;
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

/// Returns success, standard output and standard error of a run without a terminal.
pub fn output(args: &[&str]) -> (bool, String, String) {
    let output = command(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}
