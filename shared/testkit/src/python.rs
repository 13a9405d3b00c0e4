//! Starting what janus-cloud 1.0.0 consists of, from where `scripts/install-janus-cloud` puts it.

use crate::child::Child;
use crate::spawner;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the virtual environment is, below the root of the workspace. The script reads this file too.
const FOLDER: &str = include_str!("../janus-cloud/folder");

/// Writes a configuration file. It is YAML, and JSON is that too.
pub(crate) fn write_config(folder: &Path, file: &str, config: &Value) {
    fs::write(folder.join(file), config.to_string()).unwrap();
}

/// The level at which everything is logged, which is what they do unless told otherwise.
pub(crate) const LOG_ALL: &str = "DEBUG";

/// Starts the `proxy` or the `sentinel` with that file in `folder`.
pub(crate) fn spawn(service: &str, folder: &Path, config: &str) -> Child {
    let mut command = spawner::command(interpreter());
    command.arg(crate_folder().join("janus-cloud/launch.py")).arg(service).arg(config);
    // Without the first, the end of the log would be missing of one that is killed.
    command.current_dir(folder).env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    // All it talks to is on this machine.
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    Child::spawn(&format!("janus-cloud {service}"), command, &folder.join("log"))
}

/// What the configuration says about the log: from this level on, and only where [`Child`] keeps it.
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
