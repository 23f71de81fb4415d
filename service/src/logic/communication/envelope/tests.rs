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

/// The example of `docs/sealed-messages.md`, by its names.
fn documented() -> Value {
    let document = include_str!("../../../../../docs/sealed-messages.md");
    let (_, example) = document.split_once("```json\n").unwrap();
    serde_json::from_str(example.split_once("```").unwrap().0).unwrap()
}

#[test]
fn the_documented_example_is_what_is_sealed() {
    let example = documented();
    let text = |name: &str| example[name].as_str().unwrap();
    let bytes = |name: &str| -> [u8; 32] { hex::decode(text(name)).unwrap().try_into().unwrap() };
    let private = StaticSecret::from(bytes("recipient_private_key"));
    assert_eq!(hex::encode(PublicKey::from(&private)), text("recipient_public_key"));
    let message = Message {
        id: text("id").to_owned(),
        sender: text("sender").to_owned(),
        recipient: text("recipient").to_owned(),
        encryption_type: EncryptionType::Hybrid,
        ..message()
    };
    let nonce = hex::decode(text("nonce")).unwrap().try_into().unwrap();
    let ephemeral = Zeroizing::new(bytes("ephemeral_private_key"));
    let point = point(text("recipient_public_key")).unwrap();
    let (derived, _) = hybrid_key(&ephemeral, &point).unwrap();
    assert_eq!(hex::encode(*derived), text("key"));
    let sealed = key().seal(
        text("content").as_bytes(),
        address(&message),
        EncryptionType::Hybrid,
        Some(text("recipient_public_key")),
        &Entropy { nonce, ephemeral },
    );
    let shown = for_recipient(&sealed.unwrap(), &message);
    for part in ["algorithm", "ephemeral_public_key", "nonce", "ciphertext", "associated_data"] {
        assert_eq!(shown[part], example[part], "{part}");
    }
    assert_eq!(opened_by_recipient(&shown, &private), text("content").as_bytes());
}

#[test]
fn keys_that_give_everybody_the_same_secret_are_not_usable() {
    assert!(is_usable(&hex::encode(PublicKey::from(&StaticSecret::from([5; 32])).as_bytes())));
    for key in ["00".repeat(32), format!("01{}", "00".repeat(31)), "no key".to_owned()] {
        assert!(!is_usable(&key), "{key}");
    }
}

#[test]
fn a_point_has_one_way_to_be_written() {
    let nine = format!("09{}", "00".repeat(31));
    // The same number with the bit that is passed over, and with the field's size added to it.
    let with_bit = format!("09{}80", "00".repeat(30));
    let and_field = format!("f6{}7f", "ff".repeat(30));
    let same = |one: &str| StaticSecret::from([5; 32]).diffie_hellman(&raw(one)).to_bytes();
    assert_eq!((same(&with_bit), same(&and_field)), (same(&nine), same(&nine)));
    assert_eq!(
        [&nine, &with_bit, &and_field].map(|key| is_usable(key)),
        [true, false, false],
        "the recipient would salt with the first"
    );
}

fn raw(public_key: &str) -> PublicKey {
    let bytes: [u8; 32] = hex::decode(public_key).unwrap().try_into().unwrap();
    PublicKey::from(bytes)
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
