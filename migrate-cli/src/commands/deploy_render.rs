//! `migrate deploy render`: the files of an installation, in a folder that is laid out as the machine is.

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flip::standing::read_table;
use routes::RouteTable;
use serde::Serialize;

use super::db::place::Place;
use crate::context::Context;
use crate::deployment::{Deployment, Rendered, absolute, is_local, is_low, prefixes, unfit};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::grid::{good, grid, lines, plain, warn};
use crate::output::Report;
use crate::whole_file;

const AFTER: &str = "\
The folder is laid out as the machine is: etc/systemd/system, etc/strangler, … Addresses and paths come from the route table. Nothing is
installed: look at the files, see with `migrate deploy check --root DIR` whether they would run, copy them to /, then

  systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload
  systemctl enable --now strangler-proxy agent-service

Settings hold no secrets. Those belong to /etc/strangler/secrets/NAME.env, which no command writes and root alone reads.

Examples:
  migrate deploy render --to deployment
  migrate deploy render --to deployment --service-user aitbc --database sqlite:////var/lib/coordinator/coordinator.db";

/// The folder that the proxy's unit owns.
const STATE: &str = "/var/lib/strangler";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Replace files there that say something else
    #[arg(long)]
    replace: bool,
    /// The folder of the three binaries
    #[arg(long, value_name = "DIR", default_value = "/usr/local/bin")]
    binaries: PathBuf,
    /// The folder of the settings
    #[arg(long, value_name = "DIR", default_value = "/etc/strangler")]
    settings: PathBuf,
    /// Where the proxy finds the route table once installed; it must be able to write the folder
    #[arg(long, value_name = "FILE", default_value = "/var/lib/strangler/routes.toml")]
    table: PathBuf,
    /// The service's unit
    #[arg(long, value_name = "NAME", default_value = "agent-service")]
    service: String,
    /// Who runs the service; with a database in a file, whoever owns that
    #[arg(long, value_name = "USER", default_value = "agent-service")]
    service_user: String,
    /// The service's port
    #[arg(long, value_name = "PORT", default_value_t = 8012, value_parser = clap::value_parser!(u16).range(1..))]
    service_port: u16,
    /// The shared database, without a password; absent: the line is left for the operator to fill in
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct RenderReport {
    folder: PathBuf,
    /// `planned` or `done`.
    result: &'static str,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    path: PathBuf,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    New,
    Replaced,
    Unchanged,
}

/// Writes the files.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    let is_file = context.home.source() == "file";
    let files = deployment(args, &table, is_file)?.files().map_err(|problem| Failure::Other {
        message: format!("a template can't be filled in: {problem}"),
        help: "this is a defect of the program: please report it".to_owned(),
    })?;
    let states: Vec<State> =
        files.iter().map(|file| state(&args.to, file)).collect::<Result<_, _>>()?;
    if let Some((file, _)) =
        files.iter().zip(&states).find(|(_, state)| **state == State::Replaced && !args.replace)
    {
        return Err(Failure::Refused {
            message: format!(
                "{} says something else; nothing was written",
                args.to.join(&file.path).display()
            ),
            help: "name an empty folder with --to, or replace what differs with --replace"
                .to_owned(),
        });
    }
    if !context.dry_run {
        for (file, _) in files.iter().zip(&states).filter(|(_, state)| **state != State::Unchanged)
        {
            write(&args.to, file)?;
        }
    }
    let result = if context.dry_run { "planned" } else { "done" };
    let files = files.into_iter().zip(states).map(|(file, state)| File { path: file.path, state });
    let files = files.collect();
    context.printer.show(&RenderReport { folder: args.to.clone(), result, files });
    Ok(Exit::Done)
}

fn deployment(args: &Args, table: &RouteTable, is_file: bool) -> Result<Deployment, Failure> {
    let (database, folder, is_database_local) = database(args.database.as_deref())?;
    let is_rewritten = table.routes.iter().any(|route| route.old_path.is_some());
    let fallback = table.backend(table.fallback);
    // The snippet speaks without TLS to all that it names.
    let is_asked_otherwise = is_rewritten || fallback.tls.is_some();
    let fallback = fallback.targets.iter().map(ToString::to_string);
    Ok(Deployment {
        binaries: path("--binaries", &args.binaries)?,
        settings: path("--settings", &args.settings)?,
        table: path("--table", &args.table)?,
        table_folder: args
            .table
            .parent()
            .filter(|folder| *folder != Path::new(STATE))
            .map(|folder| folder.display().to_string()),
        service: word("--service", &args.service)?,
        service_user: word("--service-user", &args.service_user)?,
        service_port: args.service_port,
        database,
        database_folder: folder,
        is_database_local,
        proxy_address: table.listen.http,
        has_low_port: table.listen.addresses().any(|address| is_low(address.port())),
        monolith_addresses: if is_asked_otherwise { Vec::new() } else { fallback.collect() },
        prefixes: prefixes(table),
        is_proxy_local: is_file && speaks_with_this_machine_only(table),
    })
}

