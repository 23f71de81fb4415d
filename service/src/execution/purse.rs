//! What an execution has cost, and may cost.

use crate::logic::cost::Cost;
use crate::store::{StoreError, Writing};
use crate::tables::agents::{Execution, Workflow};

/// The money of one execution.
#[derive(Debug)]
pub(super) struct Purse {
    budget: Option<Cost>,
    spent: Cost,
    found: Cost,
}

impl Purse {
    /// What the rows say. A `max_cost_budget` of 0, which is the default, is none; a negative one pays for nothing.
    pub(super) fn of(workflow: &Workflow, execution: &Execution) -> Self {
        let budget = workflow.max_cost_budget.get().unwrap_or_default();
        let spent = execution.total_cost.get().and_then(Cost::from_float).unwrap_or_default();
        let budget = match budget {
            0.0 => None,
            negative if negative < 0.0 => Some(Cost::default()),
            // What is too much to count is as good as no budget.
            amount => Cost::from_float(amount),
        };
        Self { budget, spent, found: spent }
    }

    /// What may still be spent; none where there is no budget.
    pub(super) fn remaining(&self) -> Option<Cost> {
        self.budget.map(|budget| budget.less(self.spent).unwrap_or_default())
    }

    /// Takes what a step cost.
    pub(super) fn pay(&mut self, cost: Cost) {
        self.spent = self.spent.plus(cost);
    }

    /// Writes down what has been spent, with the step that it was spent on. Where nothing costs anything, the row stays
    /// as it was.
    pub(super) async fn note(
        &self,
        writing: &mut Writing,
        execution_id: &str,
    ) -> Result<(), StoreError> {
        if self.spent == self.found {
            return Ok(());
        }
        writing.execution_cost(execution_id, self.spent.to_float()).await
    }
}
