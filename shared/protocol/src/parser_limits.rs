//! What Janus' JSON library (jansson) refuses although it is valid JSON. If a request with such a value were
//! forwarded, Janus would refuse the whole request without naming its transaction.
//!
//! The limits are those of jansson 2.14 (`load.c`, `strconv.c`), checked on Janus 1.1.2.

/// The deepest nesting of values, counted from 1 for the outermost value.
pub const MAX_DEPTH: usize = 2_048;

/// The first refused value of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its position in bytes.
    pub position: usize,
    /// Why.
    pub reason: &'static str,
}

/// Checks a text whose outermost value is at this depth; 1 for a whole message. A text that is no JSON may pass.
///
/// # Errors
/// At an integer beyond 64 bits, a real number beyond the range of a double, an escaped NUL, half a surrogate pair,
/// and a value nested deeper than [`MAX_DEPTH`].
pub fn check(text: &str, depth: usize) -> Result<(), Refused> {
    Scanner { bytes: text.as_bytes(), text, position: 0, depth: depth.saturating_sub(1) }.run()
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    position: usize,
    /// The number of containers around the position.
    depth: usize,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<(), Refused> {
        while let Some(byte) = self.bytes.get(self.position) {
            match byte {
                b'"' => {
                    self.check_depth()?;
                    self.string()?;
                }
                b'-' | b'0'..=b'9' => {
                    self.check_depth()?;
                    self.number()?;
                }
                b'{' | b'[' => {
                    self.check_depth()?;
                    self.depth += 1;
                    self.position += 1;
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.position += 1;
                }
                b't' | b'f' | b'n' => {
                    self.check_depth()?;
                    self.position += 1;
                }
                _ => self.position += 1,
            }
        }
        Ok(())
    }

    /// A key is at the depth of its value, which always follows.
    fn check_depth(&self) -> Result<(), Refused> {
        if self.depth < MAX_DEPTH { Ok(()) } else { Err(self.refused("maximum parsing depth reached")) }
    }

    fn refused(&self, reason: &'static str) -> Refused {
        Refused { position: self.position, reason }
    }

    fn string(&mut self) -> Result<(), Refused> {
        self.position += 1;
        loop {
            let rest = &self.bytes[self.position..];
            let Some(length) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                self.position = self.bytes.len();
                return Ok(());
            };
            self.position += length;
            if rest[length] == b'"' {
                self.position += 1;
                return Ok(());
            }
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), Refused> {
        let length = match self.utf16_unit(0) {
            None => 2,
            Some(0xd800..=0xdbff) if matches!(self.utf16_unit(6), Some(0xdc00..=0xdfff)) => 12,
            Some(0) => return Err(self.refused("\\u0000 is not allowed")),
            Some(0xd800..=0xdfff) => return Err(self.refused("invalid Unicode escape")),
            Some(_) => 6,
        };
        self.position = (self.position + length).min(self.bytes.len());
        Ok(())
    }

    /// Returns the UTF-16 code unit of an escape such as `\u00e9` at this distance.
    fn utf16_unit(&self, distance: usize) -> Option<u32> {
        let digits = self.bytes.get(self.position + distance..)?.strip_prefix(b"\\u")?.get(..4)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn number(&mut self) -> Result<(), Refused> {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        let rest = &self.bytes[self.position..];
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let number = &self.text[self.position..self.position + length];
        if number.contains(['.', 'e', 'E']) {
            if number.parse::<f64>().is_ok_and(f64::is_infinite) {
                return Err(self.refused("real number overflow"));
            }
        } else if number.len() > 18 && number.parse::<i64>().is_err() {
            let is_negative = number.starts_with('-');
            return Err(self.refused(if is_negative {
                "too big negative integer"
            } else {
                "too big integer"
            }));
        }
        self.position += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_reals_are_as_large_as_janus_reads_them() {
        for good in [
            "9223372036854775807",
            "-9223372036854775808",
            "1.7976931348623157e308",
            "1e-999",
            "[0,-0,0.0e0]",
            r#"{"1e999":"99999999999999999999"}"#,
        ] {
            assert_eq!(check(good, 1), Ok(()), "{good}");
        }
        for (bad, position) in [
            ("9223372036854775808", 0),
            ("-9223372036854775809", 0),
            (r#"{"x":1e999}"#, 5),
            ("[-1.0E+400]", 1),
            (r#"["\"",2e308]"#, 6),
        ] {
            assert_eq!(check(bad, 1).map_err(|refused| refused.position), Err(position), "{bad}");
        }
    }

    #[test]
    fn escapes_that_janus_rejects_are_refused() {
        for bad in [r#""\ud800""#, r#"{"a":"x\udc00"}"#, r#"["\ud83d\u0041"]"#, r#"{"\u0000":1}"#] {
            assert!(check(bad, 1).is_err(), "{bad}");
        }
        for good in [r#""\ud83d\ude00\\u0000\u0041""#, r#""\\ud800""#, r#""\u00e9é""#, r#""\"#, r#""\u12"#] {
            assert_eq!(check(good, 1), Ok(()), "{good}");
        }
    }

    #[test]
    fn values_are_nested_as_deep_as_janus_reads_them() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&nested(MAX_DEPTH), 1), Ok(()));
        assert!(check(&nested(MAX_DEPTH + 1), 1).is_err());
        assert!(check(&nested(MAX_DEPTH), 2).is_err());
        let with_scalar = |depth: usize| format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&with_scalar(MAX_DEPTH - 1), 1), Ok(()));
        assert!(check(&with_scalar(MAX_DEPTH), 1).is_err());
        assert_eq!(check(&"[]".repeat(5_000), 1), Ok(()));
    }
}
