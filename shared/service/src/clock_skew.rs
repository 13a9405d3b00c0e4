//! Reports a wall clock that differs from the clock of the cluster. Services work as usual with such a clock; the times
//! in their logs are wrong, and tokens of clients may be judged by it.

use common::clock;
use std::time::Duration;

/// A greater difference is reported.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(2);
/// The report ends below this difference, so that a clock near the limit is not reported again and again.
const RECOVERED: Duration = Duration::from_secs(1);

/// The reports of one service.
#[derive(Default)]
pub(crate) struct SkewReporter {
    /// The last reported difference in milliseconds; `None` while none is reported.
    reported: Option<i64>,
}

impl SkewReporter {
    /// Returns by how many milliseconds the wall clock is ahead of Redis' clock, and whether that is news: a difference
    /// begins, changes or ends. Logs the news.
    pub(crate) fn check(&mut self) -> (Option<i64>, bool) {
        let skew = clock::skew_millis();
        (skew, self.update(skew.unwrap_or_default()))
    }

    fn update(&mut self, skew: i64) -> bool {
        let off = Duration::from_millis(skew.unsigned_abs());
        let limit = if self.reported.is_some() { RECOVERED } else { MAX_CLOCK_SKEW };
        let current = (off > limit).then_some(skew);
        let is_news = match (self.reported, current) {
            (Some(before), Some(now)) => u128::from(before.abs_diff(now)) > RECOVERED.as_millis(),
            (before, current) => before != current,
        };
        if is_news {
            self.reported = current;
            log(current);
        }
        is_news
    }
}

fn log(skew: Option<i64>) {
    let Some(skew) = skew else {
        return tracing::info!("the clock of this machine agrees with Redis' clock again");
    };
    let direction = if skew < 0 { "behind" } else { "ahead of" };
    tracing::warn!(
        off = ?Duration::from_millis(skew.unsigned_abs()),
        "the clock of this machine is {direction} Redis' clock; going on by Redis' clock, the times in this log are wrong"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_begins_above_the_limit_and_ends_well_below() {
        let mut reporter = SkewReporter::default();
        let news = [0, 2_000, 2_001, 1_500, 1_000, -3_600_000, -15_000, 0].map(|skew| reporter.update(skew));
        assert_eq!(news, [false, false, true, false, true, true, true, true]);
    }
}
