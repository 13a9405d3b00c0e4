//! Services whose clocks differ from Redis' clock.

use super::finding::{About, Finding, Severity, duration, finding, on};
use directory::listing::Service;
use service::clock_skew::MAX_CLOCK_SKEW;

/// Clocks that differ by less, in milliseconds, differ from Redis' clock alike.
const SAME_SKEW_MS: u64 = 1_000;

/// Returns a finding for each wrong clock. Where all services differ alike, it is Redis' clock that is wrong.
pub fn find(services: &[Service]) -> Vec<Finding> {
    let skews: Vec<_> = services.iter().filter_map(|it| Some((it, it.clock_skew_ms?))).collect();
    let is_skewed = |skew: i64| skew.unsigned_abs() > MAX_CLOCK_SKEW.as_millis() as u64;
    let (min, max) = (skews.iter().map(|(_, skew)| *skew).min(), skews.iter().map(|(_, skew)| *skew).max());
    match (min, max) {
        (Some(min), Some(max)) if skews.len() > 1 && is_skewed(min) && max.abs_diff(min) < SAME_SKEW_MS => {
            let detail = format!("It is {} that of all services. They go on by it.", off(-min));
            let summary = "Redis' clock is wrong".to_owned();
            vec![finding(Severity::Warning, "clock_skew", About::Role("redis"), summary, detail)]
        }
        _ => skews.into_iter().filter(|(_, skew)| is_skewed(*skew)).map(skewed_service).collect(),
    }
}

fn skewed_service((Service { id, host, .. }, skew): (&Service, i64)) -> Finding {
    let detail = format!(
        "It is {} Redis' clock{}. The service goes on by Redis' clock; the times in its log are wrong.",
        off(skew),
        on(host)
    );
    let about = About::Service(id.to_string());
    finding(Severity::Warning, "clock_skew", about, format!("The clock of {id} is wrong"), detail)
}

/// 15 s ahead of, 1 h behind.
fn off(skew: i64) -> String {
    let direction = if skew < 0 { "behind" } else { "ahead of" };
    format!("{} {direction}", duration(skew.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ServiceId;
    use directory::listing::ServiceState;
    use std::collections::BTreeMap;

    fn service(id: &str, clock_skew_ms: Option<i64>) -> Service {
        Service {
            id: ServiceId::from(id),
            kind: "edge".to_owned(),
            version: "1".to_owned(),
            host: "h".to_owned(),
            since: 5,
            announced: 7,
            load: BTreeMap::new(),
            state: ServiceState::Ready,
            complaint: None,
            clock_skew_ms,
        }
    }

    fn found(skews: &[Option<i64>]) -> Vec<String> {
        let services: Vec<_> =
            ["a", "b", "c"].into_iter().zip(skews).map(|(id, skew)| service(id, *skew)).collect();
        find(&services)
            .into_iter()
            .map(|finding| format!("{}. {}", finding.summary, finding.detail))
            .collect()
    }

    #[test]
    fn wrong_clock_is_named() {
        assert_eq!(found(&[Some(2_000), Some(-2_000), None]), [""; 0]);
        let of = |id: &str, off: &str| {
            format!(
                "The clock of {id} is wrong. It is {off} Redis' clock, on h. The service goes on by Redis' clock; the times in its log are wrong."
            )
        };
        assert_eq!(found(&[Some(15_000), Some(10), None]), [of("a", "15 s ahead of")]);
        assert_eq!(found(&[Some(15_000)]), [of("a", "15 s ahead of")]);
        let both = [of("a", "60 min behind"), of("c", "60 min ahead of")];
        assert_eq!(found(&[Some(-3_600_000), Some(0), Some(3_600_000)]), both);
    }

    #[test]
    fn wrong_clock_of_redis_is_one_finding() {
        let wrong = "Redis' clock is wrong. It is 15 s ahead of that of all services. They go on by it.";
        assert_eq!(found(&[Some(-15_300), Some(-15_000), Some(-15_200)]), [wrong]);
        assert_eq!(found(&[Some(-15_300), Some(-15_000), None]), [wrong]);
    }
}
