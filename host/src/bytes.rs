//! Amounts of memory as people write them.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;
use std::str::FromStr;

/// A number of bytes. Read from `8G`, `512M`, `1.5GiB` or a plain number; a unit is a power of 1024.
///
/// ```
/// use selfsame_host::Bytes;
/// assert_eq!("1.5G".parse(), Ok(Bytes(3 << 29)));
/// assert_eq!(Bytes(3 << 29).to_string(), "1.5 GiB");
/// assert!("8 apples".parse::<Bytes>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A text that is no number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of bytes such as 8G, 512M or 1000000, got `{0}`")]
pub struct NotBytes(String);

/// Each 1024 times the one before.
const UNITS: [char; 4] = ['K', 'M', 'G', 'T'];

impl FromStr for Bytes {
    type Err = NotBytes;

    fn from_str(text: &str) -> Result<Self, NotBytes> {
        read(text).ok_or_else(|| NotBytes(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Bytes> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_uppercase();
    let shift = match unit.strip_suffix("IB").or(unit.strip_suffix('B')).unwrap_or(&unit) {
        "" => 0,
        letter => 10 * (1 + UNITS.iter().position(|unit| letter.chars().eq([*unit]))?),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << shift).map(Bytes);
    }
    let bytes = number.parse::<f64>().ok()? * (1_u64 << shift) as f64;
    // A part of a byte is nothing that anybody means.
    (shift > 0 && bytes < u64::MAX as f64).then_some(Bytes(bytes as u64))
}

/// With one digit after the point: `6.5 GiB`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let mut amount = self.0 as f64;
        let mut name = ' ';
        for unit in UNITS {
            // 1023.95 would be shown as 1024.0.
            if amount < 1023.95 {
                break;
            }
            amount /= 1024.0;
            name = unit;
        }
        let text = format!("{amount:.1}");
        write!(f, "{} {name}iB", text.strip_suffix(".0").unwrap_or(&text))
    }
}

/// A number, or a text with a unit.
impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes such as \"8G\" or 1000000")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_and_without_units() {
        let read = |text: &str| text.parse::<Bytes>().map(|bytes| bytes.0).ok();
        assert_eq!(read("8G"), Some(8 << 30));
        assert_eq!(read("8g"), Some(8 << 30));
        assert_eq!(read(" 8 GiB "), Some(8 << 30));
        assert_eq!(read("512MB"), Some(512 << 20));
        assert_eq!(read("0.5K"), Some(512));
        assert_eq!(read("1T"), Some(1 << 40));
        assert_eq!(read("1000000"), Some(1_000_000));
        assert_eq!(read("17 b"), Some(17));
        assert_eq!(read("0"), Some(0));
        for wrong in ["", "G", "8X", "8GG", "-8G", "1.5", "1..5G", ".", "99999999999T", "1e3", "8 G B", "inf"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_are_shown_shortly() {
        assert_eq!(Bytes(0).to_string(), "0 bytes");
        assert_eq!(Bytes(1023).to_string(), "1023 bytes");
        assert_eq!(Bytes(1024).to_string(), "1 KiB");
        assert_eq!(Bytes((1 << 20) - 1).to_string(), "1 MiB");
        assert_eq!(Bytes(6_938_078_334).to_string(), "6.5 GiB");
        assert_eq!(Bytes(u64::MAX).to_string(), "16777216 TiB");
    }
}
