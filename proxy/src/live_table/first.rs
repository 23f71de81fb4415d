//! The table that the program starts with: without a good one there is nothing to do.

use std::path::Path;
use std::sync::Arc;

use home::{Copied, Home, HomeError, LocalCopy};
use miette::{Context as _, IntoDiagnostic as _, Report};
use routes::Digest;

use super::InForce;
use super::load::Loader;
use super::watch::{describe, warn_of_moved};
use crate::backends::Pool;

/// Nothing to start with.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the route table {place} can't be used")]
struct NoTable {
    place: String,
    #[help]
    help: Option<String>,
    #[source]
    source: HomeError,
}

/// What the program starts with.
pub(crate) struct First {
    pub(crate) in_force: InForce,
    /// Why it is a copy; `None` where the table's home could be asked.
    pub(crate) lost: Option<String>,
    /// It is what the table's home said last.
    pub(crate) is_current: bool,
}

/// Finds out where the table is kept.
///
/// # Errors
/// The file that says so, or the URL, is not right.
pub(crate) fn open(named: &Path) -> Result<Home, Report> {
    Home::open(named).map_err(|error| match error {
        HomeError::Pointer(problems) => Report::new(*problems),
        error => Report::msg(describe(&error)),
    })
}

/// Reads and prepares the table. Where its database is down, the copy is taken.
///
/// # Errors
/// There is no table to be had, or it is not good.
pub(crate) fn load(loader: &Loader, copy: Option<&LocalCopy>) -> Result<First, Report> {
    let (text, lost) = match loader.home.read() {
        Ok(text) => (text, None),
        Err(error) => match copied(&loader.home, copy) {
            Ok(text) => (text, Some(describe(&error))),
            Err(help) => {
                let place = loader.home.path().display().to_string();
                return Err(NoTable { place, help, source: error }.into());
            }
        },
    };
    let in_force = prepare(loader, text, &[])?;
    let is_current = lost.is_none();
    Ok(First { in_force, lost, is_current })
}

/// Reads the table once more, just before it is served by. What can't be had, or is not good, changes nothing.
pub(crate) fn look_again(loader: &Loader, first: First) -> First {
    let First { in_force, lost, .. } = first;
    let kept = |in_force, lost| First { in_force, lost, is_current: false };
    let text = match loader.home.read() {
        Ok(text) => text,
        Err(error) => {
            let why = describe(&error);
            tracing::warn!(why, "the route table can't be read again");
            // A file can't be lost.
            let is_lost = !matches!(loader.home, Home::File(_));
            return kept(in_force, is_lost.then_some(why).or(lost));
        }
    };
    if Digest::of(&text) == in_force.table.generation.digest {
        return First { in_force, lost: None, is_current: true };
    }
    match prepare(loader, text, &in_force.pools) {
        Ok(next) => {
            warn_of_moved(&in_force, &next);
            First { in_force: next, lost: None, is_current: true }
        }
        Err(report) => {
            tracing::warn!(%report, "the route table has changed, and can't be used as it is now");
            kept(in_force, None)
        }
    }
}

fn prepare(loader: &Loader, text: String, pools: &[Arc<Pool>]) -> Result<InForce, Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .into_diagnostic()
        .wrap_err("failed to start")?;
    Ok(runtime.block_on(loader.load(text, pools))?)
}

/// The text of the copy, else what to do.
fn copied(home: &Home, copy: Option<&LocalCopy>) -> Result<String, Option<String>> {
    if matches!(home, Home::File(_)) {
        return Err(None);
    }
    let why_not = match copy.map(|copy| (copy.path().display(), copy.read())) {
        Some((_, Ok(Copied::Text(text)))) => return Ok(text),
        Some((path, Ok(Copied::Nothing))) => format!("there is no copy of it yet in {path}"),
        Some((path, Ok(Copied::Foreign))) => format!("{path} is no copy of it"),
        Some((_, Err(error))) => describe(&error),
        None => "no copy of it is kept (--routes-copy FILE)".to_owned(),
    };
    Err(Some(format!(
        "{why_not}; start the database, or the proxy with a table in a file: --routes FILE (of `migrate routes pull`, or another \
         proxy's copy)"
    )))
}
