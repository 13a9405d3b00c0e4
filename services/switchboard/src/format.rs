//! Text for people: times, durations and counts.

use std::io;

/// Formats unix milliseconds as RFC 3339, in UTC.
pub fn rfc3339(millis: u64) -> String {
    let (year, month, day) = date(millis / 86_400_000);
    format!("{year:04}-{month:02}-{day:02}T{}Z", time_of_day_with_millis(millis))
}

/// Formats the time of day in UTC: `15:23:42.007`.
pub fn time_of_day_with_millis(millis: u64) -> String {
    format!("{}.{:03}", time_of_day(millis), millis % 1_000)
}

/// Formats the time of day in UTC: `15:23:42`.
pub fn time_of_day(millis: u64) -> String {
    let in_day = millis % 86_400_000;
    format!("{:02}:{:02}:{:02}", in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1_000 % 60)
}

/// Returns year, month and day of a day after 1 January 1970. It counts in years that begin in March, whose
/// last day is the leap day (Howard Hinnant's `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

/// Formats a duration: `7 ms`, `4.2 s`, `12 min`, `3 h`, `9 d`.
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

/// Formats milliseconds, below 10 with one decimal; `-` for an unknown duration.
pub fn millis(millis: Option<f64>) -> String {
    match millis {
        None => "-".to_owned(),
        Some(millis) if millis < 10.0 => format!("{millis:.1} ms"),
        Some(millis) => duration(millis as u64),
    }
}

/// Formats a rate, entries a second; `-` for an unknown rate.
pub fn rate(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(rate) if rate < 10.0 => format!("{rate:.1}"),
        Some(rate) => format!("{rate:.0}"),
    }
}

/// Formats a number; `-` for an unknown one.
pub fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// `1 entry`, `2 entries`.
pub fn count(number: u64, singular: &str, plural: &str) -> String {
    format!("{number} {}", if number == 1 { singular } else { plural })
}

/// Drops the error of a standard output that was closed: the reader has seen enough.
pub fn ignore_closed_pipe(printed: io::Result<()>) -> io::Result<()> {
    printed.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_counts_are_short() {
        for (time, expected) in [
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
            assert_eq!(duration(time), expected);
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
    fn dates_are_those_of_the_calendar() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(millis), expected);
        }
    }
}
