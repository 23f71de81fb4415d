//! Brings the key under which contents of messages are kept: from a setting of its own, or from the key that signs receipts.

use crate::config::Secret;
use crate::logic::communication::envelope::{ContentKey, EnvelopeError};
use crate::logic::signing::Signer;

/// The key that follows from the setting, or from the signer where that is not set. What is derived for contents tells
/// nothing of what it is derived from.
pub fn content_key(given: Option<&Secret>, signer: &Signer) -> Result<ContentKey, EnvelopeError> {
    let Some(given) = given else { return ContentKey::derive(signer.secret()) };
    let mut secret = zeroize::Zeroizing::new([0; 32]);
    // Checked when the settings were read.
    let read = hex::decode_to_slice(given.reveal(), &mut *secret);
    read.map_err(|_why| EnvelopeError::OtherKey)?;
    ContentKey::derive(&secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_its_own_stays_when_the_other_changes() {
        let name = |given: Option<&str>, signer: u8| {
            let given = given.map(Secret::new);
            format!("{:?}", content_key(given.as_ref(), &Signer::new(&[signer; 32])).unwrap())
        };
        let own = "ab".repeat(32);
        assert_eq!(name(Some(&own), 1), name(Some(&own), 2));
        assert_ne!(name(None, 1), name(None, 2));
        assert_eq!(name(None, 1), name(Some(&"01".repeat(32)), 2));
    }
}
