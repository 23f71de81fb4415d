//! Watches plans that several agents carry out: ends what is over its time, and plans that can come to nothing more.
//!
//! Who looks at an owner's plans takes a lease on them in the very transaction that writes what was found, until the next look
//! is due. So several processes share the work, and a crash in the middle of a look leaves it to be done by another.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::http::error::chain;
use crate::python::time::Stamp;
use crate::store::{StoreError, Writing};
use crate::tables::own::orchestration::{Plan, PlanStatus};

/// How often somebody looks whether plans are due for a look.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Watches until told to stop, first of all what an earlier process has left.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    loop {
        if let Err(error) = look_at_all(&app).await {
            tracing::warn!(error = chain(&error), "plans are not watched for now");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Looks at all plans that are due for it.
pub async fn look_at_all(app: &App) -> Result<(), StoreError> {
    while let Some(owner) = app.store.orchestrator_due(app.clock.now()).await? {
        match look_at(app, &owner).await {
            Err(error @ StoreError::Unreadable { .. }) => {
                // Nobody can end these plans, and others' must not wait for them.
                tracing::error!(owner, error = chain(&error), "plans cannot be watched");
                put_off(app, &owner).await?;
            }
            other => other?,
        }
    }
    Ok(())
}

/// Looks at an owner's plans, unless somebody else does.
async fn look_at(app: &App, owner: &str) -> Result<(), StoreError> {
    let rules = &app.config.orchestration;
    let mut writing = app.store.write().await?;
    let now = app.clock.now();
    if !claim(&mut writing, app, owner, now).await? {
        return Ok(());
    }
    let crew = writing.crew(owner, now).await?;
    let mut is_active = false;
    for plan in writing.plan_list_active(owner).await? {
        let mut course = writing.course_of(plan).await?;
        course.expire(rules, &crew.roster);
        writing.course_save(&course, now).await?;
        if course.has_just_ended() {
            let Plan { id, status, error_message, .. } = &course.plan;
            tracing::info!(
                plan = id,
                status = status.word(),
                error = error_message,
                "a plan has ended"
            );
        }
        is_active |= course.plan.status == PlanStatus::Active;
    }
    if !is_active {
        writing.orchestrator_rest(owner).await?;
    }
    writing.commit().await
}

/// Leaves an owner's plans for the next look.
async fn put_off(app: &App, owner: &str) -> Result<(), StoreError> {
    let mut writing = app.store.write().await?;
    claim(&mut writing, app, owner, app.clock.now()).await?;
    writing.commit().await
}

async fn claim(
    writing: &mut Writing,
    app: &App,
    owner: &str,
    now: Stamp,
) -> Result<bool, StoreError> {
    let until = now.plus_seconds(app.config.orchestration.monitoring_interval);
    writing.orchestrator_claim(owner, now, until).await
}

#[cfg(test)]
mod tests;
