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
    let owner = proxies.iter().find_map(|report| owner_of(report.proxy.pid));
    if owner.is_none() {
        checks.skip("files belong to the proxy's user", "no proxy runs on this machine");
    }
    let user = owner.as_ref().map(|owner| owner.user);
    let path = context.home.path();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    for (what, file) in kept(table, path, folder, context.home.source() == "file") {
        match file.metadata() {
            Ok(it) => checks.settle(what, written(&file, &it, user)),
            Err(problem) => checks.skip(what, format!("{}: {problem}", file.display())),
        }
    }
    if let Some(https) = &table.listen.https {
        let key = folder.join(&https.key);
        let what = format!("{} is read by its owner and the proxy alone", key.display());
        let groups = owner.map_or_else(Vec::new, |owner| owner.groups);
        checks.settle(what, looked_at(&key, |it| hidden(&key, it, &groups)));
    }
    let token = context.admin_token_file.clone();
    let told = Path::new(SECRETS).exists().then(|| PathBuf::from(SECRETS));
    let all: Vec<PathBuf> = token.into_iter().chain(told).chain(secrets.to_vec()).collect();
    for path in all.iter().flat_map(|path| each(path)) {
        let what = format!("{} is read by its owner alone", path.display());
        checks.settle(what, looked_at(&path, |it| hidden(&path, it, &[])));
    }
}

fn looked_at(
    path: &Path,
    judge: impl FnOnce(&Metadata) -> Result<String, Wrong>,
) -> Result<String, Wrong> {
    let help = "name a file that is there, and that you may look at";
    let it = path.metadata().map_err(|problem| Wrong::new(problem.to_string(), help))?;
    judge(&it)
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

/// Who runs a process, by their numbers.
struct Owner {
    user: u32,
    groups: Vec<u32>,
}

/// Of a process of this machine.
fn owner_of(pid: u32) -> Option<Owner> {
    let process = Path::new("/proc").join(pid.to_string());
    let name = std::fs::read_to_string(process.join("comm")).ok()?;
    // The proxy may run on another machine, where its number means another process.
    if !name.contains("proxy") {
        return None;
    }
    let it = process.metadata().ok()?;
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let more = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    let more = more.split_ascii_whitespace().filter_map(|group| group.parse().ok());
    Some(Owner { user: it.uid(), groups: std::iter::once(it.gid()).chain(more).collect() })
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

/// A file that nobody but its owner and these groups may read, and nobody but its owner may change.
fn hidden(path: &Path, it: &Metadata, groups: &[u32]) -> Result<String, Wrong> {
    let (mode, group) = (it.mode() & 0o7777, it.gid());
    let shown = if groups.contains(&group) { 0o037 } else { 0o077 };
    if mode & shown == 0 {
        let group = if mode & 0o040 == 0 { String::new() } else { format!(", group {group}") };
        return Ok(format!("user {}{group}, mode {mode:04o}", it.uid()));
    }
    let found = format!("others may read or change it (mode {mode:04o}, group {group})");
    let wanted = if it.is_dir() { "0700" } else { "0600" };
    let path = path.display();
    let help = match groups.first() {
        Some(proxys) => format!("chmod {wanted} {path}, or chgrp {proxys} and chmod 0640"),
        None => format!("chmod {wanted} {path}"),
    };
    Err(Wrong::new(found, help))
}

/// A path, and what is in it where it is a folder.
fn each(path: &Path) -> Vec<PathBuf> {
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut inside: Vec<PathBuf> = inside.map(|file| file.path()).take(MOST).collect();
    inside.sort();
    std::iter::once(path.to_owned()).chain(inside).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_proxys_group_may_read_its_key_and_no_other_may() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = file.path().metadata().unwrap().gid();
        for (mode, groups, is_hidden) in [
            (0o600, &[][..], true),
            (0o640, &[own], true),
            (0o440, &[own.wrapping_add(1), own], true),
            (0o640, &[], false),
            (0o640, &[own.wrapping_add(1)], false),
            (0o660, &[own], false),
            (0o644, &[own], false),
        ] {
            std::fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
            let judged = hidden(file.path(), &file.path().metadata().unwrap(), groups);
            assert_eq!(judged.is_ok(), is_hidden, "{mode:o} {groups:?}: {judged:?}");
        }
    }
}
