//! The table that the program starts with: without a good one there is nothing to do.

use std::path::Path;

use home::{Copied, Home, HomeError, LocalCopy};
use miette::{Context as _, IntoDiagnostic as _, Report};

use super::InForce;
use super::load::Loader;
use super::watch::describe;

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

/// Reads and prepares the table. Where its database is down, the copy is taken; the second value is then why.
///
/// # Errors
/// There is no table to be had, or it is not good.
pub(crate) fn load(
    loader: &Loader,
    copy: Option<&LocalCopy>,
) -> Result<(InForce, Option<String>), Report> {
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .into_diagnostic()
        .wrap_err("failed to start")?;
    let first = runtime.block_on(loader.load(text, &[]))?;
    Ok((first, lost))
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
