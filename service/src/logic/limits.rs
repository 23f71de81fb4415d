//! How long an execution may take and what it may cost: as its workflow says, and the request that began it.

use std::time::Duration;

use serde::Deserialize;

use super::cost::Cost;
use crate::compatibility::Compatibility;
use crate::python::{number, time::Stamp};
use crate::tables::agents::Workflow;
use crate::tables::own::limits::ExecutionLimits;

/// The limits that a request names, besides those of the workflow.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct AskedLimits {
    #[serde(deserialize_with = "number::any_long")]
    max_execution_time: Option<i64>,
    #[serde(deserialize_with = "number::any_double")]
    max_cost_budget: Option<f64>,
}

impl AskedLimits {
    /// The row that keeps them, if there is anything to keep.
    pub fn into_row(self, execution_id: String) -> Option<ExecutionLimits> {
        let Self { max_execution_time, max_cost_budget } = self;
        (max_execution_time.is_some() || max_cost_budget.is_some()).then(|| ExecutionLimits {
            execution_id,
            max_execution_time: max_execution_time.map(Into::into),
            max_cost_budget: max_cost_budget.map(Into::into),
        })
    }
}

/// The limits of one execution.
///
/// A limit of 0, which is the default of the budget, is none; with a negative one nothing may be done or spent. Of two
/// limits the lesser counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    seconds: Option<i64>,
    budget: Option<Cost>,
    is_enforced: bool,
}

/// A limit that an execution has passed. The text ends up as its error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Passed {
    /// Of time, in seconds.
    #[error("Execution exceeded its time limit of {0} s")]
    Time(i64),
    /// Of money.
    #[error("Execution exceeded its budget of {budget}: it cost {spent}")]
    Budget {
        /// What was allowed.
        budget: Cost,
        /// What was spent.
        spent: Cost,
    },
}

impl Limits {
    /// The limits of a workflow's execution. Where the manner enforces none, executors still keep within the workflow's budget.
    pub fn of(
        workflow: &Workflow,
        asked: Option<&ExecutionLimits>,
        compatibility: Compatibility,
    ) -> Self {
        let is_enforced = compatibility.enforces_limits();
        let asked = asked.filter(|_| is_enforced);
        let seconds_asked = asked.and_then(|asked| asked.max_execution_time.as_ref()?.get());
        let money_asked = asked.and_then(|asked| asked.max_cost_budget.as_ref()?.get());
        let seconds = [workflow.max_execution_time.get(), seconds_asked];
        let seconds = seconds.into_iter().flatten().filter(|limit| *limit != 0).min();
        let budget = [workflow.max_cost_budget.get(), money_asked];
        let budget = budget.into_iter().flatten().filter_map(amount).min();
        Self { seconds: seconds.filter(|_| is_enforced), budget, is_enforced }
    }

    /// The most that may be spent; none where there is no such limit.
    pub const fn budget(&self) -> Option<Cost> {
        self.budget
    }

    /// What is left of the time of an execution that began at `started`, and what it comes to when that is over; none where
    /// there is no such limit.
    pub fn time_left(&self, started: Option<Stamp>, now: Stamp) -> Option<(Duration, Passed)> {
        let seconds = self.seconds?;
        let spent = started.map_or(0.0, |started| now.seconds_since(&started));
        #[expect(clippy::cast_precision_loss, reason = "no limit has 2^53 seconds")]
        let left = Duration::try_from_secs_f64(seconds as f64 - spent);
        // Less than nothing is nothing.
        Some((left.unwrap_or(Duration::ZERO), Passed::Time(seconds)))
    }

    /// Whether so much is more than may be spent.
    pub fn check_money(&self, spent: Cost) -> Result<(), Passed> {
        match self.budget {
            Some(budget) if self.is_enforced && spent > budget => {
                Err(Passed::Budget { budget, spent })
            }
            _ => Ok(()),
        }
    }
}

/// The budget that a figure stands for. What is too much to count is as good as none.
fn amount(figure: f64) -> Option<Cost> {
    match figure {
        0.0 => None,
        negative if negative < 0.0 => Some(Cost::default()),
        amount => Cost::from_float(amount),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::workflows::tests::workflow;

    fn limits(
        of_workflow: (i64, f64),
        asked: (Option<i64>, Option<f64>),
        compatibility: Compatibility,
    ) -> Limits {
        let workflow = Workflow {
            max_execution_time: of_workflow.0.into(),
            max_cost_budget: of_workflow.1.into(),
            ..workflow()
        };
        let asked = AskedLimits { max_execution_time: asked.0, max_cost_budget: asked.1 };
        Limits::of(&workflow, asked.into_row("exec_1".to_owned()).as_ref(), compatibility)
    }

    fn cost(amount: f64) -> Cost {
        Cost::from_float(amount).unwrap()
    }

    #[test]
    fn the_lesser_limit_counts_and_0_is_none() {
        let of = |of_workflow, asked| limits(of_workflow, asked, Compatibility::Off);
        let both = of((60, 2.0), (Some(90), Some(1.5)));
        assert_eq!((both.seconds, both.budget()), (Some(60), Some(cost(1.5))));
        let none = of((0, 0.0), (Some(0), None));
        assert_eq!((none.seconds, none.budget()), (None, None));
        let nothing = of((-5, -1.0), (None, None));
        assert_eq!((nothing.seconds, nothing.budget()), (Some(-5), Some(Cost::default())));
        assert_eq!(of((60, f64::MAX), (None, None)).budget(), None);
    }

    #[test]
    fn the_monolith_keeps_to_no_limit_but_what_executors_may_spend() {
        let limits = limits((60, 2.0), (Some(1), Some(1.0)), Compatibility::Monolith);
        assert_eq!((limits.seconds, limits.budget()), (None, Some(cost(2.0))));
        assert_eq!(limits.check_money(cost(3.0)), Ok(()));
    }

    #[test]
    fn what_is_passed_says_so() {
        let limits = limits((60, 2.0), (None, None), Compatibility::Off);
        assert_eq!(limits.check_money(cost(2.0)), Ok(()));
        let passed = limits.check_money(cost(2.5)).unwrap_err();
        assert_eq!(passed.to_string(), "Execution exceeded its budget of 2: it cost 2.5");
        let (_, passed) = limits.time_left(None, Stamp::parse("2026-01-01").unwrap()).unwrap();
        assert_eq!(passed.to_string(), "Execution exceeded its time limit of 60 s");
    }

    proptest! {
        #[test]
        fn time_runs_out_and_never_comes_back(seconds in -100_i64..i64::MAX, spent in 0_i64..1_000_000) {
            prop_assume!(seconds != 0);
            let started = Stamp::parse("2026-01-01").unwrap();
            let limits = limits((seconds, 0.0), (None, None), Compatibility::Off);
            let left = |spent| limits.time_left(Some(started), started.plus_seconds(spent)).unwrap().0;
            prop_assert!(left(spent + 1) <= left(spent));
            prop_assert_eq!(left(spent).is_zero(), spent >= seconds);
        }
    }
}
