//! The one place that says where answers follow the monolith and where they follow its successor.

use std::time::Duration;

/// `COMPATIBILITY`: whose manner answers and stored rows follow.
///
/// Code that differs between the manners asks a method of this type, so that the differences can be read off here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// As the contract shows the monolith.
    Monolith,
    /// What users would rather have, once the monolith is gone.
    Off,
}

impl Compatibility {
    /// Understands the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "monolith" => Ok(Self::Monolith),
            "off" => Ok(Self::Off),
            _ => Err("is neither monolith nor off".to_owned()),
        }
    }

    /// The setting.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Monolith => "monolith",
            Self::Off => "off",
        }
    }

    /// Whether an admin key opens what the monolith leaves open to anybody: performance and creativity.
    ///
    /// Orders of `/services` take a client key in either manner. They are the clients' own: the key says who orders, and is
    /// the `client_id` of the job. An admin key opens everything that belongs to the operator, so asking for one there would
    /// hand it to every client.
    pub const fn guards_every_endpoint(self) -> bool {
        match self {
            Self::Monolith => false,
            Self::Off => true,
        }
    }

    /// Whether a list asked for by owner shows that owner's private workflows to anybody.
    pub const fn shows_private_workflows_by_owner(self) -> bool {
        match self {
            Self::Monolith => true,
            Self::Off => false,
        }
    }

    /// Whether policies and audit logs are everybody's, or only shown to, and changed by, who made them. Audit logs then
    /// always name the user who caused them, which the monolith's do now and then.
    pub const fn shares_policies_and_audit_logs(self) -> bool {
        match self {
            Self::Monolith => true,
            Self::Off => false,
        }
    }

    /// Whether a filter may have a value that nothing can have; then nothing is found, and otherwise it is refused.
    pub const fn takes_unknown_filter_values(self) -> bool {
        match self {
            Self::Monolith => true,
            Self::Off => false,
        }
    }

    /// Whether the steps that stand in a workflow itself run where it has no rows of `agent_steps`.
    pub const fn runs_steps_of_the_workflow_itself(self) -> bool {
        match self {
            Self::Monolith => false,
            Self::Off => true,
        }
    }

    /// Whether an execution that passes its limits of time or money fails. An executor that costs money keeps within the
    /// workflow's budget in either manner.
    pub const fn enforces_limits(self) -> bool {
        match self {
            Self::Monolith => false,
            Self::Off => true,
        }
    }

    /// Whether instances that were taken down still count when a deployment is scaled, checked, measured or rolled back.
    pub const fn counts_terminated_instances(self) -> bool {
        match self {
            Self::Monolith => true,
            Self::Off => false,
        }
    }

    /// Whether jobs are dated by the clock on the wall, as `datetime.now()` has it, and not in UTC.
    pub const fn dates_jobs_by_the_clock_on_the_wall(self) -> bool {
        match self {
            Self::Monolith => true,
            Self::Off => false,
        }
    }

    /// What the security monitor says of an execution whose sandbox nobody watches, as none is watched.
    pub const fn status_of_an_unwatched_sandbox(self) -> &'static str {
        match self {
            Self::Monolith => "secure",
            Self::Off => "not_watched",
        }
    }

    /// How long ideation pretends to work before it answers.
    pub const fn ideation_time(self) -> Duration {
        match self {
            Self::Monolith => Duration::from_millis(500),
            Self::Off => Duration::ZERO,
        }
    }

    /// How long a synthesis across domains pretends to work before it answers.
    pub const fn synthesis_time(self) -> Duration {
        match self {
            Self::Monolith => Duration::from_millis(800),
            Self::Off => Duration::ZERO,
        }
    }
}
