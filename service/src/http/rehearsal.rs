//! Which requests are rehearsed, and how their answers say so.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Asks for a rehearsal, with the token [`ROLLBACK`] (RFC 7240).
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Says that it was one.
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

const ROLLBACK: &str = "tx=rollback";

/// What a proxy puts on a copy of somebody's request, with a secret that is its own.
const MIRRORED: HeaderName = HeaderName::from_static("x-strangler-mirror");

/// What a request is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// What it says.
    Real,
    /// Its answer only, as it asks itself.
    Rehearsal,
    /// Its answer only, because it is a copy of somebody's read: whatever that would write is rolled back.
    MirroredRead,
}

impl Purpose {
    /// What a request is run for. A mirrored write that asks for no rehearsal is real: it is for a service with a
    /// database of its own.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        if is_asked_for(headers) {
            Self::Rehearsal
        } else if method.is_safe() && headers.contains_key(MIRRORED) {
            Self::MirroredRead
        } else {
            Self::Real
        }
    }

    /// As it is told to others.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Rehearsal => "rehearsal",
            Self::MirroredRead => "mirrored",
        }
    }

    /// The same for a service whose database is a clone that nobody else writes: a mirrored read is real there.
    pub(super) fn on_clone(self) -> Self {
        if self == Self::MirroredRead { Self::Real } else { self }
    }

    /// Says in the answer that nothing lasts of its request, where that was asked for.
    pub(super) fn mark(self, response: &mut Response) {
        if self == Self::Rehearsal {
            response.headers_mut().insert(APPLIED, HeaderValue::from_static(ROLLBACK));
        }
    }
}

/// `Prefer: tx=rollback`, alone or among other preferences, with or without quotes.
fn is_asked_for(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all(PREFER).iter().map(HeaderValue::as_bytes);
    preferences.flat_map(|value| value.split(|byte| *byte == b',')).any(|preference| {
        // What follows are parameters of the preference.
        let said = preference.split(|byte| *byte == b';').next().unwrap_or_default();
        let said = said.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'"'));
        said.map(u8::to_ascii_lowercase).eq(ROLLBACK.bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(method: &Method, headers: &[(&'static str, &'static str)]) -> Purpose {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Purpose::of(method, &headers.collect())
    }

    #[test]
    fn a_rehearsal_is_asked_for_in_every_form_of_the_preference() {
        for value in [
            "tx=rollback",
            "TX=Rollback",
            "respond-async, tx=rollback",
            "wait=5,tx = \"rollback\"; why=x",
        ] {
            assert_eq!(purpose(&Method::POST, &[("prefer", value)]), Purpose::Rehearsal, "{value}");
        }
        for value in ["tx=commit", "tx", "rollback", "x-tx=rollback", "wait=5; tx=rollback", ""] {
            assert_eq!(purpose(&Method::POST, &[("prefer", value)]), Purpose::Real, "{value}");
        }
        let twice = [("prefer", "wait=1"), ("prefer", "tx=rollback")];
        let mut headers = HeaderMap::new();
        for (name, value) in twice {
            headers.append(name, HeaderValue::from_static(value));
        }
        assert_eq!(Purpose::of(&Method::DELETE, &headers), Purpose::Rehearsal);
    }

    #[test]
    fn a_mirrored_read_only_reads_and_a_mirrored_write_is_meant() {
        let mirrored = [("x-strangler-mirror", "0123")];
        assert_eq!(purpose(&Method::GET, &mirrored), Purpose::MirroredRead);
        assert_eq!(purpose(&Method::POST, &mirrored), Purpose::Real);
        assert_eq!(purpose(&Method::GET, &[]), Purpose::Real);
        let both = [("x-strangler-mirror", "0123"), ("prefer", "tx=rollback")];
        assert_eq!(purpose(&Method::POST, &both), Purpose::Rehearsal);
    }

    #[test]
    fn on_a_clone_only_what_asks_for_it_is_rehearsed() {
        let mirrored = [("x-strangler-mirror", "0123")];
        assert_eq!(purpose(&Method::GET, &mirrored).on_clone(), Purpose::Real);
        let both = [("x-strangler-mirror", "0123"), ("prefer", "tx=rollback")];
        assert_eq!(purpose(&Method::GET, &both).on_clone(), Purpose::Rehearsal);
    }
}
