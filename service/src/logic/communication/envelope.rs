//! How contents are kept: encrypted and bound to who wrote to whom, so that what was altered is never shown.
//!
//! `aes256` is AES-256-GCM with a key for each message, made from the service's own. `hybrid` is X25519 with a key pair for
//! each message, HKDF-SHA256 and AES-256-GCM: only the recipient's private key, which the service never has, opens it.

use std::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use serde_json::{Value, json};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::python::json::canonical;
use crate::tables::cell::Bytes;
use crate::tables::own::communication::{Content, EncryptionType, Message};

const MASTER_INFO: &[u8] = b"agent-service/communication/1";
const KEY_ID_INFO: &[u8] = b"agent-service/communication/1/key-id";
const CONTENT_INFO: &[u8] = b"agent-service/communication/1/content";
const HYBRID_INFO: &[u8] = b"agent-service/communication/1/hybrid";

/// 2^255 - 19, the field that public keys are numbers of, the highest byte first.
const FIELD: [u8; 32] = {
    let mut field = [0xff; 32];
    field[0] = 0x7f;
    field[31] = 0xed;
    field
};

/// What `hybrid` is, for whoever opens it.
pub const HYBRID_ALGORITHM: &str = "X25519-HKDF-SHA256-AES-256-GCM";

type Key = Zeroizing<[u8; 32]>;

/// The key under which the service keeps contents that it shows later.
#[derive(Clone)]
pub struct ContentKey {
    secret: Key,
    id: String,
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Random bytes for one message, never used for another.
pub struct Entropy {
    nonce: [u8; 12],
    ephemeral: Key,
}

/// Who a content is from and for. It opens under the very same only.
#[derive(Debug, Clone, Copy)]
pub struct Address<'m> {
    /// The message.
    pub id: &'m str,
    /// Who wrote it.
    pub sender: &'m str,
    /// Who is to read it.
    pub recipient: &'m str,
    /// The word of its type.
    pub message_type: &'static str,
}

/// A content cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The recipient's key is no point that anything can be encrypted for.
    #[error("the public key of the recipient cannot be used")]
    PublicKey,
    /// It was sealed under another key of the service.
    #[error("the content was sealed with another key; set the one that the service had then")]
    OtherKey,
    /// It is not what was sealed.
    #[error("the content was altered, or is not this message's")]
    Altered,
    /// It was sealed for its recipient.
    #[error("the content is for the recipient's private key")]
    ForRecipient,
    /// Never happens with the sizes that are used here.
    #[error("the content could not be encrypted")]
    Cipher,
}

impl ContentKey {
    /// The key that follows from a secret of the service, whatever else that is used for.
    pub fn derive(secret: &[u8; 32]) -> Result<Self, EnvelopeError> {
        let id = expanded(None, secret, KEY_ID_INFO)?;
        let id = hex::encode(id.get(..8).unwrap_or_default());
        Ok(Self { secret: expanded(None, secret, MASTER_INFO)?, id })
    }

    fn of_message(&self, id: &str) -> Result<Key, EnvelopeError> {
        expanded(Some(id.as_bytes()), &self.secret, CONTENT_INFO)
    }

    /// Seals a content as it is to be kept. `public_key` is the recipient's, in hexadecimal digits.
    pub fn seal(
        &self,
        plain: &[u8],
        address: Address<'_>,
        encryption: EncryptionType,
        public_key: Option<&str>,
        entropy: &Entropy,
    ) -> Result<Content, EnvelopeError> {
        let content = Content {
            message_id: address.id.to_owned(),
            bytes: Bytes(plain.to_vec()),
            nonce: None,
            ephemeral_public_key: None,
            key_id: None,
        };
        let nonce = Some(hex::encode(entropy.nonce));
        match encryption {
            EncryptionType::None => Ok(content),
            EncryptionType::Aes256 => {
                let key = self.of_message(address.id)?;
                let bytes = Bytes(encrypted(&key, &entropy.nonce, plain, address)?);
                Ok(Content { bytes, nonce, key_id: Some(self.id.clone()), ..content })
            }
            EncryptionType::Hybrid => {
                let recipient = point(public_key.ok_or(EnvelopeError::PublicKey)?)?;
                let (key, ephemeral) = hybrid_key(&entropy.ephemeral, &recipient)?;
                let bytes = Bytes(encrypted(&key, &entropy.nonce, plain, address)?);
                let ephemeral_public_key = Some(hex::encode(ephemeral.as_bytes()));
                Ok(Content { bytes, nonce, ephemeral_public_key, ..content })
            }
            // Refused before anybody comes here.
            EncryptionType::Rsa => Err(EnvelopeError::Cipher),
        }
    }

