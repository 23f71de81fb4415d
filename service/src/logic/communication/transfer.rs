//! What an agent takes along: a bounded, signed document of its rows, and what of one may be put back.
//!
//! Rows are written cell by cell, so that every type comes back as it was. The service signs the document, and takes back only
//! what it has signed: nobody can import a message that was never sent. Contents stay as they are kept, encrypted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::logic::Denied;
use crate::logic::signing::Signer;
use crate::python::json::canonical;
use crate::python::time::Stamp;
use crate::tables::own::communication::{
    Channel, Content, Correspondent, Member, Message, Relation, Tally, Template,
};
use crate::tables::{Cell, Record};

/// The form of the document.
const FORMAT: &str = "agent-service-communication/1";

/// Bytes of contents in one document, so that it can be sent back whole.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Channels in one document: those that were used last.
pub const MOST_CHANNELS: i64 = 500;

const SIGNATURE: &str = "signature";

/// The rows of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    /// Whose it is.
    pub agent: Correspondent,
    /// What it thinks of others.
    pub relations: Vec<Relation>,
    /// Where it meets others, with all who do.
    pub channels: Vec<(Channel, Vec<Member>)>,
    /// Its owner's templates.
    pub templates: Vec<Template>,
    /// What is counted of it.
    pub tally: Option<Tally>,
    /// Its messages, newest first, with their contents.
    pub messages: Vec<(Message, Content)>,
}

impl Archive {
    /// Leaves out the oldest messages that the document has no room for, and says how many are left.
    pub fn cut(&mut self) -> usize {
        let mut bytes = 0;
        let fits = self.messages.iter().take_while(|(_, content)| {
            bytes += content.bytes.0.len();
            bytes <= MOST_BYTES
        });
        let fits = fits.count();
        self.messages.truncate(fits);
        fits
    }

    /// The signed document. `next_offset` is where the next one begins, if there is more.
    pub fn document(&self, next_offset: Option<i64>, signer: &Signer, now: Stamp) -> Value {
        let channels: Vec<Value> = self
            .channels
            .iter()
            .map(|(channel, members)| json!({"channel": row(channel), "members": rows(members)}))
            .collect();
        let messages: Vec<Value> = self
            .messages
            .iter()
            .map(|(message, content)| json!({"message": row(message), "content": row(content)}))
            .collect();
        let mut document = json!({
            "format": FORMAT,
            "agent_id": self.agent.agent_id,
            "exported_at": now.aware(),
            "next_offset": next_offset,
            "agent": row(&self.agent),
            "relations": rows(&self.relations),
            "channels": channels,
            "templates": rows(&self.templates),
            "statistics": self.tally.as_ref().map(row),
            "messages": messages,
        });
        let signature = signer.sign(&canonical(&document));
        if let Value::Object(fields) = &mut document {
            fields.insert(SIGNATURE.to_owned(), signature.into());
        }
        document
    }

    /// What stands in a document that this service has signed for this agent.
    pub fn read(
        mut sent: Map<String, Value>,
        agent_id: &str,
        signer: &Signer,
    ) -> Result<Self, Denied> {
        let signature = sent.remove(SIGNATURE);
        let signature = signature.as_ref().and_then(Value::as_str).unwrap_or_default();
        let document = Value::Object(sent);
        if !signer.has_signed(&canonical(&document), signature) {
            return Err(Denied::Refused(
                "The document was not exported by this service, or was altered",
            ));
        }
        let is_for =
            |name: &str, wanted: &str| document.get(name).and_then(Value::as_str) == Some(wanted);
        if !is_for("format", FORMAT) || !is_for("agent_id", agent_id) {
            return Err(Denied::Refused("The document is not of this agent"));
        }
        // It is ours, so that what cannot be read was written by another version.
        let archive = Self::parse(&document);
        archive.ok_or(Denied::Refused("The document has a form that this version does not know"))
    }

    fn parse(document: &Value) -> Option<Self> {
        let list = |name: &str| document.get(name)?.as_array();
        let channel = |entry: &Value| {
            let members = entry.get("members")?.as_array()?.iter().map(record);
            Some((record(entry.get("channel")?)?, members.collect::<Option<_>>()?))
        };
        let message =
            |entry: &Value| Some((record(entry.get("message")?)?, record(entry.get("content")?)?));
        let tally = document.get("statistics").filter(|tally| !tally.is_null());
        Some(Self {
            agent: record(document.get("agent")?)?,
            relations: list("relations")?.iter().map(record).collect::<Option<_>>()?,
            channels: list("channels")?.iter().map(channel).collect::<Option<_>>()?,
            templates: list("templates")?.iter().map(record).collect::<Option<_>>()?,
            tally: match tally {
                Some(tally) => Some(record(tally)?),
                None => None,
            },
            messages: list("messages")?.iter().map(message).collect::<Option<_>>()?,
        })
    }
}

