//! Writes the report.

use crate::settings::Settings;
use bench::{Report, picture, table};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// Prints the tables and writes `target/bench/results.json` with a picture beside it. Also writes the picture
/// of the documentation if the run is to be recorded.
pub fn write(report: &Report, record: bool) {
    println!("{}", table::text(report));
    let (folder, svg) = (target().join("bench"), picture::svg(report));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("results.json"), serde_json::to_string_pretty(report).unwrap()).unwrap();
    fs::write(folder.join("performance.svg"), &svg).unwrap();
    println!("The same as JSON and as a picture: {}", folder.display());
    if record {
        fs::write(root().join("docs/performance.svg"), svg).unwrap();
    }
}

/// Describes the machine and the number of rounds.
pub fn about(settings: &Settings) -> String {
    let cpus = available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let Settings { rounds, seconds, .. } = settings;
    format!("{cpus} processors ({model}), load included; {rounds} rounds, {seconds} s for each number.")
}

/// Cargo puts this program into `target/PROFILE/deps`.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}
