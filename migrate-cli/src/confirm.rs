//! Asking the operator for permission to change something.

use std::fmt::Display;

use flip::permission::Confirmed;

use crate::context::Context;
use crate::failure::Failure;

/// Asks on a terminal unless `--yes` was given; without a terminal the command line is the permission.
pub(crate) fn ask(context: &Context, question: impl Display) -> Result<Confirmed, Failure> {
    if context.yes || context.printer.ask(question).unwrap_or(true) {
        Ok(Confirmed::given())
    } else {
        Err(Failure::NotConfirmed)
    }
}
