//! A secret that an operator gives: it can be compared and used, and never shows in a log, an error
//! or `--help`.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// Text that is not to be seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for whoever must have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is the secret. Takes as long for a wrong guess as for a right one of its length.
    pub fn matches(&self, guess: &str) -> bool {
        self.0.as_bytes().ct_eq(guess.as_bytes()).into()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_and_not_shown() {
        let secret: Secret = "hunter2".parse().unwrap();
        assert!(secret.matches("hunter2"));
        for guess in ["", "hunter", "hunter22", "Hunter2"] {
            assert!(!secret.matches(guess), "{guess}");
        }
        assert_eq!(format!("{secret:?}"), "(secret)");
    }
}
