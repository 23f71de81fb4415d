//! Where a route stands on its way from the old backend to the new one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The stage of a route, in the order in which a migration goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The old backend answers; nothing is mirrored.
    Monolith,
    /// The old backend answers; a sample is mirrored to the new one and compared.
    Shadow,
    /// A share of the clients is answered by the new backend, the rest by the old one.
    Canary,
    /// The new backend answers.
    Service,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 4] = [Self::Monolith, Self::Shadow, Self::Canary, Self::Service];

    /// The word used in `routes.toml`, output and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monolith => "monolith",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no stage.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no stage; use monolith, shadow, canary or service")]
pub struct UnknownStage(String);

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.as_str() == word)
            .ok_or_else(|| UnknownStage(word.to_owned()))
    }
}
