//! `migrate retire`: the configuration of a front that does the proxy's work once it has none of its own, and the way back.

mod conditions;
mod entrance;
mod place;
mod report;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flip::cutover_plan::unknown;
use flip::gate::Verdict;
use flip::standing::read_table;
use routes::Target;

use super::cutover::patience;
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::fronts::{self, Front, Inexpressible, Kind};
use place::{Folder, Points};
use report::{Came, Retired};

const AFTER: &str = "\
Two files are written to DIR, and a link that the front reads: one file sends each request straight to the backend that the table names
for it, with the path that this backend knows; the other sends everything to the proxy. The link points at the first, after --undo at the
second. Nothing is installed or reloaded: the last lines say what to type. The proxy goes on until you stop it.

Refused (exit code 3) unless each route is at stage `service` (those that are not named may be at `monolith`), the guard has taken none
back and the routes have stood there for --quiet-for, and every proxy has the table in force and sees the backends healthy. What a front
can't do as the proxy does it is listed; what it would send elsewhere than the proxy is refused, also with --force.

The front has to read the link: nginx by an `include` in its `http` block, HAProxy by a second `-f`, Envoy as the whole of its
configuration. There must be nothing else at these addresses: nginx refuses a second default server (`nginx -t`), but a `server` block
that names hosts keeps them, and HAProxy shares connections out among frontends that bind the same address.

Examples:
  migrate retire --for nginx --listen 0.0.0.0:80 --to /etc/nginx/strangler --dry-run
  migrate retire --for nginx --listen 0.0.0.0:80 --listen-https 0.0.0.0:443 --to /etc/nginx/strangler
  migrate retire workflows executions --for haproxy --listen 0.0.0.0:80 --to /etc/haproxy/strangler
  migrate retire --undo --to /etc/nginx/strangler";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The routes that are at stage service; absent: all
    #[arg(value_name = "ROUTE", conflicts_with = "undo")]
    names: Vec<String>,

    /// The program that takes requests from now on
    #[arg(long = "for", value_name = "FRONT", value_enum, required_unless_present = "undo")]
    front: Option<Kind>,

    /// The folder that the files are written to
    #[arg(long, value_name = "DIR")]
    to: PathBuf,

    /// Where the front takes requests
    #[arg(long, value_name = "ADDRESS", required_unless_present = "undo")]
    listen: Option<SocketAddr>,

    /// Where the front takes requests with TLS, over HTTP/1.1 and HTTP/2, by the certificate of the table's `[listen]`
    #[arg(long, value_name = "ADDRESS", conflicts_with = "undo")]
    listen_https: Option<SocketAddr>,

    /// Where the proxy takes requests, for the way back; may be given several times [default: `[listen] http` of the table]
    #[arg(long, value_name = "HOST:PORT", value_parser = proxy)]
    proxy: Vec<Target>,

    /// How long the routes must have been at stage service, and the guard quiet; 168h is a week
    #[arg(long, value_name = "TIME", default_value = "168h", value_parser = patience)]
    quiet_for: Duration,

    /// Why a check is gone past
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Go past what the checks refuse; what was gone past stands in the file
    #[arg(long, requires = "reason", conflicts_with = "undo")]
    force: bool,

    /// Let the link point at the way through the proxy again
    #[arg(long)]
    undo: bool,
}

fn proxy(word: &str) -> Result<Target, String> {
    Target::parse(&format!("http://{word}")).map_err(|(what, help)| format!("{what}; {help}"))
}

