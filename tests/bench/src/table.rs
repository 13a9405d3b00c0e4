//! Prints the report as Markdown tables, which a terminal shows well too.

use crate::digits::{bound, short, spread, with_unit};
use crate::{Report, Series, System};

/// All tables, one below the other.
pub fn text(report: &Report) -> String {
    let tables = [systems(report), figures(report), goals(report)];
    let tables: Vec<String> = tables.into_iter().filter(|table| !table.is_empty()).collect();
    format!("{}\n\n{}", report.about, tables.join("\n"))
}

fn systems(report: &Report) -> String {
    let head = [
        "system",
        "pairs",
        "calls/s",
        "least to most",
        "× janus-cloud",
        "ring ms",
        "least to most",
        "above direct",
    ];
    let rows = report.systems.iter().map(|it| row_of(report, it)).collect();
    table(&head, rows)
}

fn row_of(report: &Report, system: &System) -> Vec<String> {
    let beside = |other: &str, of: fn(&System, &System) -> Series| {
        let other = report.system(other).filter(|it| it.name != system.name);
        other.map(|other| short(of(system, other).median())).unwrap_or_default()
    };
    vec![
        system.name.to_owned(),
        system.pairs.to_string(),
        short(system.rate.median()),
        spread(&system.rate),
        beside("janus-cloud", |it, other| it.rate.over(&other.rate)),
        short(system.ring.median()),
        spread(&system.ring),
        beside("direct", |it, other| it.ring.above(&other.ring)),
    ]
}

fn figures(report: &Report) -> String {
    let rows = report.figures.iter().map(|it| {
        let measured = with_unit(it.measured.median(), it.unit);
        vec![it.of.clone(), it.what.clone(), measured, spread(&it.measured)]
    });
    table(&["of", "what", "measured", "least to most"], rows.collect())
}

fn goals(report: &Report) -> String {
    let rows = report.goals.iter().map(|it| {
        let measured = with_unit(it.measured.median(), it.unit);
        let met = if it.met { "met" } else { "not met" };
        vec![it.what.clone(), measured, spread(&it.measured), bound(it.bound, it.unit), met.to_owned()]
    });
    table(&["target", "measured", "least to most", "should be", ""], rows.collect())
}

/// A table with columns as wide as needed. Empty without rows.
fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<String> = head.iter().map(|&it| it.to_owned()).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| rows.iter().chain([&head]).map(|row| width(&row[column])).max().unwrap_or(0))
        .collect();
    let rule = widths.iter().map(|&width| "-".repeat(width)).collect();
    let lines = [head, rule].into_iter().chain(rows).map(|row| line(&row, &widths));
    lines.collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells =
        row.iter().zip(widths).map(|(cell, wide)| format!(" {cell}{} |", " ".repeat(wide - width(cell))));
    format!("|{}\n", cells.collect::<String>())
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bound;

    fn system(name: &'static str, rate: [f64; 2], ring: [f64; 2]) -> System {
        let [rate, ring] = [rate, ring].map(|it| it.into_iter().collect());
        System { name, pairs: 8, rate, ring, ring_late: Series::default() }
    }

    #[test]
    fn systems_stand_beside_each_other() {
        let systems = vec![
            system("direct", [4000.0, 5000.0], [0.25, 0.35]),
            system("janus-cloud", [50.0, 40.0], [20.0, 22.0]),
        ];
        let shown = text(&Report { about: "A machine.".to_owned(), systems, ..Report::default() });
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "A machine.");
        assert!(lines[4].starts_with("| direct      | 8     | 4,500   | 4,000 to 5,000 | 102 "), "{shown}");
        assert!(lines[5].ends_with("| 20.7         |"), "{shown}");
    }

    #[test]
    fn table_shows_whether_a_target_is_met() {
        let mut report = Report::default();
        report.goal("calls/s", "", Series::once(21.0), Bound::AtLeast(20.0));
        report.goal("ring", "ms", Series::once(1.5), Bound::AtMost(1.0));
        let shown = text(&report);
        assert!(shown.contains("| calls/s | 21.0     |               | ≥ 20      | met     |"), "{shown}");
        assert!(shown.contains("| ring    | 1.50 ms  |               | ≤ 1 ms    | not met |"), "{shown}");
    }
}
