//! Draws the report as a picture: the speed of each system, and the targets.

use crate::digits::{bound, with_unit};
use crate::svg::Svg;
use crate::{Report, Series, System};

const WIDTH: f64 = 760.0;
/// Start and maximum length of bars. Names stand to the left, numbers to the right.
const BARS: [f64; 2] = [150.0, 480.0];
const ROW: f64 = 26.0;
const THICK: f64 = 16.0;
/// Right edge of the measured numbers of the targets.
const MEASURED: f64 = 590.0;

/// The length of a bar for a value.
type Scale<'a> = &'a dyn Fn(f64) -> f64;

/// Returns an SVG file.
pub fn svg(report: &Report) -> String {
    let mut svg = Svg::new(WIDTH);
    let y = rates(&mut svg, 24.0, &report.systems);
    let y = rings(&mut svg, y, &report.systems);
    goals(&mut svg, y, report);
    svg.finish("How fast Switchboard is, beside Janus alone and beside janus-cloud")
}

/// The scale is logarithmic, since the slowest system would not be visible otherwise.
fn rates(svg: &mut Svg, y: f64, systems: &[System]) -> f64 {
    let most = largest(systems, |it| &it.rate).max(10.0);
    let decades = most.log10().ceil();
    let scale = |value: f64| value.max(1.0).log10() / decades * BARS[1];
    svg.text([0.0, y], "title", "Calls in a second");
    svg.text([BARS[0], y], "quiet", "each line is ten times the one before");
    for decade in 0..=decades as u32 {
        let x = BARS[0] + scale(10f64.powi(decade as i32));
        svg.line([x, y + 8.0], [x, y + 8.0 + ROW * systems.len() as f64], "line");
    }
    bars(svg, y + 8.0, systems, |it| &it.rate, &scale, "")
}

fn rings(svg: &mut Svg, y: f64, systems: &[System]) -> f64 {
    let most = largest(systems, |it| &it.ring);
    let scale = |value: f64| value / most * BARS[1];
    svg.text([0.0, y], "title", "Time to ring, one pair");
    bars(svg, y + 8.0, systems, |it| &it.ring, &scale, "ms")
}

fn largest(systems: &[System], of: fn(&System) -> &Series) -> f64 {
    systems.iter().map(|it| of(it).most()).fold(f64::MIN_POSITIVE, f64::max)
}

/// Returns the position of the next part.
fn bars(
    svg: &mut Svg,
    y: f64,
    systems: &[System],
    of: fn(&System) -> &Series,
    scale: Scale,
    unit: &str,
) -> f64 {
    for (row, system) in systems.iter().enumerate() {
        bar(svg, y + ROW * row as f64, system.name, of(system), scale, unit);
    }
    y + ROW * systems.len() as f64 + 34.0
}

fn bar(svg: &mut Svg, y: f64, name: &str, series: &Series, scale: Scale, unit: &str) {
    if series.is_empty() {
        return;
    }
    let [left, _] = BARS;
    let (middle, text) = (y + ROW / 2.0, y + ROW / 2.0 + 4.5);
    let class = if ["standalone", "cluster"].contains(&name) { "ours" } else { "other" };
    svg.text([left - 10.0, text], "end", name);
    svg.bar([left, middle - THICK / 2.0], [scale(series.median()), THICK], class);
    let [least, most] = [series.least(), series.most()].map(|value| left + scale(value));
    svg.line([least, middle], [most, middle], "spread");
    svg.text([most + 8.0, text], "", &with_unit(series.median(), unit));
}

fn goals(svg: &mut Svg, y: f64, report: &Report) {
    if report.goals.is_empty() {
        return;
    }
    svg.text([0.0, y], "title", "Targets");
    for (row, goal) in report.goals.iter().enumerate() {
        let y = y + 24.0 + 21.0 * row as f64;
        let (class, sign) = if goal.met { ("met", "✓") } else { ("missed", "✗") };
        svg.text([0.0, y], class, sign);
        svg.text([20.0, y], "", &goal.what);
        svg.text([MEASURED, y], "end", &with_unit(goal.measured.median(), goal.unit));
        svg.text([MEASURED + 16.0, y], "quiet", &bound(goal.bound, goal.unit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bound;

    fn report() -> Report {
        let system = |name, rate, ring| System {
            name,
            pairs: 1,
            rate: Series::once(rate),
            ring: Series::once(ring),
            ring_late: Series::default(),
        };
        let systems = vec![system("direct", 10_000.0, 0.5), system("cluster", 100.0, 1.0)];
        let mut report = Report { systems, ..Report::default() };
        report.goal("a < b & c", "ms", Series::once(2.0), Bound::AtMost(1.0));
        report
    }

    #[test]
    fn bar_length_matches_its_value() {
        let svg = svg(&report());
        // The scale has four decades and starts at half a millisecond.
        for width in [480.0, 240.0] {
            assert_eq!(svg.matches(&format!(r#"width="{width:.1}""#)).count(), 2, "{svg}");
        }
    }

    #[test]
    fn text_is_escaped() {
        let svg = svg(&report());
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("✗"), "{svg}");
        assert!(svg.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn empty_report_is_a_picture() {
        assert!(svg(&Report::default()).ends_with("</svg>\n"));
    }
}
