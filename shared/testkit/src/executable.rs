//! Where cargo puts the executables of this workspace.

use std::path::PathBuf;

/// The executable of that name, built as the program that asks: cargo puts a test or a bench into
/// `target/PROFILE/deps` and executables one folder up.
pub(crate) fn path(name: &str, package: &str) -> PathBuf {
    let us = std::env::current_exe().unwrap();
    let path = us.ancestors().nth(2).unwrap().join(name);
    let hint = format!("build it first, with the profile of the tests: cargo build -p {package}");
    assert!(path.exists(), "there is no {}; {hint}", path.display());
    path
}
