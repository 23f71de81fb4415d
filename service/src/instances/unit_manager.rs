//! What a manager of units does, whichever it is, and what can go wrong with it.

use std::fmt::Debug;
use std::path::PathBuf;

use async_trait::async_trait;

use crate::logic::unit::{NoUnitName, Unit, UnitName};

/// Starts and stops units. Every call ends by its own time limit.
#[async_trait]
pub trait UnitManager: Debug + Send + Sync {
    /// Writes a unit, starts it, and waits until it is active.
    async fn start(&self, unit: &Unit) -> Result<(), UnitError>;
    /// Stops a unit and removes it. One that is not there is as good as removed.
    async fn remove(&self, name: &UnitName) -> Result<(), UnitError>;
    /// Whether a unit is active.
    async fn is_active(&self, name: &UnitName) -> Result<bool, UnitError>;
}

/// Why a manager did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// There is no manager.
    #[error("no unit manager is set up; see UNIT_MANAGER")]
    None,
    /// There is no such program. Clients know this text from the monolith.
    #[error("[Errno 2] No such file or directory: 'systemctl'")]
    NoProgram,
    /// The instance's name is none for a unit.
    #[error(transparent)]
    Name(#[from] NoUnitName),
    /// The file of a unit.
    #[error("could not {doing} the unit file {}", path.display())]
    File {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The program could not be run.
    #[error("could not run systemctl {doing}")]
    Run {
        /// Its first argument.
        doing: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The program refused.
    #[error("systemctl {doing} failed: {said}")]
    Refused {
        /// Its first argument.
        doing: String,
        /// The end of what it said.
        said: String,
    },
    /// The program did not end.
    #[error("systemctl {doing} took longer than {seconds} s")]
    TooLong {
        /// Its first argument.
        doing: String,
        /// The limit.
        seconds: u64,
    },
    /// The unit was started and does not run.
    #[error("the unit {name} was not active within {seconds} s")]
    NotActive {
        /// Which unit.
        name: String,
        /// The limit.
        seconds: u64,
    },
}

/// `UNIT_MANAGER=none`: there is nothing that could run an instance.
#[derive(Debug, Clone, Copy)]
pub struct NoManager;

#[async_trait]
impl UnitManager for NoManager {
    async fn start(&self, _unit: &Unit) -> Result<(), UnitError> {
        Err(UnitError::None)
    }

    async fn remove(&self, _name: &UnitName) -> Result<(), UnitError> {
        Err(UnitError::None)
    }

    async fn is_active(&self, _name: &UnitName) -> Result<bool, UnitError> {
        Err(UnitError::None)
    }
}
