//! Unix milliseconds as people read them, in UTC.

/// As RFC 3339 has them.
pub fn rfc3339(millis: u64) -> String {
    let (year, month, day) = date(millis / 86_400_000);
    format!("{year:04}-{month:02}-{day:02}T{}Z", time_of_day_with_millis(millis))
}

/// `15:23:42.007`
pub fn time_of_day_with_millis(millis: u64) -> String {
    format!("{}.{:03}", time_of_day(millis), millis % 1_000)
}

/// `15:23:42`
pub fn time_of_day(millis: u64) -> String {
    let in_day = millis % 86_400_000;
    format!("{:02}:{:02}:{:02}", in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1_000 % 60)
}

/// Year, month and day so many days after 1 January 1970, in years that begin in March, so that the leap
/// day comes last (Howard Hinnant's `civil_from_days`).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (millis, wanted) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(millis), wanted);
        }
    }
}