    /// Opens a content that the service can read.
    pub fn open(&self, content: &Content, message: &Message) -> Result<Vec<u8>, EnvelopeError> {
        match message.encryption_type {
            EncryptionType::None => Ok(content.bytes.0.clone()),
            EncryptionType::Hybrid | EncryptionType::Rsa => Err(EnvelopeError::ForRecipient),
            EncryptionType::Aes256 => {
                if content.key_id.as_deref() != Some(self.id.as_str()) {
                    return Err(EnvelopeError::OtherKey);
                }
                let key = self.of_message(&message.id)?;
                decrypted(&key, content, address(message))
            }
        }
    }
}

impl Entropy {
    /// From the system's own.
    pub fn new() -> Result<Self, getrandom::Error> {
        let (mut nonce, mut ephemeral) = ([0; 12], Zeroizing::new([0; 32]));
        getrandom::fill(&mut nonce)?;
        getrandom::fill(&mut *ephemeral)?;
        Ok(Self { nonce, ephemeral })
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

/// Who a stored message is from and for.
pub fn address(message: &Message) -> Address<'_> {
    Address {
        id: &message.id,
        sender: &message.sender,
        recipient: &message.recipient,
        message_type: message.message_type.word(),
    }
}

impl Address<'_> {
    /// What is authenticated together with the content: canonical JSON, so that no two addresses give the same text.
    pub fn associated_data(&self) -> String {
        canonical(&json!({
            "id": self.id, "sender": self.sender, "recipient": self.recipient,
            "message_type": self.message_type,
        }))
    }
}

/// Whether anything can be encrypted for this public key: not for the few points whose shared secret everybody knows, and not
/// for a second way to write a point, as the recipient's own library writes another and salts with that.
pub fn is_usable(public_key: &str) -> bool {
    point(public_key).is_ok_and(|point| hybrid_key(&Zeroizing::new([7; 32]), &point).is_ok())
}

/// What a recipient needs, besides its private key, to open a `hybrid` content by itself.
pub fn for_recipient(content: &Content, message: &Message) -> Value {
    json!({
        "algorithm": HYBRID_ALGORITHM,
        "ephemeral_public_key": content.ephemeral_public_key,
        "nonce": content.nonce,
        "ciphertext": hex::encode(&content.bytes.0),
        "associated_data": address(message).associated_data(),
    })
}

fn point(public_key: &str) -> Result<PublicKey, EnvelopeError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(public_key, &mut bytes).map_err(|_why| EnvelopeError::PublicKey)?;
    let mut number = bytes;
    number.reverse();
    if number < FIELD { Ok(PublicKey::from(bytes)) } else { Err(EnvelopeError::PublicKey) }
}

/// The key of one `hybrid` message and the public half of the pair that was made for it.
fn hybrid_key(ephemeral: &Key, recipient: &PublicKey) -> Result<(Key, PublicKey), EnvelopeError> {
    let secret = StaticSecret::from(**ephemeral);
    let public = PublicKey::from(&secret);
    let shared = secret.diffie_hellman(recipient);
    if !shared.was_contributory() {
        return Err(EnvelopeError::PublicKey);
    }
    let salt = [*public.as_bytes(), *recipient.as_bytes()].concat();
    Ok((expanded(Some(&salt), shared.as_bytes(), HYBRID_INFO)?, public))
}

fn expanded(salt: Option<&[u8]>, secret: &[u8; 32], info: &[u8]) -> Result<Key, EnvelopeError> {
    let mut key = Zeroizing::new([0; 32]);
    let expanded = Hkdf::<Sha256>::new(salt, secret).expand(info, &mut *key);
    expanded.map_err(|_why| EnvelopeError::Cipher)?;
    Ok(key)
}

fn encrypted(
    key: &Key,
    nonce: &[u8; 12],
    plain: &[u8],
    address: Address<'_>,
) -> Result<Vec<u8>, EnvelopeError> {
    let data = address.associated_data();
    let cipher = Aes256Gcm::new_from_slice(&**key).map_err(|_why| EnvelopeError::Cipher)?;
    let payload = Payload { msg: plain, aad: data.as_bytes() };
    cipher.encrypt(&Nonce::from(*nonce), payload).map_err(|_why| EnvelopeError::Cipher)
}

fn decrypted(key: &Key, content: &Content, address: Address<'_>) -> Result<Vec<u8>, EnvelopeError> {
    let data = address.associated_data();
    let mut nonce = [0; 12];
    let stored = content.nonce.as_deref().unwrap_or_default();
    hex::decode_to_slice(stored, &mut nonce).map_err(|_why| EnvelopeError::Altered)?;
    let cipher = Aes256Gcm::new_from_slice(&**key).map_err(|_why| EnvelopeError::Cipher)?;
    let payload = Payload { msg: content.bytes.0.as_slice(), aad: data.as_bytes() };
    cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_why| EnvelopeError::Altered)
}

#[cfg(test)]
mod tests;