/// Writes the files, or shows what would be written.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (Some(kind), Some(listen), false) = (args.front, args.listen, args.undo) else {
        return undo(args, context);
    };
    let table = read_table(&context.home)?;
    if let Some(name) = args.names.iter().find(|name| table.route_named(name).is_none()) {
        return Err(unknown(&table, name).into());
    }
    let folder = folder_of(context.home.path());
    let entrance = entrance::entrance(args, listen, &table, &folder)?;
    let proxies = entrance::proxies(&args.proxy, &table, &entrance)?;
    let verdict = {
        let _progress = context.printer.progress("asking the proxies");
        conditions::check(&args.names, args.quiet_for, &table, context).await?
    };
    let mut report = Retired::new(kind, &args.to, &entrance, &table, verdict);
    if !report.verdict.passed() && !args.force {
        report.result = Came::Refused;
        context.printer.show(&report);
        return Ok(Exit::Refused);
    }
    let straight =
        Front::straight(&table, &entrance, &folder).map_err(|why| inexpressible(&why))?;
    let back = Front::to_proxy(&table, &entrance, &proxies);
    let text = straight.write(kind).map_err(|why| inexpressible(&why))?;
    let text = format!("{}{text}", forced(args, &report.verdict));
    let back = back.write(kind).map_err(|why| inexpressible(&why))?;
    report.notes = fronts::notes(kind, entrance.https.is_some());
    let place = Folder::of(&args.to, kind)?;
    report.files =
        vec![place.would_write(kind.straight(), &text)?, place.would_write(kind.back(), &back)?];
    let links: Vec<(&str, PathBuf)> = match (kind.pair(), &entrance.https) {
        (Some(names), Some(secure)) => names.into_iter().zip(secure.pair()).collect(),
        _ => Vec::new(),
    };
    for (name, to) in &links {
        report.files.push(place.would_link(name, to)?);
    }
    let was = place.points()?;
    if was == Points::Straight && report.files.iter().all(report::File::is_unchanged) {
        report.result = Came::NothingToDo;
    } else if !context.dry_run {
        let link = args.to.join(kind.link());
        let question = format_args!("let {} send requests past the proxy?", link.display());
        confirm::ask(context, question)?;
        for (name, to) in &links {
            place.link(name, to)?;
        }
        place.write(kind.back(), &back)?;
        place.write(kind.straight(), &text)?;
        place.point(Points::Straight)?;
        report.result = Came::Done;
    }
    context.printer.show(&report);
    Ok(Exit::Done)
}

/// What paths of the table are relative to, from the root.
fn folder_of(table: &Path) -> PathBuf {
    let folder = table.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn forced(args: &Args, verdict: &Verdict) -> String {
    match &args.reason {
        Some(reason) if !verdict.passed() => {
            let told: String = verdict
                .reason(reason)
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            format!("# {told}\n")
        }
        _ => String::new(),
    }
}

fn inexpressible(why: &Inexpressible) -> Failure {
    Failure::Refused {
        message: format!(
            "it can't be said without sending requests elsewhere than the proxy does: {why}"
        ),
        help: "change the table so that it need not be said, or name another front with --for"
            .to_owned(),
    }
}

/// The way back: nothing but the link changes.
fn undo(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let kinds = args.front.map_or_else(|| Kind::ALL.to_vec(), |kind| vec![kind]);
    let mut linked = Vec::new();
    for kind in kinds {
        let place = Folder::of(&args.to, kind)?;
        let points = place.points()?;
        if points != Points::Nowhere {
            linked.push((kind, place, points));
        }
    }
    let mut linked = linked.into_iter();
    let (kind, place, was) = match (linked.next(), linked.next()) {
        (Some(only), None) => only,
        (None, _) => {
            return Err(Failure::Usage {
                message: format!("{} has no files of this command", args.to.display()),
                help: "name the folder that they were written to with --to".to_owned(),
            });
        }
        (Some(_), Some(_)) => {
            return Err(Failure::Usage {
                message: format!(
                    "{} has files for more than one front; nothing was changed",
                    args.to.display()
                ),
                help: "say which one with --for".to_owned(),
            });
        }
    };
    let mut report = Retired::undone(kind, &args.to);
    if was == Points::Back {
        report.result = Came::NothingToDo;
    } else if !context.dry_run {
        let link = args.to.join(kind.link());
        confirm::ask(
            context,
            format_args!("let {} send requests through the proxy?", link.display()),
        )?;
        place.point(Points::Back)?;
        report.result = Came::Undone;
    }
    context.printer.show(&report);
    Ok(Exit::Done)
}

/// Whether a front whose files are in this folder passes the proxy by.
pub(crate) fn leads_past_the_proxy(folder: &Path) -> bool {
    Kind::ALL.into_iter().any(|kind| {
        let points = Folder::of(folder, kind).and_then(|place| place.points());
        matches!(points, Ok(Points::Straight))
    })
}
