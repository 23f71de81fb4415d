//! Which version of the table something is.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// First 16 hex digits of the SHA-256 of a table's text: tells two texts apart whatever their number says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Digest(pub(crate) String);

impl Digest {
    /// The digest of a text.
    pub fn of(text: &str) -> Self {
        let mut hex = sha256_hex(text.as_bytes());
        hex.truncate(16);
        Self(hex)
    }

    /// The sixteen digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 in lower-case hex digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One version of the whole table: the number that `migrate` counts up in the file (`generation = 7`; absent: 0), and
/// the digest of the text, which also tells a hand edit that left the number alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Generation {
    /// Counted up at each flip.
    pub number: u64,
    /// Of the text.
    pub digest: Digest,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number, self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_start_of_the_sha256() {
        assert_eq!(Digest::of("abc").as_str(), "ba7816bf8f01cfea");
        assert_ne!(Digest::of("abc"), Digest::of("abd"));
    }
}
