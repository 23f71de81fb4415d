//! `migrate cleanup`: takes the extracted files out of the monolith, in one commit that one command takes back.

mod client;
mod page;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flip::standing::read_table;
use routes::{RouteTable, Stage};
use scan::border::Place;
use scan::cleanup::{self, Cleanup, untold};
use scan::served::Served;
use scan::survey;
use serde::Serialize;

use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::monolith::commit::{Change, Repository};
use crate::monolith::read::{self, Source};
use crate::whole_file;

/// Most files of a dirty tree that are named.
const NAMED: usize = 5;

const AFTER: &str = "\
The files go to a hidden folder (--attic), where Python and the scan don't find them. From the files that stay go, by their exact
places: imports of the extracted files, routers of theirs that are taken in, and their names in lists; nothing else changes. All of it
is one commit, which --undo takes back with another one, also after later commits.

Nothing is done while something else uses an extracted file (each place is named), while a route of theirs is not at stage `service`,
while a dynamic import or a router that can't be told may be one of theirs ([cleanup] acknowledged in migration.toml lists files that
somebody has looked at), or while the tree has changes. What was killed on its way is ended by the next run.

--use-client names a client below DIR that `migrate client generate` has written. Imports of what it offers then come from there, and
so do those of files that stay; it may be new in the tree, and becomes part of the commit. Hooks of Git are not run.

Examples:
  migrate cleanup ./coordinator --dry-run                         with the globs of migration.toml
  migrate cleanup ./coordinator --patch cleanup.patch             a patch, and nothing else
  migrate cleanup ./coordinator && git show
  migrate cleanup ./coordinator --use-client app/clients/agents.py
  migrate cleanup ./coordinator --undo

Exit codes: 0 done, or was so already; 3 refused, nothing was changed";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    #[command(flatten)]
    monolith: read::Monolith,

    /// The folder below DIR that the files go to
    #[arg(long, value_name = "FOLDER", default_value = ".attic", value_parser = attic)]
    attic: String,

    /// Write a patch instead of a commit
    #[arg(long, value_name = "FILE", conflicts_with = "undo")]
    patch: Option<PathBuf>,

    /// A generated client, by its path below DIR, that takes the place of what files that stay have used
    #[arg(long, value_name = "FILE.py", conflicts_with = "undo")]
    use_client: Option<String>,

    /// Put everything back, with a commit
    #[arg(long)]
    undo: bool,
}

fn attic(word: &str) -> Result<String, String> {
    let word = word.trim_end_matches('/');
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if word.starts_with('.') && word.split('/').all(is_plain) {
        return Ok(word.to_owned());
    }
    Err("name a hidden folder below DIR, such as .attic: Python finds others".to_owned())
}

