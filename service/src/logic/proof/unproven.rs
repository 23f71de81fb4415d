//! Why a proof does not hold, in words for whoever checks it.

use super::super::receipt::Unverified;

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The service has no proof of this step: the monolith ran it, or it asked for none.
    #[error("there is no proof of this step")]
    Missing,
    /// Something is no proof at all, or of a form that this program does not know.
    #[error("the {0} is malformed, or of a form that is not known here")]
    Malformed(&'static str),
    /// A signature is not of this key, or what it signs has been changed.
    #[error("the signature of the {0} does not verify with this key")]
    Signature(&'static str),
    /// What is shown is not what was committed to.
    #[error("the values shown are not those that were committed to")]
    Opening,
    /// A figure is not proven to be within its limits.
    #[error("the proof that {0} is within its limits does not hold")]
    Range(&'static str),
    /// The rows of the database say something else.
    #[error("the row of this step is not the one that the proof was made for")]
    Row,
    /// The parts of a document do not belong together.
    #[error("the {0} is not of this execution")]
    Stranger(&'static str),
    /// The receipt inside a document.
    #[error("the receipt does not hold: {0}")]
    Receipt(#[from] Unverified),
}
