//! What becomes of a message that waits: delivered, tried again later, or given up.

use super::events::NewEvent;
use crate::python::time::Stamp;
use crate::tables::own::communication::{Message, MessageStatus};

/// Attempts after which a message has failed.
pub const MOST_ATTEMPTS: i64 = 10;

/// Messages that an agent may have unread; more wait.
pub const MOST_UNREAD: i64 = 10_000;

/// Seconds between the first two attempts; each further pause is twice as long, up to the longest.
const FIRST_PAUSE: i64 = 2;
const LONGEST_PAUSE: i64 = 3600;

/// Seconds for which a sender can see that a message was given up.
const KEPT_SECONDS: i64 = 86_400;

/// How things stand with the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inbox {
    /// Whether the recipient takes part.
    pub is_authorized: bool,
    /// Whether one of the two has blocked the other since it was sent.
    pub is_blocked: bool,
    /// Whether fewer messages than the most are unread.
    pub has_room: bool,
}

/// A message after an attempt, and what is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The row as it is now.
    pub message: Message,
    /// Who is told what.
    pub events: Vec<NewEvent>,
}

/// One attempt to deliver a message that waits.
pub fn attempt(message: Message, inbox: Inbox, now: Stamp) -> Attempt {
    if now.seconds_since(&message.expires_at) >= 0.0 {
        return lost(message, MessageStatus::Expired, "it was not delivered in time", now);
    }
    let attempts = message.attempts.get().unwrap_or(0) + 1;
    let message = Message { attempts: attempts.into(), ..message };
    if inbox.is_blocked {
        return lost(
            message,
            MessageStatus::Failed,
            "one of the agents has blocked the other",
            now,
        );
    }
    let obstacle = match inbox {
        Inbox { is_authorized: false, .. } => "the recipient is not authorised",
        Inbox { has_room: false, .. } => "the recipient has too many unread messages",
        _ => return delivered(message, now),
    };
    if attempts >= MOST_ATTEMPTS {
        return lost(message, MessageStatus::Failed, obstacle, now);
    }
    let next = now.plus_seconds(pause(attempts));
    let due_at =
        if next.seconds_since(&message.expires_at) > 0.0 { message.expires_at } else { next };
    let problem = Some(obstacle.to_owned());
    Attempt { message: Message { due_at: Some(due_at), problem, ..message }, events: Vec::new() }
}

/// Seconds after which a message is tried again that was tried so often.
pub fn pause(attempts: i64) -> i64 {
    let doublings = u32::try_from((attempts - 1).clamp(0, 20)).unwrap_or(0);
    (FIRST_PAUSE << doublings).min(LONGEST_PAUSE)
}

fn delivered(message: Message, now: Stamp) -> Attempt {
    let message = Message {
        status: MessageStatus::Delivered,
        delivery_timestamp: Some(now),
        // Whoever was authorised again meanwhile has had its lists cleared.
        recipient_list: Some(message.recipient.clone()),
        unread_by: Some(message.recipient.clone()),
        due_at: None,
        problem: None,
        ..message
    };
    let events = vec![NewEvent::delivered(&message)];
    Attempt { message, events }
}

fn lost(message: Message, status: MessageStatus, why: &str, now: Stamp) -> Attempt {
    let message = Message {
        status,
        due_at: None,
        problem: Some(why.to_owned()),
        kept_until: now.plus_seconds(KEPT_SECONDS),
        ..message
    };
    let events = vec![NewEvent::lost(&message)];
    Attempt { message, events }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::messages::tests::{at, message};
    use super::*;

    const OPEN: Inbox = Inbox { is_authorized: true, is_blocked: false, has_room: true };

    #[test]
    fn what_can_be_delivered_is() {
        let now = at("2026-11-22 12:00:01");
        let Attempt { message, events } = attempt(message(), OPEN, now);
        assert_eq!((message.status, message.due_at), (MessageStatus::Delivered, None));
        assert_eq!(message.unread_by.as_deref(), Some("bob-1"));
        assert_eq!((events.len(), events[0].agent_id.as_str()), (1, "bob-1"));
    }

    #[test]
    fn an_obstacle_is_waited_for_and_a_block_is_final() {
        let now = at("2026-11-22 12:00:01");
        for inbox in [Inbox { is_authorized: false, ..OPEN }, Inbox { has_room: false, ..OPEN }] {
            let Attempt { message, events } = attempt(message(), inbox, now);
            assert_eq!((message.status, message.attempts.get()), (MessageStatus::Pending, Some(1)));
            assert_eq!((message.due_at, events.len()), (Some(now.plus_seconds(2)), 0));
            assert!(message.problem.is_some());
        }
        let Attempt { message, events } =
            attempt(message(), Inbox { is_blocked: true, ..OPEN }, now);
        assert_eq!((message.status, message.due_at), (MessageStatus::Failed, None));
        assert_eq!(events[0].agent_id, "alice-1");
    }

    #[test]
    fn who_waits_in_vain_is_told_once() {
        let away = Inbox { is_authorized: false, ..OPEN };
        let (mut message, mut now, mut told) = (message(), at("2026-11-22 12:00:00"), 0);
        while let Some(due) = message.due_at {
            now = now.plus_seconds(1).max_of(due);
            let after = attempt(message, away, now);
            (message, told) = (after.message, told + after.events.len());
        }
        assert_eq!((message.status, message.attempts.get()), (MessageStatus::Failed, Some(10)));
        assert_eq!(told, 1);
    }

    #[test]
    fn time_runs_out() {
        let Attempt { message, events } = attempt(message(), OPEN, at("2026-11-23 12:00:00"));
        assert_eq!(message.status, MessageStatus::Expired);
        assert_eq!(message.kept_until, at("2026-11-24 12:00:00"));
        assert_eq!((events[0].agent_id.as_str(), events[0].event), ("alice-1", "message.expired"));
    }

    trait Later {
        fn max_of(self, other: Self) -> Self;
    }

    impl Later for Stamp {
        fn max_of(self, other: Self) -> Self {
            if self.seconds_since(&other) >= 0.0 { self } else { other }
        }
    }

    proptest! {
        #[test]
        fn pauses_grow_and_end(attempts in 1_i64..1000) {
            prop_assert!((FIRST_PAUSE..=LONGEST_PAUSE).contains(&pause(attempts)));
            prop_assert!(pause(attempts + 1) >= pause(attempts));
        }

        #[test]
        fn nothing_waits_past_its_end(
            seconds in 0_i64..200_000, attempts in 0_i64..20, is_authorized in any::<bool>(),
            is_blocked in any::<bool>(), has_room in any::<bool>()
        ) {
            let waiting = Message { attempts: attempts.into(), ..message() };
            let now = waiting.timestamp.plus_seconds(seconds);
            let inbox = Inbox { is_authorized, is_blocked, has_room };
            let Attempt { message, events } = attempt(waiting, inbox, now);
            let waits = message.status == MessageStatus::Pending;
            prop_assert_eq!(message.due_at.is_some(), waits);
            prop_assert_eq!(events.is_empty(), waits);
            if let Some(due) = message.due_at {
                prop_assert!(message.expires_at.seconds_since(&due) >= 0.0);
            }
        }
    }
}
