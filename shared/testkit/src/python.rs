//! Starts the programs of janus-cloud 1.0.0, as `scripts/install-janus-cloud` installs them.

use crate::child::Child;
use crate::spawner;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The virtual environment, relative to the root of the workspace. The script reads the same file.
const FOLDER: &str = include_str!("../janus-cloud/folder");

/// Writes a configuration file. The programs read YAML, of which JSON is a subset.
pub(crate) fn write_config(folder: &Path, file: &str, config: &Value) {
    fs::write(folder.join(file), config.to_string()).unwrap();
}

/// The default log level of janus-cloud, which logs everything.
pub(crate) const LOG_ALL: &str = "DEBUG";

/// Starts the `proxy` or the `sentinel` with a configuration file in `folder`.
pub(crate) fn spawn(service: &str, folder: &Path, config: &str) -> Child {
    let mut command = spawner::command(interpreter());
    command.arg(crate_folder().join("janus-cloud/launch.py")).arg(service).arg(config);
    // Unbuffered, so that the log of a killed process is complete.
    command.current_dir(folder).env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    // All connections are local.
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    Child::spawn(&format!("janus-cloud {service}"), command, &folder.join("log"))
}

/// Returns the log settings: this level, on standard output only, which [`Child`] keeps.
pub(crate) fn log_config(level: &str) -> Value {
    serde_json::json!({"log_to_stdout": true, "log_to_file": "", "debug_level": level})
}

fn interpreter() -> PathBuf {
    let root = crate_folder().ancestors().nth(2).unwrap();
    let python = root.join(FOLDER.trim()).join("bin/python");
    let hint = "install it first: scripts/install-janus-cloud";
    assert!(python.exists(), "there is no {}; {hint}", python.display());
    python
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
