//! Formats numbers for people.

use crate::{Bound, Series};

/// Three significant digits with thousands separators: `0.123`, `12.3`, `1,234`.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "?".to_owned(),
        0.0 => "0".to_owned(),
        size if size < 0.9995 => format!("{value:.3}"),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => thousands(value),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap_or("")).collect();
    format!("{}{}", if value < 0.0 { "-" } else { "" }, groups.join(","))
}

/// The smallest and the largest value. Empty for a single measurement.
pub(crate) fn spread(series: &Series) -> String {
    match series.len() {
        0 | 1 => String::new(),
        _ => format!("{} to {}", short(series.least()), short(series.most())),
    }
}

/// The value with its unit.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", short(value)).trim_end().to_owned()
}

/// The target of a figure.
pub(crate) fn bound(bound: Bound, unit: &str) -> String {
    match bound {
        Bound::AtLeast(value) => format!("≥ {}", plain(value, unit)),
        Bound::AtMost(value) => format!("≤ {}", plain(value, unit)),
        Bound::Below(value) => format!("< {}", plain(value, unit)),
    }
}

/// A bound is printed as it was written.
fn plain(value: f64, unit: &str) -> String {
    format!("{value} {unit}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_significant() {
        let cases = [
            (0.0, "0"),
            (0.12345, "0.123"),
            (1.005_1, "1.01"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234.5, "1,234"),
            (1_234_567.0, "1,234,567"),
            (-1.5, "-1.50"),
            (-1_500.0, "-1,500"),
            (f64::NAN, "?"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn bound_is_printed_as_written() {
        assert_eq!(bound(Bound::AtMost(0.3), "ms"), "≤ 0.3 ms");
        assert_eq!(bound(Bound::AtLeast(20.0), ""), "≥ 20");
    }

    #[test]
    fn single_measurement_has_no_spread() {
        assert_eq!(spread(&Series::once(1.0)), "");
        assert_eq!(spread(&[2.0, 1.0].into_iter().collect()), "1.00 to 2.00");
    }
}
