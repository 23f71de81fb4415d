//! Permission to change something: a token that only this file can make.

use std::fmt::Display;

use crate::context::Context;
use crate::failure::Failure;

/// Proof that the operator was asked, or that nobody needed to be.
#[derive(Debug)]
pub(crate) struct Confirmed(());

/// Asks on a terminal unless `--yes` was given; without a terminal the command line is the permission.
pub(crate) fn ask(context: &Context, question: impl Display) -> Result<Confirmed, Failure> {
    if context.yes || context.printer.ask(question).unwrap_or(true) {
        Ok(Confirmed(()))
    } else {
        Err(Failure::NotConfirmed)
    }
}

/// For a way back in an emergency: it is never in the way.
pub(crate) fn not_needed() -> Confirmed {
    Confirmed(())
}
