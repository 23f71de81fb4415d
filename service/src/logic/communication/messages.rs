//! Messages: what a new one is, who may see and pay one, and how answers show them.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::envelope::{self, ContentKey, Entropy, EnvelopeError};
use super::price::price;
use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::Record as _;
use crate::tables::cell::Json;
use crate::tables::money::Money;
use crate::tables::own::communication::{
    Content, EncryptionType, Message, MessageStatus, MessageType,
};

/// Seconds until a message that was not delivered is given up, and until one that was is removed: the contract's 24 hours.
pub const TIMEOUT_SECONDS: i64 = 86_400;

/// Messages of one sender that may be kept at once.
pub const MOST_SENT: i64 = 10_000;

/// What answers show of a message.
pub const SHOWN: &[&str] = &[
    "id",
    "sender",
    "recipient",
    "message_type",
    "encryption_type",
    "size",
    "price",
    "paid",
    "paid_by",
    "status",
    "metadata",
    "reply_to",
    "thread_id",
    "channel_id",
    "timestamp",
    "delivery_timestamp",
    "read_timestamp",
    "expires_at",
    "attempts",
    "problem",
];

/// What a client says of a message, whoever gets it.
#[derive(Debug, Clone, Deserialize)]
pub struct Letter {
    /// What it is about.
    pub message_type: MessageType,
    /// The words.
    pub content: String,
    /// How they are kept; none: as where it is sent has it.
    pub encryption_type: Option<EncryptionType>,
    /// Whatever the sender wants to add.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// The message that it answers.
    pub reply_to: Option<String>,
    /// The conversation that it belongs to.
    pub thread_id: Option<String>,
}

/// A letter on its way.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Who writes.
    pub sender: String,
    /// Who is to read it.
    pub recipient: String,
    /// The channel that it goes through.
    pub channel_id: String,
    /// How its content is kept.
    pub encryption: EncryptionType,
    /// What is written.
    pub letter: Letter,
}

impl Draft {
    /// The rows of a message that waits to be delivered.
    pub fn into_rows(
        self,
        id: String,
        public_key: Option<&str>,
        key: &ContentKey,
        entropy: &Entropy,
        now: Stamp,
    ) -> Result<(Message, Content), EnvelopeError> {
        let Self { sender, recipient, channel_id, encryption, letter } = self;
        let plain = letter.content.as_bytes();
        let expires_at = now.plus_seconds(TIMEOUT_SECONDS);
        let message = Message {
            id,
            sender_list: Some(sender.clone()),
            recipient_list: Some(recipient.clone()),
            unread_by: None,
            sender,
            recipient,
            message_type: letter.message_type,
            encryption_type: encryption,
            size: i64::try_from(plain.len()).unwrap_or(i64::MAX).into(),
            price: price(plain.len(), letter.message_type),
            paid: false,
            paid_by: None,
            status: MessageStatus::Pending,
            metadata: Json(Value::Object(letter.metadata)),
            reply_to: letter.reply_to,
            thread_id: letter.thread_id,
            channel_id: Some(channel_id),
            timestamp: now,
            delivery_timestamp: None,
            read_timestamp: None,
            answered_at: None,
            expires_at,
            due_at: Some(now),
            attempts: 0.into(),
            problem: None,
            kept_until: expires_at,
        };
        let address = envelope::address(&message);
        let content = key.seal(plain, address, encryption, public_key, entropy)?;
        Ok((message, content))
    }
}

/// Seconds from the delivery of a message to its first answer, if `reply` is that.
pub fn response_seconds(answered: &Message, replier: &str, now: Stamp) -> Option<f64> {
    let is_first = answered.recipient == replier && answered.answered_at.is_none();
    let delivered = answered.delivery_timestamp.filter(|_| is_first)?;
    Some(now.seconds_since(&delivered).max(0.0))
}

/// A message that its recipient has now read.
pub fn read(message: Message, now: Stamp) -> Result<Message, Denied> {
    match message.status {
        MessageStatus::Delivered => {
            let read_timestamp = Some(now);
            Ok(Message { status: MessageStatus::Read, read_timestamp, unread_by: None, ..message })
        }
        MessageStatus::Read => Err(Denied::Conflict("Message already read")),
        MessageStatus::Pending | MessageStatus::Failed | MessageStatus::Expired => {
            Err(Denied::Conflict("Message not delivered"))
        }
    }
}

