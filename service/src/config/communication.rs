//! The settings of messages between agents and of what tells agents about them.

use std::time::Duration;

use super::source::{Problem, Source};
use super::{Secret, count, whole};
use crate::reputation::Reputation;

/// How agents write to each other.
#[derive(Debug, Clone)]
pub struct CommunicationSettings {
    /// The key from which the one for contents of messages follows; none: it follows from the one that signs receipts.
    pub key: Option<Secret>,
    /// Who knows reputations.
    pub reputation: Reputation,
    /// Event streams open at once.
    pub event_streams: usize,
    /// How long an event stream lasts until its client comes back.
    pub event_stream_lifetime: Duration,
}

/// Reads and checks the settings.
pub(super) fn read(source: &Source, problems: &mut Vec<Problem>) -> Option<CommunicationSettings> {
    let seconds = |text: &str| whole(text, 1, 86_400).map(Duration::from_secs);
    let key = key(source, problems);
    let reputation = source.parse("REPUTATION_SOURCE", "trust-scores", Reputation::parse, problems);
    let event_streams = source.parse("EVENT_STREAMS_MAX", "256", count, problems);
    let event_stream_lifetime = source.parse("EVENT_STREAM_SECONDS", "300", seconds, problems);
    Some(CommunicationSettings {
        key,
        reputation: reputation?,
        event_streams: event_streams?,
        event_stream_lifetime: event_stream_lifetime?,
    })
}

fn key(source: &Source, problems: &mut Vec<Problem>) -> Option<Secret> {
    const NAME: &str = "COMMUNICATION_KEY_HEX";
    let hex = source.get(NAME)?;
    let is_whole = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_whole {
        problems.push(source.secret_problem(NAME, "is no key; give 64 hexadecimal digits"));
    }
    is_whole.then(|| Secret::new(hex))
}
