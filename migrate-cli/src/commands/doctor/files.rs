//! Whether files have the right owners, and nobody else may change them or read secrets.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use routes::RouteTable;
use routes::admin::RoutesReport;

use crate::checks::{Checks, Wrong};
use crate::context::Context;

/// Where `migrate deploy` looks for secrets.
const SECRETS: &str = "/etc/strangler/secrets";
/// Most files of a folder that are looked at.
const MOST: usize = 100;

/// Looks at each.
pub(super) fn check(
    table: &RouteTable,
    context: &Context,
    secrets: &[PathBuf],
    proxies: &[RoutesReport],
    checks: &mut Checks,
) {
    checks.group("files");
    let user = proxies.iter().find_map(|report| user_of(report.proxy.pid));
    if user.is_none() {
        checks.skip("files belong to the proxy's user", "no proxy runs on this machine");
    }
    let path = context.home.path();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    for (what, file) in kept(table, path, folder, context.home.source() == "file") {
        match file.metadata() {
            Ok(it) => checks.settle(what, written(&file, &it, user)),
            Err(problem) => checks.skip(what, format!("{}: {problem}", file.display())),
        }
    }
    let key = table.listen.https.as_ref().map(|https| folder.join(&https.key));
    let token = context.admin_token_file.clone();
    let told = Path::new(SECRETS).exists().then(|| PathBuf::from(SECRETS));
    let all: Vec<PathBuf> =
        key.into_iter().chain(token).chain(told).chain(secrets.to_vec()).collect();
    for path in all.iter().flat_map(|path| each(path)) {
        let what = format!("{} is read by its owner alone", path.display());
        match path.metadata() {
            Ok(it) => checks.settle(what, hidden(&path, &it)),
            Err(problem) => {
                let help = "name a file that is there, and that you may look at";
                checks.settle(what, Err(Wrong::new(problem.to_string(), help)));
            }
        }
    }
}

/// What the proxy keeps, and has to write.
fn kept(
    table: &RouteTable,
    path: &Path,
    folder: &Path,
    is_file: bool,
) -> Vec<(&'static str, PathBuf)> {
    let mut kept =
        vec![("the folder of the table", folder.to_owned()), ("the route table", path.to_owned())];
    if is_file {
        let mut journal = path.as_os_str().to_owned();
        journal.push(".journal");
        kept.push(("the journal", journal.into()));
    }
    if let Some(file) = table.evidence.url.strip_prefix("sqlite://") {
        kept.push(("the evidence", folder.join(file)));
    }
    kept
}

/// The user of a process of this machine.
fn user_of(pid: u32) -> Option<u32> {
    let process = Path::new("/proc").join(pid.to_string());
    let name = std::fs::read_to_string(process.join("comm")).ok()?;
    // The proxy may run on another machine, where its number means another process.
    let is_it = name.contains("proxy");
    is_it.then(|| process.metadata().ok().map(|it| it.uid())).flatten()
}

/// A file that the proxy changes, and nobody else but operators.
fn written(path: &Path, it: &Metadata, user: Option<u32>) -> Result<String, Wrong> {
    const BY_ALL: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let (mode, owner) = (it.mode() & 0o7777, it.uid());
    let path = path.display();
    if mode & BY_ALL != 0 && mode & STICKY == 0 {
        let found = format!("every user may change {path} (mode {mode:04o})");
        return Err(Wrong::new(found, format!("chmod o-w {path}")));
    }
    match user {
        // Root changes what it likes; a group may be let in on purpose.
        Some(user) if user != 0 && user != owner && mode & 0o020 == 0 => {
            let found = format!(
                "{path} belongs to user {owner}, the proxy runs as {user}: it can't write it"
            );
            Err(Wrong::new(found, format!("chown {user} {path}")))
        }
        _ => Ok(format!("{path}: user {owner}, mode {mode:04o}")),
    }
}

fn hidden(path: &Path, it: &Metadata) -> Result<String, Wrong> {
    let mode = it.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let wanted = if it.is_dir() { "0700" } else { "0600" };
        let found = format!("others may read or change it (mode {mode:04o})");
        return Err(Wrong::new(found, format!("chmod {wanted} {}", path.display())));
    }
    Ok(format!("user {}, mode {mode:04o}", it.uid()))
}

/// A path, and what is in it where it is a folder.
fn each(path: &Path) -> Vec<PathBuf> {
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut inside: Vec<PathBuf> = inside.map(|file| file.path()).take(MOST).collect();
    inside.sort();
    std::iter::once(path.to_owned()).chain(inside).collect()
}
