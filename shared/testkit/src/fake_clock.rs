//! A wall clock that is wrong, for one process, by the Debian package `libfaketime`. Its monotonic clock is not changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// The library, which replaces the functions of the C library that read clocks. The C library follows it, because the
/// allocator of Redis reads the clock before the library is ready.
const LIBRARIES: [&str; 2] =
    ["/usr/lib/ARCH-linux-gnu/faketime/libfaketimeMT.so.1", "/lib/ARCH-linux-gnu/libc.so.6"];
/// Seconds until the process notices that its clock was set.
const NOTICE_SECONDS: &str = "1";

/// The wall clock of the processes that are started with it. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct FakeClock(Arc<TempDir>);

impl FakeClock {
    /// A clock that is this many seconds ahead, or behind if negative.
    pub fn ahead(seconds: i64) -> Self {
        let clock = Self(Arc::new(TempDir::new().unwrap()));
        clock.set_ahead(seconds);
        clock
    }

    /// Sets the clock. A running process notices it within a second.
    pub fn set_ahead(&self, seconds: i64) {
        // The file is replaced, because a process may read it at any time.
        let new = self.0.path().join("new");
        fs::write(&new, format!("{seconds:+}")).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    pub(crate) fn apply(&self, command: &mut Command) {
        let libraries = LIBRARIES.map(|path| path.replace("ARCH", std::env::consts::ARCH));
        assert!(Path::new(&libraries[0]).exists(), "there is no {}; install libfaketime", libraries[0]);
        command.env("LD_PRELOAD", libraries.join(":"));
        command.env("FAKETIME_TIMESTAMP_FILE", self.file());
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command.env("FAKETIME_CACHE_DURATION", NOTICE_SECONDS);
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("offset")
    }
}
