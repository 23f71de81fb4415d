//! The environment, read once; everything else gets values.

use std::fs;

use flip::admin::Secret;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `user@host`: who is written into the journal.
    pub(crate) who: String,
    /// `MIGRATE_ADMIN_TOKEN`: the token of the proxies' admin interfaces.
    pub(crate) admin_token: Option<Secret>,
    /// `MIGRATE_FAILPOINT`: the step after which a debug build ends as if it had crashed.
    pub(crate) failpoint: Option<String>,
}

impl Environment {
    /// Reads the process's environment.
    pub(crate) fn read() -> Self {
        // Cron, systemd and containers often set neither.
        let user = variable("USER")
            .or_else(|| variable("LOGNAME"))
            .unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()));
        let host =
            fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| variable("HOSTNAME"));
        Self {
            who: format!("{user}@{}", host.as_deref().map_or("localhost", str::trim)),
            admin_token: variable("MIGRATE_ADMIN_TOKEN").map(Secret),
            failpoint: variable("MIGRATE_FAILPOINT"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