/// Whether a proxy with this table has nobody elsewhere to speak with, as far as the table says it.
fn speaks_with_this_machine_only(table: &RouteTable) -> bool {
    let mut hosts = table.backends.iter().flat_map(|backend| &backend.targets);
    let mut backends = table.backends.iter();
    let mut routes = table.routes.iter();
    table.listen.addresses().all(|address| address.ip().is_loopback())
        && hosts.all(|target| is_local(&target.host))
        && backends.all(|backend| backend.twin.is_none())
        && routes.all(|route| route.guard.webhook.is_none())
        && table.evidence.url.starts_with("sqlite:")
}

/// What the service is told, the folder that it must be able to write, and whether it is on this machine.
fn database(url: Option<&str>) -> Result<(Option<String>, Option<String>, bool), Failure> {
    let Some(url) = url else { return Ok((None, None, false)) };
    match Place::parse(url, "--database")? {
        Place::Sqlite(file) => {
            let file = path("--database", &file)?;
            let folder = Path::new(&file).parent().map(|folder| folder.display().to_string());
            Ok((Some(format!("sqlite:///{file}")), folder, true))
        }
        Place::Postgres(server) if server.password.is_some() => Err(Failure::Usage {
            message: "--database: a file that is rendered holds no password".to_owned(),
            help:
                "leave it out here, and put DATABASE_URL with it into the service's file of secrets"
                    .to_owned(),
        }),
        Place::Postgres(server) => {
            let is_local =
                server.host().is_none_or(|host| host.starts_with('/') || is_local(&host));
            Ok((Some(server.url_of(&server.database)), None, is_local))
        }
    }
}

fn path(flag: &str, path: &Path) -> Result<String, Failure> {
    absolute(path).map_err(|why| Failure::Usage {
        message: format!("{flag}: {} {why}", path.display()),
        help: "name it from the root of the machine, in plain characters".to_owned(),
    })
}

fn word(flag: &str, word: &str) -> Result<String, Failure> {
    let why = unfit(word).or_else(|| word.contains(['/', '@', ':']).then_some("is no name"));
    why.map_or_else(
        || Ok(word.to_owned()),
        |why| {
            Err(Failure::Usage {
                message: format!("{flag}: `{word}` {why}"),
                help: "write a name as systemd knows it, without `.service`".to_owned(),
            })
        },
    )
}

fn state(folder: &Path, file: &Rendered) -> Result<State, Failure> {
    let path = folder.join(&file.path);
    match std::fs::read(&path) {
        Ok(there) if there == file.text.as_bytes() => Ok(State::Unchanged),
        Ok(_) => Ok(State::Replaced),
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(State::New),
        Err(problem) => Err(failed(&path, &problem)),
    }
}

fn write(folder: &Path, file: &Rendered) -> Result<(), Failure> {
    let path = folder.join(&file.path);
    let written = std::fs::create_dir_all(whole_file::folder_of(&path))
        .and_then(|()| whole_file::write(&path, |out| out.write_all(file.text.as_bytes())))
        .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)));
    written.map_err(|problem| failed(&path, &problem))
}

fn failed(path: &Path, problem: &std::io::Error) -> Failure {
    Failure::Other {
        message: format!("{}: {problem}", path.display()),
        help: "name a folder that you may write to with --to; a second run writes what lacks"
            .to_owned(),
    }
}

impl Report for RenderReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let mut table = grid(&["FILE", ""]);
        for file in &self.files {
            let state = match (self.result, file.state) {
                (_, State::Unchanged) => plain("unchanged"),
                ("planned", State::New) => warn("would be written"),
                ("planned", State::Replaced) => warn("would be replaced"),
                (_, State::New) => good("written"),
                (_, State::Replaced) => good("replaced"),
            };
            table.add_row(vec![plain(self.folder.join(&file.path).display()), state]);
        }
        page.push_str(&lines(&table));
        writeln!(page, "next: migrate deploy check --root {}", self.folder.display())
    }
}
