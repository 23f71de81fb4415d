//! Contents come back only whole, only to whom they were for, and only under the key they were sealed with.

use proptest::prelude::*;

use super::*;
use crate::logic::communication::messages::tests::message;
use crate::tables::own::communication::MessageType;

fn key() -> ContentKey {
    ContentKey::derive(&[7; 32]).unwrap()
}

fn sealed(plain: &[u8], message: &Message, public_key: Option<&str>) -> Content {
    let entropy = Entropy::new().unwrap();
    key().seal(plain, address(message), message.encryption_type, public_key, &entropy).unwrap()
}

/// What a recipient does, from the documented parts alone.
fn opened_by_recipient(sealed: &Value, private: &StaticSecret) -> Vec<u8> {
    let part = |name: &str| hex::decode(sealed[name].as_str().unwrap()).unwrap();
    let ephemeral: [u8; 32] = part("ephemeral_public_key").try_into().unwrap();
    let shared = private.diffie_hellman(&PublicKey::from(ephemeral));
    let salt = [ephemeral, *PublicKey::from(private).as_bytes()].concat();
    let mut key = [0; 32];
    let info = b"agent-service/communication/1/hybrid";
    Hkdf::<Sha256>::new(Some(&salt), shared.as_bytes()).expand(info, &mut key).unwrap();
    let nonce: [u8; 12] = part("nonce").try_into().unwrap();
    let (msg, aad) = (part("ciphertext"), sealed["associated_data"].as_str().unwrap().as_bytes());
    let cipher = Aes256Gcm::new_from_slice(&key).unwrap();
    cipher.decrypt(&Nonce::from(nonce), Payload { msg: &msg, aad }).unwrap()
}

#[test]
fn what_is_bound_to_a_message_is_one_text() {
    insta::assert_snapshot!(
        address(&message()).associated_data(),
        @r#"{"id":"m1","message_type":"text","recipient":"bob-1","sender":"alice-1"}"#
    );
}

#[test]
fn nothing_of_a_content_shows_and_no_two_are_alike() {
    let message = message();
    let (first, second) =
        (sealed(b"secret words", &message, None), sealed(b"secret words", &message, None));
    assert_ne!(first.bytes, second.bytes);
    assert_eq!(first.bytes.0.len(), 12 + 16);
    assert!(!first.bytes.0.windows(6).any(|part| part == b"secret"));
    assert_eq!(key().open(&first, &message).unwrap(), b"secret words");
}

#[test]
fn whose_is_changed_does_not_open() {
    let message = message();
    let content = sealed(b"words", &message, None);
    for changed in [
        Message { id: "m2".to_owned(), ..message.clone() },
        Message { sender: "mallory-1".to_owned(), ..message.clone() },
        Message { recipient: "mallory-1".to_owned(), ..message.clone() },
        Message { message_type: MessageType::Urgent, ..message.clone() },
    ] {
        assert_eq!(key().open(&content, &changed), Err(EnvelopeError::Altered), "{changed:?}");
    }
    let other = ContentKey::derive(&[8; 32]).unwrap();
    assert_eq!(other.open(&content, &message), Err(EnvelopeError::OtherKey));
    let no_nonce = Content { nonce: None, ..content };
    assert_eq!(key().open(&no_nonce, &message), Err(EnvelopeError::Altered));
}

#[test]
fn a_hybrid_content_is_for_the_recipient_alone() {
    let message = Message { encryption_type: EncryptionType::Hybrid, ..message() };
    let private = StaticSecret::from([5; 32]);
    let public = hex::encode(PublicKey::from(&private).as_bytes());
    let content = sealed("für dich".as_bytes(), &message, Some(&public));
    assert_eq!(key().open(&content, &message), Err(EnvelopeError::ForRecipient));
    assert_eq!(content.key_id, None);
    let shown = for_recipient(&content, &message);
    assert_eq!(opened_by_recipient(&shown, &private), "für dich".as_bytes());
}

#[test]
fn keys_that_give_everybody_the_same_secret_are_not_usable() {
    assert!(is_usable(&hex::encode(PublicKey::from(&StaticSecret::from([5; 32])).as_bytes())));
    for key in ["00".repeat(32), format!("01{}", "00".repeat(31)), "no key".to_owned()] {
        assert!(!is_usable(&key), "{key}");
    }
}

#[test]
fn a_key_does_not_show() {
    let shown = format!("{:?}", key());
    assert!(shown.contains(&key().id) && !shown.contains('['), "{shown}");
}

proptest! {
    #[test]
    fn any_content_comes_back_and_any_changed_bit_is_seen(
        plain in proptest::collection::vec(any::<u8>(), 0..200), place in any::<prop::sample::Index>(), bit in 0_u8..8
    ) {
        let message = message();
        let content = sealed(&plain, &message, None);
        prop_assert_eq!(key().open(&content, &message).unwrap(), plain);
        let mut altered = content;
        let place = place.index(altered.bytes.0.len());
        altered.bytes.0[place] ^= 1 << bit;
        prop_assert_eq!(key().open(&altered, &message), Err(EnvelopeError::Altered));
    }
}
