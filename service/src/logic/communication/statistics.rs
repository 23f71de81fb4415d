//! What is counted of an agent, and the figures that follow from it.

use serde_json::{Value, json};

use crate::python::time::Stamp;
use crate::tables::column::ColumnValue as _;
use crate::tables::money::Money;
use crate::tables::own::communication::{Message, MessageStatus, Tally};

/// An agent of whom nothing has been counted yet.
pub fn fresh(agent_id: &str, now: Stamp) -> Tally {
    Tally {
        agent_id: agent_id.to_owned(),
        messages_sent: 0.into(),
        messages_received: 0.into(),
        sent_delivered: 0.into(),
        sent_lost: 0.into(),
        responses: 0.into(),
        response_seconds: 0.0.into(),
        total_earnings: Money::ZERO,
        last_activity: now,
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Count {
    /// The agent has sent a message, and it answered one so many seconds after that was delivered.
    Sent(Option<f64>),
    /// What it sent was delivered.
    Arrived,
    /// What it sent was given up.
    Lost,
    /// It got a message.
    Received,
    /// It has read a message.
    Read,
    /// It was paid.
    Earned(Money),
}

impl Count {
    /// What a message that is no longer waiting means for its sender.
    pub fn of_outcome(message: &Message) -> Self {
        if message.status == MessageStatus::Delivered { Self::Arrived } else { Self::Lost }
    }
}

/// With one more. Only what the agent does or gets is activity of its own.
pub fn counted(tally: Tally, count: Count, now: Stamp) -> Tally {
    let one_more = |figure: &crate::tables::Int| (figure.get().unwrap_or(0) + 1).into();
    match count {
        Count::Sent(response) => {
            let (mut responses, mut response_seconds) = (tally.responses, tally.response_seconds);
            if let Some(seconds) = response {
                responses = one_more(&responses);
                response_seconds = (response_seconds.get().unwrap_or(0.0) + seconds).into();
            }
            let messages_sent = one_more(&tally.messages_sent);
            Tally { messages_sent, responses, response_seconds, last_activity: now, ..tally }
        }
        Count::Arrived => Tally { sent_delivered: one_more(&tally.sent_delivered), ..tally },
        Count::Lost => Tally { sent_lost: one_more(&tally.sent_lost), ..tally },
        Count::Received => {
            let messages_received = one_more(&tally.messages_received);
            Tally { messages_received, last_activity: now, ..tally }
        }
        Count::Read => Tally { last_activity: now, ..tally },
        Count::Earned(amount) => Tally { total_earnings: tally.total_earnings + amount, ..tally },
    }
}

/// The larger of each figure, for figures of one agent from two times.
pub fn later(one: &Tally, other: &Tally) -> Tally {
    let most =
        |a: &crate::tables::Int, b: &crate::tables::Int| a.get().max(b.get()).unwrap_or(0).into();
    let has_answered_more = one.responses.get() >= other.responses.get();
    let answering = if has_answered_more { one } else { other };
    let is_newer = one.last_activity.seconds_since(&other.last_activity) >= 0.0;
    Tally {
        agent_id: one.agent_id.clone(),
        messages_sent: most(&one.messages_sent, &other.messages_sent),
        messages_received: most(&one.messages_received, &other.messages_received),
        sent_delivered: most(&one.sent_delivered, &other.sent_delivered),
        sent_lost: most(&one.sent_lost, &other.sent_lost),
        responses: answering.responses.clone(),
        response_seconds: answering.response_seconds.clone(),
        total_earnings: one.total_earnings.max(other.total_earnings),
        last_activity: if is_newer { one.last_activity } else { other.last_activity },
    }
}

/// The contract's figures, with the two that it names and never computes: the mean time from the delivery of a message to
/// the agent's answer, in seconds, and the share of what it sent and whose fate is known that was delivered. Each is null
/// while there is nothing to reckon it from.
pub fn shown(tally: &Tally, active_channels: i64) -> Value {
    let whole = |figure: &crate::tables::Int| figure.get().unwrap_or(0);
    let (sent, received) = (whole(&tally.messages_sent), whole(&tally.messages_received));
    let (delivered, lost) = (whole(&tally.sent_delivered), whole(&tally.sent_lost));
    json!({
        "agent_id": tally.agent_id,
        "total_messages": sent + received,
        "total_earnings": tally.total_earnings.to_json(),
        "messages_sent": sent,
        "messages_received": received,
        "active_channels": active_channels,
        "last_activity": tally.last_activity.to_json(),
        "average_response_time": share(tally.response_seconds.get().unwrap_or(0.0), whole(&tally.responses)),
        "delivery_rate": share(as_float(delivered), delivered + lost),
    })
}

fn share(sum: f64, count: i64) -> Option<f64> {
    (count > 0).then(|| sum / as_float(count))
}

#[expect(clippy::cast_precision_loss, reason = "nobody sends 2^53 messages")]
fn as_float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::messages::tests::at;
    use super::*;

    fn tally(counts: &[Count]) -> Tally {
        let start = fresh("a", at("2026-11-22 12:00:00"));
        let later = at("2026-11-22 12:30:00");
        counts.iter().fold(start, |tally, count| counted(tally, *count, later))
    }

    #[test]
    fn what_the_monolith_never_computed() {
        let nothing = shown(&tally(&[]), 0);
        assert_eq!(
            (&nothing["average_response_time"], &nothing["delivery_rate"]),
            (&Value::Null, &Value::Null)
        );
        let price = Money::of(0.001);
        let counts = [
            Count::Sent(Some(3.0)),
            Count::Sent(None),
            Count::Sent(Some(4.0)),
            Count::Arrived,
            Count::Arrived,
            Count::Arrived,
            Count::Lost,
            Count::Received,
            Count::Earned(price),
            Count::Earned(price),
            Count::Earned(price),
        ];
        insta::assert_json_snapshot!(shown(&tally(&counts), 2), @r#"
        {
          "agent_id": "a",
          "total_messages": 4,
          "total_earnings": 0.003,
          "messages_sent": 3,
          "messages_received": 1,
          "active_channels": 2,
          "last_activity": "2026-11-22T12:30:00",
          "average_response_time": 3.5,
          "delivery_rate": 0.75
        }
        "#);
    }

    #[test]
    fn what_others_do_is_no_activity() {
        let start = at("2026-11-22 12:00:00");
        for count in [Count::Arrived, Count::Lost, Count::Earned(Money::default())] {
            assert_eq!(tally(&[count]).last_activity, start, "{count:?}");
        }
    }

    proptest! {
        #[test]
        fn rates_are_shares_and_an_old_tally_changes_nothing(picks in proptest::collection::vec(0..5_usize, 0..40)) {
            let kinds = [Count::Sent(Some(1.5)), Count::Arrived, Count::Lost, Count::Received, Count::Read];
            let counts: Vec<Count> = picks.iter().map(|pick| kinds[*pick]).collect();
            let whole = tally(&counts);
            if let Some(rate) = shown(&whole, 0)["delivery_rate"].as_f64() {
                prop_assert!((0.0..=1.0).contains(&rate));
            }
            let before = tally(&counts[..counts.len() / 2]);
            prop_assert_eq!(&later(&whole, &before), &whole);
            prop_assert_eq!(&later(&before, &whole), &whole);
        }
    }
}
