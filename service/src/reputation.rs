//! How good an agent's name is: one interface, and what stands behind it as `REPUTATION_SOURCE` says.

use crate::store::{Store, StoreError};

/// The reputation of an agent whose trust score is one point higher is higher by this: trust goes to 100, reputation to 10,000.
const POINTS: f64 = 100.0;

/// Whom agents are asked about under in the trust scores.
const ENTITY: &str = "agent";

/// `REPUTATION_SOURCE`: who knows reputations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reputation {
    /// The trust scores of agents, times 100. Whoever has none has no reputation.
    TrustScores,
    /// Everybody has this.
    Fixed(i64),
    /// Nobody does, as in the monolith without its reputation service.
    Nobody,
}

impl Reputation {
    /// Understands the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "trust-scores" => Ok(Self::TrustScores),
            "none" => Ok(Self::Nobody),
            _ => text
                .strip_prefix("fixed:")
                .and_then(|points| points.parse().ok())
                .filter(|points| (0..=10_000).contains(points))
                .map(Self::Fixed)
                .ok_or_else(|| {
                    "is none of trust-scores, fixed:0 to fixed:10000, and none".to_owned()
                }),
        }
    }

    /// The reputation of an agent; none where nobody knows it.
    pub async fn of(self, store: &Store, agent: &str) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Nobody => Ok(None),
            Self::Fixed(points) => Ok(Some(points)),
            Self::TrustScores => {
                let found = store.trust_find(ENTITY, agent).await?;
                Ok(found.and_then(|trust| trust.trust_score.get()).map(points))
            }
        }
    }
}

fn points(trust: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to a few thousand; NaN gives 0")]
    let points = (trust * POINTS).clamp(0.0, 10_000.0) as i64;
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_has_three_forms() {
        for (text, source) in [
            ("trust-scores", Reputation::TrustScores),
            ("fixed:1000", Reputation::Fixed(1000)),
            ("none", Reputation::Nobody),
        ] {
            assert_eq!(Reputation::parse(text), Ok(source));
        }
        for text in ["", "fixed", "fixed:-1", "fixed:10001", "fixed:x"] {
            assert!(Reputation::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn trust_is_a_hundredth_of_reputation() {
        for (trust, reputation) in
            [(10.0, 1000), (9.999, 999), (250.0, 10_000), (-1.0, 0), (f64::NAN, 0)]
        {
            assert_eq!(points(trust), reputation, "{trust}");
        }
    }
}
