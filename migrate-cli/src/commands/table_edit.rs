//! An edit of the table that goes the way of a flip: under the lock, journaled, followed by every proxy or put back.

use std::time::Duration;

use flip::failpoint::Step;
use flip::plan::Plan;
use flip::protocol::{self, Desk};

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::signals::stop_signal;

use super::cutover::{begin, ended, plan_diff, show_and_ask};
use super::flip_report::FlipReport;

/// What an edit is called, and how long it may take.
pub(crate) struct Edit {
    /// What others see that wait for the lock.
    pub(crate) command: String,
    /// Why, for the journal.
    pub(crate) reason: String,
    /// How long to wait for the proxies.
    pub(crate) wait: Duration,
}

/// Asks, and writes the plan that was shown, if it is still the plan under the lock.
pub(crate) async fn carry_out(
    context: &Context,
    edit: Edit,
    shown: &Plan,
    again: impl FnOnce() -> Result<Option<Plan>, Failure>,
) -> Result<(Exit, FlipReport), Failure> {
    let confirmed = show_and_ask(context, shown)?;
    let (held, step) = begin(context, &edit.command)?;
    let Some(plan) = again()?.filter(|plan| plan.text == shown.text) else {
        return Err(context.home.changed().into());
    };
    step(Step::Passed);
    let desk = Desk {
        home: &context.home,
        held: &held,
        who: &context.environment.who,
        reason: Some(edit.reason),
        on_step: &step,
    };
    let client = context.admin_client()?;
    let ending = {
        let _progress = context.printer.progress("waiting for the proxies to follow");
        protocol::cutover(&desk, &plan, &client, edit.wait, confirmed, stop_signal()).await?
    };
    let (exit, mut report) = ended(&plan, ending);
    report.diff = Some(plan_diff(context, &plan));
    Ok((exit, report))
}
