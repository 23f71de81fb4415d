//! What can be typed: the global flags and the subcommands.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    cleanup, client, completions, cutover, db, deploy, doctor, gate, guard, history, init, man,
    mirror, plan, retire, rollback, routes, scan, schema, status, verify,
};
use crate::demo;
use crate::output::{Color, Format};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER: &str = "\
Exit codes:
  0  done, or was so already
  1  failed
  2  usage: the command line asks for something that does not exist or makes no sense
  3  refused by a check; nothing was changed
  4  not all proxies followed (cutover: the generation before is in force again)

Examples:
  migrate status
  migrate cutover workflows --to canary --percent 10
  migrate rollback";

/// Moves the routes of a strangler-fig migration from the old backend to the new one, and back.
#[derive(Debug, Parser)]
#[command(
    name = "migrate",
    version,
    long_version = stamp::VERSION,
    styles = STYLES,
    after_help = AFTER,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command knows.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The route table: a file, a file with `[table]` that names a database, or `postgres://USER@HOST/NAME[?table=NAME]`
    #[arg(
        long,
        global = true,
        value_name = "FILE|URL",
        env = "MIGRATE_ROUTES",
        hide_env_values = true,
        default_value = "routes.toml",
        help_heading = "Global options"
    )]
    pub(crate) routes: PathBuf,

    /// Shape of the result on stdout
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) output: Format,

    /// When to colour; `NO_COLOR` in the environment means never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) color: Color,

    /// File with the token of the proxies' admin interfaces; `MIGRATE_ADMIN_TOKEN` in the environment has the token itself
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// Don't ask on the terminal before something changes
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) yes: bool,

    /// Show what would change, and change nothing
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) dry_run: bool,

    /// Say more of what happens on the way (stderr)
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole migration as a checklist: how far each step is now, what it waits for, what to type next
    Plan(plan::Args),
    /// Write migration.toml, which says which files leave the monolith
    Init(init::Args),
    /// What crosses the border between the files that leave the monolith and the rest
    Scan(scan::Args),
    /// A Python client of the service, for files that stay
    #[command(subcommand)]
    Client(client::Command),
    /// Take the extracted files out of the monolith, in one commit, and put them back
    Cleanup(cleanup::Args),
    /// Look at the route table: list, show, validate, test; add to it: import; keep it in a database: push, pull
    #[command(subcommand)]
    Routes(routes::Command),
    /// Before a first flip: do both backends take the same clients and requests, and is the machine as it must be?
    Doctor(doctor::Args),
    /// What stands against a cutover, and what to do about it
    Gate(gate::Args),
    /// Move routes forward: to the next stage, or to the one named
    Cutover(cutover::Args),
    /// Take routes back; needs no network and no good table
    Rollback(rollback::Args),
    /// Every flip: when, who, why, and how it ended
    History(history::Args),
    /// Where everything stands: routes, backends, evidence, proxies, last changes
    Status(status::Args),
    /// Routes that the proxies took back by themselves
    #[command(subcommand)]
    Guard(guard::Command),
    /// Read what mirroring has shown
    #[command(subcommand)]
    Mirror(mirror::Command),
    /// Make the database of a twin; move the service's tables to one of its own
    #[command(subcommand)]
    Db(db::Command),
    /// Check a service that runs, and what it has signed
    #[command(subcommand)]
    Verify(verify::Command),
    /// The tables of the shared database
    #[command(subcommand)]
    Schema(schema::Command),
    /// What an installation needs beside the binaries
    #[command(subcommand)]
    Deploy(deploy::Command),
    /// Take the proxy out: a front's configuration that sends requests straight to the backends, and the way back
    Retire(retire::Args),
    /// Play a whole migration with real programs, in under a minute
    Demo(demo::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Write a manual page for each command
    Man(man::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                if sub.has_subcommands() {
                    check(sub);
                    continue;
                }
                let after = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(after.contains("migrate "), "{} has no example", sub.get_name());
            }
        }
        check(&Cli::command());
    }
}
