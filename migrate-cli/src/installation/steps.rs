//! What has to be done so that the machine is what is wanted, in order.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use super::content::{Content, Owner, bytes, write};
use super::machine::{Commands, Machine};
use super::renewal::renewal;
use super::wanted::{Wanted, WantedFile};
use super::{Trouble, with_file};

/// Who owns the route table: the proxy's user.
const OWNER: &str = "strangler";

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) what: What,
    /// The path, or the unit.
    pub(crate) on: String,
    /// Whether it is so already.
    pub(crate) is_so: bool,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Writes a file.
    Write,
    /// `systemd-sysusers`.
    MakeUsers,
    /// `systemd-tmpfiles`.
    MakeFolders,
    /// Puts the route table where the proxy reads it.
    PlaceTable,
    /// `systemctl daemon-reload`.
    Reload,
    /// `systemctl enable`.
    Enable,
    /// `systemctl start`.
    Start,
    /// `systemctl restart`.
    Restart,
    /// `systemctl reload`: the new program takes over from the one that runs.
    HandOver,
}

impl What {
    /// The word for people and for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::MakeUsers => "make users",
            Self::MakeFolders => "make folders",
            Self::PlaceTable => "place table",
            Self::Reload => "reload units",
            Self::Enable => "enable",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::HandOver => "hand over",
        }
    }
}

/// The steps from what the machine is now.
pub(super) async fn steps<C: Commands>(
    wanted: &Wanted,
    machine: &Machine<'_, C>,
) -> Result<Vec<Step>, Trouble> {
    let root = machine.root();
    let step = |what, on: &str, is_so| Step { what, on: on.to_owned(), is_so };
    let mut steps = Vec::new();
    let mut changed = Vec::new();
    for file in &wanted.files {
        let is_so = is_there(root, file)?;
        changed.extend((!is_so).then_some(file.path.as_path()));
        steps.push(step(What::Write, &file.path.display().to_string(), is_so));
    }
    steps.push(step(What::MakeUsers, "etc/sysusers.d/strangler.conf", false));
    steps.push(step(What::MakeFolders, "etc/tmpfiles.d/strangler.conf", false));
    if let Some(table) = &wanted.table {
        let is_so = root.join(&table.path).exists();
        steps.push(step(What::PlaceTable, &table.path.display().to_string(), is_so));
    }
    if machine.runs() {
        steps.push(step(What::Reload, "systemd", false));
    }
    for unit in &wanted.units {
        let now = machine.state(unit).await?;
        steps.push(step(What::Enable, unit, now.enabled));
        if machine.runs() {
            // A program that was replaced runs on in its old form until something is done about it.
            let renewal = if now.active { renewal(machine, unit, &changed).await? } else { None };
            steps.push(step(renewal.unwrap_or(What::Start), unit, now.active && renewal.is_none()));
        }
    }
    Ok(steps)
}

/// Whether a file is as it shall be.
fn is_there(root: &Path, file: &WantedFile) -> Result<bool, Trouble> {
    let there = Content::read(&root.join(&file.path))?;
    Ok(matches!(there, Some(Content::File { bytes, mode, .. })
        if bytes == file.content && mode == file.mode))
}

impl Step {
    /// Does it, unless it is so already.
    pub(super) async fn carry_out<C: Commands>(
        &self,
        wanted: &Wanted,
        machine: &Machine<'_, C>,
    ) -> Result<(), Trouble> {
        if self.is_so {
            return Ok(());
        }
        let root = machine.root();
        let on = self.on.as_str();
        match self.what {
            What::Write => {
                let mut files = wanted.files.iter();
                let file = files.find(|file| file.path == Path::new(on));
                file.map_or(Ok(()), |it| write(&root.join(&it.path), &it.content, it.mode, None))
            }
            What::MakeUsers => machine.make_users().await,
            What::MakeFolders => machine.make_folders().await,
            What::PlaceTable => wanted.table.as_ref().map_or(Ok(()), |it| place_table(root, it)),
            What::Reload => machine.reload().await,
            What::Enable => machine.enable(on).await,
            What::Start => machine.start("start", on).await,
            What::Restart => machine.start("restart", on).await,
            What::HandOver => machine.hand_over(on).await,
        }
    }
}

/// Writes the table; it and a folder that is new belong to the proxy, which takes routes back by writing it. The table comes last and
/// with its owner: a run that was killed has placed it, or not begun.
fn place_table(root: &Path, table: &WantedFile) -> Result<(), Trouble> {
    let path = root.join(&table.path);
    let folder = path.parent().unwrap_or(root);
    let owner = owner(root)?;
    // An empty one may be of a run that was killed before it had an owner.
    let is_new = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if let (Some((user, group)), true) = (owner, is_new) {
        std::fs::create_dir_all(folder)
            .and_then(|()| chown(folder, Some(user), Some(group)))
            .and_then(|()| std::fs::set_permissions(folder, Permissions::from_mode(0o2770)))
            .map_err(with_file(folder))?;
    }
    write(&path, &table.content, table.mode, owner)
}

/// The numbers of the proxy's user and group on that machine, if it has the user.
fn owner(root: &Path) -> Result<Option<Owner>, Trouble> {
    let Some(users) = bytes(&root.join("etc/passwd"))? else { return Ok(None) };
    let users = String::from_utf8_lossy(&users).into_owned();
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut owners = fields.filter_map(|fields| match fields.as_slice() {
        [name, _, user, group, ..] if *name == OWNER => {
            Some((user.parse().ok()?, group.parse().ok()?))
        }
        _ => None,
    });
    Ok(owners.next())
}
