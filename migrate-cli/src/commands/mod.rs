//! The subcommands, one file each: what it takes, what it does, what it shows.

pub(crate) mod plan;
pub(crate) mod init;
pub(crate) mod scan;
pub(crate) mod client;
pub(crate) mod client_generate;
pub(crate) mod cleanup;
pub(crate) mod routes;
pub(crate) mod routes_list;
pub(crate) mod routes_show;
pub(crate) mod routes_validate;
pub(crate) mod routes_test;
pub(crate) mod routes_import;
pub(crate) mod routes_push;
pub(crate) mod routes_pull;
pub(crate) mod table_edit;
pub(crate) mod gate;
pub(crate) mod gate_table;
pub(crate) mod cutover;
pub(crate) mod rollback;
pub(crate) mod flip_report;
pub(crate) mod history;
pub(crate) mod status;
pub(crate) mod status_report;
pub(crate) mod guard;
pub(crate) mod guard_acknowledge;
pub(crate) mod mirror;
pub(crate) mod mirror_report;
pub(crate) mod mirror_record;
pub(crate) mod mirror_replay;
pub(crate) mod mirror_suggest;
pub(crate) mod mirror_suggestions;
pub(crate) mod db;
pub(crate) mod db_clone;
pub(crate) mod db_watch;
pub(crate) mod db_split;
pub(crate) mod verify;
pub(crate) mod verify_service;
pub(crate) mod verify_receipt;
pub(crate) mod schema;
pub(crate) mod schema_check;
pub(crate) mod schema_diff;
pub(crate) mod schema_snapshot;
pub(crate) mod schema_apply;
pub(crate) mod deploy;
pub(crate) mod deploy_render;
pub(crate) mod deploy_check;
pub(crate) mod deploy_install;
pub(crate) mod deploy_uninstall;
pub(crate) mod harmless_path;
pub(crate) mod doctor;
pub(crate) mod retire;
pub(crate) mod completions;
pub(crate) mod man;

#[cfg(test)]
mod tests;

use crate::cli::Command;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// Runs the subcommand.
pub(crate) async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Plan(args) => plan::run(&args, context).await,
        Command::Init(args) => init::run(&args, context).await,
        Command::Client(command) => client::run(&command, context).await,
        Command::Cleanup(args) => cleanup::run(&args, context).await,
        Command::Scan(args) => scan::run(&args, context).await,
        Command::Routes(command) => routes::run(&command, context).await,
        Command::Gate(args) => gate::run(&args, context).await,
        Command::Cutover(args) => cutover::run(&args, context).await,
        Command::Rollback(args) => rollback::run(&args, context).await,
        Command::History(args) => history::run(&args, context),
        Command::Status(args) => status::run(&args, context).await,
        Command::Guard(command) => guard::run(&command, context),
        Command::Mirror(command) => mirror::run(&command, context).await,
        Command::Db(command) => db::run(command, context).await,
        // It holds much at once, which every other command would have to find room for.
        Command::Verify(command) => Box::pin(verify::run(&command, context)).await,
        Command::Schema(command) => schema::run(command, context).await,
        Command::Deploy(command) => deploy::run(&command, context).await,
        Command::Doctor(args) => Box::pin(doctor::run(&args, context)).await,
        Command::Retire(args) => retire::run(&args, context).await,
        Command::Demo(args) => crate::demo::run(&args, context).await,
        Command::Completions(args) => Ok(completions::run(&args, context)),
        Command::Man(args) => man::run(&args, context),
    }
}