fn rows<R: Record>(records: &[R]) -> Value {
    records.iter().map(row).collect()
}

/// A row with each cell as it is stored; bytes have an object of their own.
fn row<R: Record>(record: &R) -> Value {
    let columns = R::TABLE.columns.iter().map(|column| column.name.to_owned());
    let cells = record.cells().into_iter().map(|cell| match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => number.into(),
        Cell::Real(number) => number.into(),
        Cell::Text(text) => text.into(),
        Cell::Bytes(bytes) => json!({"base64": STANDARD.encode(bytes)}),
    });
    Value::Object(columns.zip(cells).collect())
}

fn record<R: Record>(row: &Value) -> Option<R> {
    let cell = |value: &Value| match value {
        Value::Null => Some(Cell::Null),
        Value::Number(number) => {
            number.as_i64().map(Cell::Integer).or_else(|| number.as_f64().map(Cell::Real))
        }
        Value::String(text) => Some(Cell::Text(text.clone())),
        Value::Object(bytes) => {
            STANDARD.decode(bytes.get("base64")?.as_str()?).ok().map(Cell::Bytes)
        }
        Value::Bool(_) | Value::Array(_) => None,
    };
    let cells = R::TABLE.columns.iter().map(|column| cell(row.get(column.name)?));
    R::from_cells(cells.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::correspondents::{self, relation};
    use super::super::messages::tests::{at, message};
    use super::super::{channels, statistics, templates};
    use super::*;
    use crate::tables::cell::Bytes;
    use crate::tables::own::communication::RelationKind;

    fn content(bytes: Vec<u8>) -> Content {
        let message_id = "m1".to_owned();
        let nonce = Some("00".repeat(12));
        Content { message_id, bytes: Bytes(bytes), nonce, ephemeral_public_key: None, key_id: None }
    }

    fn archive() -> Archive {
        let now = at("2026-11-22 12:00:00.5");
        let agent = correspondents::authorized(None, "alice-1".into(), "alice".into(), None, now);
        let channel = channels::direct("alice-1", "bob-1");
        let mut tally = statistics::fresh("alice-1", now);
        tally.response_seconds = 1.0.into();
        Archive {
            agent: agent.unwrap(),
            relations: vec![relation("alice-1", "bob-1", RelationKind::Blocked, now).unwrap()],
            channels: vec![channel.into_rows("c1".to_owned(), &["bob-1".to_owned()], now)],
            templates: templates::defaults(now),
            tally: Some(tally),
            messages: vec![(message(), content(vec![0, 255, 10]))],
        }
    }

    fn document() -> Map<String, Value> {
        let document = archive().document(Some(7), &Signer::new(&[7; 32]), at("2026-11-22"));
        // As it comes back from a client.
        serde_json::from_str(&document.to_string()).unwrap()
    }

    #[test]
    fn everything_comes_back_as_it_was() {
        let read = Archive::read(document(), "alice-1", &Signer::new(&[7; 32]));
        assert_eq!(read.unwrap(), archive());
    }

    #[test]
    fn what_was_altered_or_is_somebody_elses_does_not() {
        let signer = Signer::new(&[7; 32]);
        assert!(Archive::read(document(), "bob-1", &signer).is_err());
        assert!(Archive::read(document(), "alice-1", &Signer::new(&[8; 32])).is_err());
        let mut unsigned = document();
        unsigned.remove("signature");
        assert!(Archive::read(unsigned, "alice-1", &signer).is_err());
        for (name, value) in
            [("agent_id", json!("alice-2")), ("messages", json!([])), ("more", json!(1))]
        {
            let mut altered = document();
            altered.insert(name.to_owned(), value);
            assert!(Archive::read(altered, "alice-1", &signer).is_err(), "{name}");
        }
    }

    #[test]
    fn a_document_ends_before_it_is_too_large() {
        let mut archive = archive();
        let large = (message(), content(vec![1; 1024 * 1024]));
        archive.messages = vec![large; 10];
        assert_eq!((archive.cut(), archive.messages.len()), (4, 4));
        let text = archive.document(None, &Signer::new(&[7; 32]), at("2026-11-22")).to_string();
        assert!(text.len() < 10 * 1024 * 1024);
    }
}
