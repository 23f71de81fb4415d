//! What agents are told as it happens, and its form on the wire (server-sent events).

use serde_json::{Value, json};

use crate::python::json::sent;
use crate::python::time::Stamp;
use crate::tables::cell::Json;
use crate::tables::column::ColumnValue as _;
use crate::tables::own::communication::{Event, Message, MessageStatus};

/// What a stream says when there is nothing to say, so that nobody takes it for dead.
pub const KEEP_ALIVE: &str = ": keep-alive\n\n";

/// Seconds for which events are kept: as long as what they are about.
pub const KEPT_SECONDS: i64 = 172_800;

/// Something that an agent is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Who.
    pub agent_id: String,
    /// What happened.
    pub event: &'static str,
    /// To what. Contents are never part of it.
    pub data: Value,
}

impl NewEvent {
    /// Tells the recipient that a message is there.
    pub fn delivered(message: &Message) -> Self {
        Self::about(message, &message.recipient, "message.delivered", message.delivery_timestamp)
    }

    /// Tells the sender that it was read.
    pub fn read(message: &Message) -> Self {
        Self::about(message, &message.sender, "message.read", message.read_timestamp)
    }

    /// Tells the sender that it was given up.
    pub fn lost(message: &Message) -> Self {
        let event = match message.status {
            MessageStatus::Expired => "message.expired",
            _ => "message.failed",
        };
        Self::about(message, &message.sender, event, None)
    }

    fn about(message: &Message, agent: &str, event: &'static str, at: Option<Stamp>) -> Self {
        let data = json!({
            "message_id": message.id,
            "sender": message.sender,
            "recipient": message.recipient,
            "message_type": message.message_type.word(),
            "channel_id": message.channel_id,
            "thread_id": message.thread_id,
            "status": message.status.word(),
            "problem": message.problem,
            "at": at.to_json(),
        });
        Self { agent_id: agent.to_owned(), event, data }
    }

    /// Its row, after the one with the sequence `last`.
    pub fn into_row(self, last: i64, now: Stamp) -> Event {
        Event {
            sequence: last.saturating_add(1).into(),
            agent_id: self.agent_id,
            event: self.event.to_owned(),
            data: Json(self.data),
            created_at: now,
        }
    }
}

/// The sequence of an event: its id on the wire.
pub fn sequence(event: &Event) -> i64 {
    event.sequence.get().unwrap_or(0)
}

/// Events in the form of `text/event-stream`. JSON on one line has no line end that would have to be told apart.
pub fn frames(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        let id = sequence(event).to_string();
        let data = sent(&event.data.0);
        for part in ["id: ", &id, "\nevent: ", &event.event, "\ndata: ", &data, "\n\n"] {
            text.push_str(part);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::messages::tests::{at, message};
    use super::*;

    #[test]
    fn an_event_is_one_frame_with_its_id() {
        let delivery_timestamp = Some(at("2026-11-22 12:00:01"));
        let thread_id = Some("two\nlines".to_owned());
        let status = MessageStatus::Delivered;
        let message = Message { status, thread_id, delivery_timestamp, ..message() };
        let event = NewEvent::delivered(&message).into_row(41, at("2026-11-22 12:00:01"));
        insta::assert_snapshot!(frames(&[event]), @r#"
        id: 42
        event: message.delivered
        data: {"message_id":"m1","sender":"alice-1","recipient":"bob-1","message_type":"text","channel_id":"c1","thread_id":"two\nlines","status":"delivered","problem":null,"at":"2026-11-22T12:00:01"}
        "#);
    }

    #[test]
    fn senders_hear_of_reading_and_of_loss() {
        let expired = Message { status: MessageStatus::Expired, ..message() };
        let failed = Message { status: MessageStatus::Failed, ..message() };
        let told = [NewEvent::read(&message()), NewEvent::lost(&expired), NewEvent::lost(&failed)];
        assert!(told.iter().all(|event| event.agent_id == "alice-1"));
        let names = told.map(|event| event.event);
        assert_eq!(names, ["message.read", "message.expired", "message.failed"]);
    }
}
