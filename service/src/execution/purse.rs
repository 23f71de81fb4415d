//! What an execution has cost, and may cost.

use crate::logic::cost::Cost;
use crate::store::{StoreError, Writing};
use crate::tables::agents::Execution;

/// The money of one execution.
#[derive(Debug)]
pub(super) struct Purse {
    budget: Option<Cost>,
    spent: Cost,
    found: Cost,
}

impl Purse {
    /// What the row says has been spent, and what may be.
    pub(super) fn of(execution: &Execution, budget: Option<Cost>) -> Self {
        let spent = execution.total_cost.get().and_then(Cost::from_float).unwrap_or_default();
        Self { budget, spent, found: spent }
    }

    /// What has been spent.
    pub(super) const fn spent(&self) -> Cost {
        self.spent
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
