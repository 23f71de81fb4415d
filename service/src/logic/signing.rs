//! Signatures and hashes: what receipts, proofs and the chain over audit logs are made of.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::python::json::canonical;

/// Signs with the service's Ed25519 key.
#[derive(Debug, Clone)]
pub struct Signer(SigningKey);

impl Signer {
    /// A signer with these 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The key with which others check what this one signs.
    pub fn public_key(&self) -> VerifyingKey {
        self.0.verifying_key()
    }

    /// The secret itself, for keys that are derived from it.
    pub(crate) fn secret(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The name under which the service attests: it changes with its key.
    pub fn coordinator_id(&self) -> String {
        coordinator_id(&self.public_key())
    }

    /// The signature of a message, in hexadecimal digits.
    pub fn sign(&self, message: &str) -> String {
        hex::encode(self.0.sign(message.as_bytes()).to_bytes())
    }

    /// Whether a signature is this signer's own, over this message.
    pub fn has_signed(&self, message: &str, signature: &str) -> bool {
        is_signed(&self.public_key(), message, signature)
    }
}

/// The name of the service that has this key.
pub fn coordinator_id(key: &VerifyingKey) -> String {
    let fingerprint = hash(key.as_bytes());
    format!("agent-service:{}", fingerprint.get(..16).unwrap_or_default())
}

/// A public key in hexadecimal digits, as the service shows it; nothing where it is none.
pub fn key_from_hex(digits: &str) -> Option<VerifyingKey> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits.trim(), &mut bytes).ok()?;
    VerifyingKey::from_bytes(&bytes).ok()
}

/// Whether a signature, in hexadecimal digits, is that of the key's owner over this message.
pub fn is_signed(key: &VerifyingKey, message: &str, signature: &str) -> bool {
    let bytes = hex::decode(signature).ok();
    let signature = bytes.and_then(|bytes| Signature::from_slice(&bytes).ok());
    signature.is_some_and(|signature| key.verify_strict(message.as_bytes(), &signature).is_ok())
}

/// SHA-256 of the canonical JSON, in hexadecimal digits.
pub fn hash_json(value: &Value) -> String {
    hash(canonical(value).as_bytes())
}

/// SHA-256, in hexadecimal digits.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_shown() {
        let key = Signer::new(&[7; 32]).public_key();
        let shown = hex::encode(key.as_bytes());
        assert_eq!(key_from_hex(&format!("{shown}\n")), Some(key));
        for wrong in ["", "zz", &shown[2..]] {
            assert_eq!(key_from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        let signer = Signer::new(&[7; 32]);
        let signature = signer.sign("a");
        assert!(signer.has_signed("a", &signature));
        assert!(!signer.has_signed("b", &signature));
        assert!(!Signer::new(&[8; 32]).has_signed("a", &signature));
        for wrong in ["", "zz", &signature[2..]] {
            assert!(!signer.has_signed("a", wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_order_of_keys_does_not_count_and_all_else_does(a in any::<i64>(), b in any::<i64>()) {
            let hashed = hash_json(&json!({"a": a, "b": b}));
            prop_assert_eq!(&hashed, &hash_json(&json!({"b": b, "a": a})));
            prop_assert_eq!(a == b, hashed == hash_json(&json!({"a": b, "b": a})));
        }
    }
}
