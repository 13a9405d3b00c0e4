//! Settings that a client makes outside a call. As in Janus they apply to the next call.

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
    /// Adds the settings of a checked `set` request.
    pub fn merge(&mut self, body: &LazyObject<'_>) {
        for name in SETTING_NAMES {
            if let Some(value) = body.get(name) {
                self.0.insert(name.into(), value.to_owned());
            }
        }
    }

    /// Takes all settings as one `set` request; none without settings.
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
    fn latest_value_of_each_setting_is_taken_once() {
        let mut settings = PendingSettings::default();
        settings.merge(&LazyObject::parse(r#"{"request":"set","bitrate":1,"audio":true}"#).unwrap());
        settings.merge(&LazyObject::parse(r#"{"request":"set","bitrate":2,"filename":"x"}"#).unwrap());
        assert_eq!(settings.take().unwrap().get(), r#"{"request":"set","audio":true,"bitrate":2}"#);
        assert!(settings.take().is_none());
    }
}