/// A message that one of its two agents has paid.
pub fn paid(message: Message, payer: &str, amount: Money) -> Result<Message, Denied> {
    if payer != message.sender && payer != message.recipient {
        return Err(Denied::Forbidden);
    }
    if message.paid {
        return Err(Denied::Conflict("Message is paid already"));
    }
    if amount < message.price {
        return Err(Denied::Refused("Insufficient payment"));
    }
    Ok(Message { paid: true, paid_by: Some(payer.to_owned()), ..message })
}

/// A message as answers show it, without its content.
pub fn shown(message: &Message) -> Value {
    Value::Object(message.shown(SHOWN))
}

/// A message with what its recipient reads: the words, or what they open with their private key.
pub fn shown_to_recipient(
    message: &Message,
    content: &Content,
    key: &ContentKey,
) -> Result<Value, EnvelopeError> {
    let mut shown = message.shown(SHOWN);
    let (words, sealed) = match key.open(content, message) {
        Ok(bytes) => (
            Value::String(String::from_utf8(bytes).map_err(|_why| EnvelopeError::Altered)?),
            Value::Null,
        ),
        Err(EnvelopeError::ForRecipient) => {
            (Value::Null, envelope::for_recipient(content, message))
        }
        Err(error) => return Err(error),
    };
    shown.insert("content".to_owned(), words);
    shown.insert("sealed".to_owned(), sealed);
    Ok(Value::Object(shown))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn at(text: &str) -> Stamp {
        Stamp::parse(text).unwrap()
    }

    /// A text of alice's agent for bob's that was sent at noon.
    pub(crate) fn message() -> Message {
        let letter = json!({"message_type": "text", "content": "hello", "metadata": {"a": 1}});
        let draft = Draft {
            sender: "alice-1".to_owned(),
            recipient: "bob-1".to_owned(),
            channel_id: "c1".to_owned(),
            encryption: EncryptionType::Aes256,
            letter: serde_json::from_value(letter).unwrap(),
        };
        let key = ContentKey::derive(&[7; 32]).unwrap();
        let entropy = Entropy::new().unwrap();
        let noon = at("2026-11-22 12:00:00");
        draft.into_rows("m1".to_owned(), None, &key, &entropy, noon).unwrap().0
    }

    fn delivered() -> Message {
        let delivery_timestamp = Some(at("2026-11-22 12:00:05"));
        Message { status: MessageStatus::Delivered, delivery_timestamp, ..message() }
    }

    #[test]
    fn a_new_message_waits_and_costs() {
        let message = message();
        assert_eq!(message.price.to_string(), "0.001");
        assert_eq!(message.expires_at, at("2026-11-23 12:00:00"));
        assert_eq!((message.due_at, message.unread_by), (Some(message.timestamp), None));
    }

    #[test]
    fn what_was_delivered_is_read_once() {
        let now = at("2026-11-22 13:00:00");
        assert!(matches!(read(message(), now), Err(Denied::Conflict("Message not delivered"))));
        let read_once = read(delivered(), now).unwrap();
        assert_eq!((read_once.status, read_once.read_timestamp), (MessageStatus::Read, Some(now)));
        assert!(matches!(read(read_once, now), Err(Denied::Conflict("Message already read"))));
    }

    #[test]
    fn who_pays_pays_enough_and_once() {
        let enough = Money::of(0.001);
        let little = Money::of(0.000_999);
        assert_eq!(paid(message(), "mallory-1", enough), Err(Denied::Forbidden));
        assert_eq!(paid(message(), "bob-1", little), Err(Denied::Refused("Insufficient payment")));
        let once = paid(message(), "bob-1", enough).unwrap();
        assert_eq!(once.paid_by.as_deref(), Some("bob-1"));
        assert!(matches!(paid(once, "alice-1", enough), Err(Denied::Conflict(_))));
    }

    #[test]
    fn only_the_first_answer_of_the_recipient_counts() {
        let now = at("2026-11-22 12:00:07.5");
        assert_eq!(response_seconds(&delivered(), "bob-1", now), Some(2.5));
        assert_eq!(response_seconds(&delivered(), "alice-1", now), None);
        assert_eq!(response_seconds(&message(), "bob-1", now), None);
        let answered = Message { answered_at: Some(now), ..delivered() };
        assert_eq!(response_seconds(&answered, "bob-1", now), None);
    }
}