/// How it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Came {
    Done,
    Undone,
    Patched,
    Planned,
    NothingToDo,
    Refused,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct CleanupReport {
    result: Came,
    /// The commit that was made, or would be taken back.
    commit: Option<String>,
    /// The files that go, and where to.
    moved: Vec<Moved>,
    /// The files that are edited.
    edited: Vec<Edited>,
    /// The client, and what is added beside it.
    added: Vec<String>,
    /// What stands against it.
    against: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Moved {
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
struct Edited {
    file: String,
    /// What goes out of it.
    removed: Vec<Removed>,
    /// What comes from the client.
    rewired: Vec<Rewired>,
}

#[derive(Debug, Serialize)]
struct Rewired {
    /// 1-based, before.
    line: usize,
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
struct Removed {
    /// 1-based, before.
    line: usize,
    what: String,
}

impl CleanupReport {
    fn empty(result: Came) -> Self {
        Self {
            result,
            commit: None,
            moved: Vec::new(),
            edited: Vec::new(),
            added: Vec::new(),
            against: Vec::new(),
        }
    }
}

/// Takes them out, puts them back, or shows what would be done.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = Repository::of(&args.monolith.dir).await?;
    if !context.dry_run && args.patch.is_none() && repository.recover().await? {
        context.printer.warn("an earlier run was ended on its way; it is whole now");
    }
    let report = if args.undo {
        undo(context, &repository).await?
    } else {
        take_out(args, context, &repository).await?
    };
    context.printer.show(&report);
    Ok(if report.result == Came::Refused { Exit::Refused } else { Exit::Done })
}

async fn undo(context: &Context, repository: &Repository) -> Result<CleanupReport, Failure> {
    let Some(commit) = repository.taken_out().await? else {
        return Ok(CleanupReport::empty(Came::NothingToDo));
    };
    let known =
        |result, commit| CleanupReport { commit: Some(commit), ..CleanupReport::empty(result) };
    refuse_dirty(repository, &BTreeMap::new()).await?;
    let changed = repository.tree_without(&commit).await?;
    if context.dry_run {
        return Ok(known(Came::Planned, commit));
    }
    confirm::ask(context, format_args!("take back what {commit} did?"))?;
    refuse_dirty(repository, &BTreeMap::new()).await?;
    let made = repository.put_back(&changed, &commit).await?;
    Ok(known(Came::Undone, made))
}

async fn take_out(
    args: &Args,
    context: &Context,
    repository: &Repository,
) -> Result<CleanupReport, Failure> {
    let wanted = args.monolith.border()?;
    let source = {
        let _progress = context.printer.progress("reading the source");
        Source::read(&args.monolith.dir).await?
    };
    let sides = source.sides_then(&wanted)?;
    if sides.extracted.is_empty() && repository.taken_out().await?.is_some() {
        return Ok(CleanupReport::empty(Came::NothingToDo));
    }
    let client = args.use_client.as_deref();
    let added = match client {
        Some(client) => {
            client::added(client, &args.monolith.dir, &source, &sides, repository).await?
        }
        None => BTreeMap::new(),
    };
    if !context.dry_run {
        refuse_dirty(repository, &added).await?;
    }
    let sides = source.sides(&wanted)?;
    let text = |path: &str| read_text(&args.monolith.dir.join(path));
    let plan = cleanup::plan(&source.paths, &source.facts, &sides, client, &text);
    let survey = survey::of(&source.paths, &source.facts, &[], &sides);
    let mut report = report(&plan, &args.attic);
    report.added = added.keys().cloned().collect();
    let table = read_table(&context.home)?;
    report.against.extend(survey.routes.served.iter().flat_map(|route| not_moved(route, &table)));
    let looked = args.monolith.border.looked()?.acknowledged;
    report.against.extend(untold::against(&survey, &plan.moved, &|file| looked.contains(file)));
    if !report.against.is_empty() {
        report.result = Came::Refused;
        return Ok(report);
    }
    let change = change(&plan, &report, &added);
    repository.refuse_unwatched(&change).await?;
    if args.patch.is_none() {
        repository.refuse_in_the_way(change.moved.iter().map(|(_, to)| to))?;
    }
    if context.dry_run {
        refuse_dirty(repository, &added).await?;
        return Ok(report);
    }
    let changed = repository.tree(&change).await?;
    if let Some(file) = &args.patch {
        write(file, &repository.patch(&changed).await?)?;
        report.result = Came::Patched;
        return Ok(report);
    }
    let files = report.moved.len();
    confirm::ask(
        context,
        format_args!("take {files} files out of {}?", args.monolith.dir.display()),
    )?;
    // Somebody may have worked on while the question stood there.
    refuse_dirty(repository, &added).await?;
    let moved = report.moved.iter().map(|one| format!("{}\n", one.from));
    let message = format!("Take the extracted files out\n\n{}", moved.collect::<String>());
    report.commit = Some(repository.take_out(&changed, message.trim_end(), &added).await?);
    report.result = Came::Done;
    Ok(report)
}

fn report(plan: &Cleanup, attic: &str) -> CleanupReport {
    let moved =
        plan.moved.iter().map(|from| Moved { from: from.clone(), to: format!("{attic}/{from}") });
    let edited = plan.edited.iter().map(|(file, edited)| {
        let removed = edited.removed.iter();
        let removed = removed.map(|(line, what)| Removed { line: *line, what: what.clone() });
        let rewired = edited.rewired.iter().cloned();
        let rewired = rewired.map(|it| Rewired { line: it.line, from: it.from, to: it.to });
        Edited { file: file.clone(), removed: removed.collect(), rewired: rewired.collect() }
    });
    CleanupReport {
        moved: moved.collect(),
        edited: edited.collect(),
        against: plan.against.clone(),
        ..CleanupReport::empty(Came::Planned)
    }
}

fn change(plan: &Cleanup, report: &CleanupReport, added: &BTreeMap<String, String>) -> Change {
    let moved = report.moved.iter().map(|one| (one.from.clone(), one.to.clone()));
    let written = plan.edited.iter().map(|(path, edited)| (path.clone(), edited.text.clone()));
    Change { moved: moved.collect(), written: written.collect(), added: added.clone() }
}

/// Requests of a route that the new backend does not answer alone.
fn not_moved(route: &Served, table: &RouteTable) -> Vec<Place> {
    let place = |what| Place { file: route.file.clone(), line: route.line, what };
    let mut found = Vec::new();
    for path in &route.paths {
        if !path.is_told() {
            found.push(place(format!("is served at {}, which can't be told whole", path.path)));
            continue;
        }
        let parts = path.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let request = parts.collect::<Vec<_>>().join("/");
        let methods = match &route.methods[..] {
            [] => vec!["GET"],
            methods => methods.iter().map(String::as_str).collect(),
        };
        for method in methods {
            let what = match table.match_route(method, &request) {
                Ok(Some(matched)) => {
                    let known = table.route(matched.route);
                    match known.stage {
                        Stage::Service => continue,
                        stage => format!(
                            "{method} {}: route `{}` is at stage {stage}",
                            path.path, known.name
                        ),
                    }
                }
                _ => format!("{method} {}: no route of the table takes it", path.path),
            };
            found.push(place(what));
        }
    }
    found
}

/// Refuses a tree with changes, but for what is to be added.
async fn refuse_dirty(
    repository: &Repository,
    added: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let mut dirty = repository.dirty().await?;
    dirty.retain(|path| !added.keys().any(|added| repository.path(added) == *path));
    if dirty.is_empty() {
        return Ok(());
    }
    let named = dirty.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if dirty.len() > NAMED { ", …" } else { "" };
    Err(Failure::Refused {
        message: format!("the tree has changes: {named}{more}"),
        help: "commit them, or put them aside with `git stash --include-untracked`".to_owned(),
    })
}

/// The text of a file, or why there is none.
fn read_text(file: &Path) -> Result<String, String> {
    let bytes =
        std::fs::read(file).map_err(|problem| format!("can't be read any more: {problem}"))?;
    String::from_utf8(bytes)
        .map_err(|_mixed| "is no UTF-8: write it anew as UTF-8 first".to_owned())
}

fn write(file: &Path, patch: &[u8]) -> Result<(), Failure> {
    whole_file::write(file, |out| out.write_all(patch)).map_err(|problem| Failure::Other {
        message: format!("{} can't be written: {problem}", file.display()),
        help: "name a file in a folder that exists and that you may write to".to_owned(),
    })
}
