//! The one place that says where answers follow the monolith and where they follow its successor.

use std::time::Duration;

/// `COMPATIBILITY`: whose manner answers and stored rows follow.
///
/// Code that differs between the manners asks a method of this type, so that the differences can be read off here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// As the contract shows the monolith.
    Monolith,
}

impl Compatibility {
    /// Understands the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "monolith" => Ok(Self::Monolith),
            // Refused, not ignored: somebody who sets it relies on stricter rules than are in force.
            "off" => Err("is not there yet; use monolith".to_owned()),
            _ => Err("is neither monolith nor off".to_owned()),
        }
    }

    /// Whether instances that were taken down still count when a deployment is scaled, checked or measured.
    pub const fn counts_terminated_instances(self) -> bool {
        match self {
            Self::Monolith => true,
        }
    }

    /// Whether jobs are dated by the clock on the wall, as `datetime.now()` has it, and not in UTC.
    pub const fn dates_jobs_by_the_clock_on_the_wall(self) -> bool {
        match self {
            Self::Monolith => true,
        }
    }

    /// Whether a list asked for by owner shows that owner's private workflows to anybody.
    pub const fn shows_private_workflows_by_owner(self) -> bool {
        match self {
            Self::Monolith => true,
        }
    }

    /// What the security monitor says of an execution whose sandbox nobody watches, as none is watched.
    pub const fn status_of_an_unwatched_sandbox(self) -> &'static str {
        match self {
            Self::Monolith => "secure",
        }
    }

    /// How long ideation pretends to work before it answers.
    pub const fn ideation_time(self) -> Duration {
        match self {
            Self::Monolith => Duration::from_millis(500),
        }
    }

    /// How long a synthesis across domains pretends to work before it answers.
    pub const fn synthesis_time(self) -> Duration {
        match self {
            Self::Monolith => Duration::from_millis(800),
        }
    }
}
