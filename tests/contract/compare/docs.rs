//! `docs/compatibility.md` must contain the table of intended differences as it is in the code.

use super::differences::{DIFFERENCES, Difference};
use super::scenario;
use std::fmt::Write;
use std::path::Path;

const BEGIN: &str = "<!-- differences: printed from tests/contract/compare/differences.rs -->\n";
const END: &str = "<!-- end of differences -->\n";

fn table() -> String {
    let mut table = "| | Janus | Switchboard | why |\n|---|---|---|---|\n".to_owned();
    for Difference { name, janus, switchboard, reason, .. } in DIFFERENCES {
        let _ = writeln!(table, "| {name} | {janus} | {switchboard} | {reason} |");
    }
    table
}

#[test]
fn documentation_lists_the_intended_differences() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let printed = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(table, _)| table);
    let table = table();
    assert!(printed == Some(&table), "docs/compatibility.md must contain:\n{BEGIN}{table}{END}");
}

#[test]
fn each_intended_difference_has_a_scenario() {
    let scenarios = scenario::all();
    for Difference { name, .. } in DIFFERENCES {
        let shown = scenarios.iter().any(|scenario| scenario.differs.iter().any(|it| it == name));
        assert!(shown, "no scenario shows {name}");
    }
}
