//! What every command gets: the table, the printer, and the answers to "may I?".

use routes::store::TableFile;

use crate::admin::AdminClient;
use crate::cli::Global;
use crate::config::Environment;
use crate::failure::Failure;
use crate::output::Printer;

/// Values made once from the command line and the environment.
pub(crate) struct Context {
    /// The table and its companions.
    pub(crate) file: TableFile,
    /// Where output goes.
    pub(crate) printer: Printer,
    /// What the environment says.
    pub(crate) environment: Environment,
    /// `--yes`.
    pub(crate) yes: bool,
    /// `--dry-run`.
    pub(crate) dry_run: bool,
}

impl Context {
    /// Puts together what was typed.
    pub(crate) fn new(global: &Global, printer: Printer, environment: Environment) -> Self {
        Self {
            file: TableFile::new(&global.routes),
            printer,
            environment,
            yes: global.yes,
            dry_run: global.dry_run,
        }
    }

    /// A client for the proxies' admin interfaces.
    #[expect(clippy::unused_self, reason = "the token of an admin interface will come from here")]
    pub(crate) fn admin_client(&self) -> Result<AdminClient, Failure> {
        AdminClient::new().map_err(|problem| Failure::Other {
            message: format!("the HTTP client could not be made: {problem}"),
            help: "this is a fault of the machine or of this program; report it".to_owned(),
        })
    }
}
