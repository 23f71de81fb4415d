//! What every command gets: the table, the printer, and the answers to "may I?".

use std::path::{Path, PathBuf};

use flip::admin::{AdminClient, Secret};
use home::Home;

use crate::cli::Global;
use crate::config::Environment;
use crate::failure::Failure;
use crate::output::Printer;

/// Values made once from the command line and the environment.
pub(crate) struct Context {
    /// Where the table is kept.
    pub(crate) home: Home,
    /// Where output goes.
    pub(crate) printer: Printer,
    /// What the environment says.
    pub(crate) environment: Environment,
    /// `--admin-token-file`.
    pub(crate) admin_token_file: Option<PathBuf>,
    /// `--yes`.
    pub(crate) yes: bool,
    /// `--dry-run`.
    pub(crate) dry_run: bool,
}

impl Context {
    /// Puts together what was typed.
    pub(crate) fn new(
        global: &Global,
        printer: Printer,
        environment: Environment,
    ) -> Result<Self, Failure> {
        Ok(Self {
            home: Home::open(&global.routes)?,
            printer,
            environment,
            admin_token_file: global.admin_token_file.clone(),
            yes: global.yes,
            dry_run: global.dry_run,
        })
    }

    /// A client for the proxies' admin interfaces.
    pub(crate) fn admin_client(&self) -> Result<AdminClient, Failure> {
        let token = match &self.admin_token_file {
            Some(file) => Some(read_token(file)?),
            None => self.environment.admin_token.clone(),
        };
        AdminClient::new(token.as_ref()).map_err(|problem| Failure::Other {
            message: format!("the HTTP client could not be made: {problem}"),
            help: "see that the token has only characters that a header can carry".to_owned(),
        })
    }
}

fn read_token(file: &Path) -> Result<Secret, Failure> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Secret(text.trim().to_owned())),
        Err(problem) => Err(Failure::Other {
            message: format!("the token in {} can't be read: {problem}", file.display()),
            help: "name the file that the proxy was started with (--admin-token-file)".to_owned(),
        }),
    }
}
