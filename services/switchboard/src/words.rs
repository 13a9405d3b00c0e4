//! Numbers and times in few letters, and texts that a terminal does not take for orders.

/// A duration as an operator says it: `7 ms`, `4.2 s`, `12 min`, `3 h`, `9 d`.
pub fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..10_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        10_000..120_000 => format!("{} s", millis / 1_000),
        120_000..7_200_000 => format!("{} min", millis / 60_000),
        7_200_000..172_800_000 => format!("{} h", millis / 3_600_000),
        _ => format!("{} d", millis / 86_400_000),
    }
}

/// Milliseconds with a fraction where that says something.
pub fn millis(millis: Option<f64>) -> String {
    match millis {
        None => "-".to_owned(),
        Some(millis) if millis < 10.0 => format!("{millis:.1} ms"),
        Some(millis) => duration(millis as u64),
    }
}

/// Entries a second.
pub fn rate(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(rate) if rate < 10.0 => format!("{rate:.1}"),
        Some(rate) => format!("{rate:.0}"),
    }
}

/// A number that may be unknown.
pub fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// `1 entry`, `2 entries`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What users and operators have named, on one line: what a terminal would obey is written out.
pub fn sanitize(text: &str) -> String {
    let one = |char: char| match char.is_control() {
        true => char.escape_unicode().to_string(),
        false => char.to_string(),
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_short() {
        for (time, wanted) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (9_999, "9.9 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (7_199_999, "119 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 d"),
        ] {
            assert_eq!(duration(time), wanted);
        }
        assert_eq!(
            (millis(None), millis(Some(4.25)), millis(Some(1_234.0))),
            ("-".into(), "4.2 ms".into(), "1.2 s".into())
        );
        let rates = [None, Some(0.0), Some(0.5), Some(99.6)].map(rate);
        assert_eq!(rates, ["-", "0", "0.5", "100"]);
        assert_eq!((number(None), number(Some(7))), ("-".to_owned(), "7".to_owned()));
        assert_eq!(
            (count(1, "call", "calls"), count(0, "call", "calls")),
            ("1 call".into(), "0 calls".into())
        );
    }

    #[test]
    fn a_name_gives_the_terminal_no_orders() {
        assert_eq!(sanitize("a\u{1b}[2J\né"), "a\\u{1b}[2J\\u{a}é");
    }
}
