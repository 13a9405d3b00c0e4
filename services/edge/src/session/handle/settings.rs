//! What a client `set` while it was in no call: it goes to the media server when a call begins, as
//! Janus keeps such settings for the next call.

use protocol::Raw;
use protocol::object::LazyObject;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

const SETTING_NAMES: [&str; 6] = ["audio", "video", "bitrate", "substream", "temporal", "fallback"];

/// The latest value of each setting.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PendingSettings(BTreeMap<Cow<'static, str>, Raw>);

impl PendingSettings {
    /// Notes what a checked `set` holds.
    pub fn merge(&mut self, body: &LazyObject<'_>) {
        for name in SETTING_NAMES {
            if let Some(value) = body.get(name) {
                self.0.insert(name.into(), value.to_owned());
            }
        }
    }

    /// A `set` request with all of it; none when there is nothing.
    pub fn take(&mut self) -> Option<Raw> {
        #[derive(Serialize)]
        struct Set {
            request: &'static str,
            #[serde(flatten)]
            settings: BTreeMap<Cow<'static, str>, serde_json::Value>,
        }
        let read = |(name, raw): (_, Raw)| serde_json::from_str(raw.get()).ok().map(|value| (name, value));
        let settings: BTreeMap<_, _> = std::mem::take(&mut self.0).into_iter().filter_map(read).collect();
        (!settings.is_empty()).then(|| protocol::raw(&Set { request: "set", settings }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_each_is_kept_once() {
        let mut settings = PendingSettings::default();
        settings.merge(&LazyObject::parse(r#"{"request":"set","bitrate":1,"audio":true}"#).unwrap());
        settings.merge(&LazyObject::parse(r#"{"request":"set","bitrate":2,"filename":"x"}"#).unwrap());
        assert_eq!(settings.take().unwrap().get(), r#"{"request":"set","audio":true,"bitrate":2}"#);
        assert!(settings.take().is_none());
    }
}
