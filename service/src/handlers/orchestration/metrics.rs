//! How an owner's orchestrator does on the whole.

use super::schemas;
use crate::http::{Action, Input, Reply};
use crate::store::orchestrators::Crew;
use crate::tables::own::orchestration::Orchestrator;
use crate::work::Work;

/// `GET /orchestration/metrics`.
pub fn show() -> Action {
    let about = "How one's orchestrator does: plans, agents, means, what is in use";
    Action::new(about, async |work: Work, input: Input| {
        let (owner, now) = (input.caller, work.now());
        let orchestrator = work.store.orchestrator_find(&owner).await?;
        let orchestrator = orchestrator.unwrap_or_else(|| Orchestrator::new(&owner, now));
        let Crew { roster, held } = work.store.crew(&owner, now).await?;
        let active = work.store.plan_count_active(&owner).await?;
        Ok(Reply::ok(&orchestrator.metrics(active, &roster, &held)))
    })
    .answers(schemas::metrics)
}
