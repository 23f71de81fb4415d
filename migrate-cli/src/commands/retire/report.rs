//! What a run shows.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use flip::gate::Verdict;
use routes::RouteTable;
use routes::generation::Generation;
use serde::Serialize;

use super::super::gate_table;
use crate::fronts::{Entrance, Kind};
use crate::grid::{good, grid, lines, plain, warn};
use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, STRONG, paint};

/// How it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Came {
    Planned,
    Done,
    Undone,
    NothingToDo,
    Refused,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(super) struct Retired {
    pub(super) result: Came,
    front: Kind,
    folder: PathBuf,
    /// What the front reads.
    link: PathBuf,
    /// The version of the table that it does the work of; not told of a way back.
    generation: Option<Generation>,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    pub(super) files: Vec<File>,
    /// What the proxy did, and the front does not or does otherwise.
    pub(super) notes: Vec<&'static str>,
    /// What to type next, in order.
    next: Vec<String>,
}

/// A file, and what becomes of it.
#[derive(Debug, Serialize)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    New,
    Replaced,
    Unchanged,
}

impl File {
    pub(super) fn is_unchanged(&self) -> bool {
        self.state == State::Unchanged
    }
}

impl Retired {
    pub(super) fn new(
        kind: Kind,
        folder: &Path,
        entrance: &Entrance,
        table: &RouteTable,
        verdict: Verdict,
    ) -> Self {
        let mut next = take_in(kind, folder, entrance);
        next.push(
            "migrate status   # until the proxy's counters stand still; then stop it:".to_owned(),
        );
        next.push("systemctl disable --now strangler-proxy".to_owned());
        Self {
            generation: Some(table.generation.clone()),
            verdict,
            next,
            ..Self::undone(kind, folder)
        }
    }

    /// A way back, as far as it is known before.
    pub(super) fn undone(kind: Kind, folder: &Path) -> Self {
        let mut next = vec![
            "systemctl enable --now strangler-proxy".to_owned(),
            "migrate status   # until the proxy has the table in force; then:".to_owned(),
        ];
        next.extend(reload(kind, folder));
        Self {
            result: Came::Planned,
            front: kind,
            folder: folder.to_owned(),
            link: folder.join(kind.link()),
            generation: None,
            verdict: Verdict::default(),
            files: Vec::new(),
            notes: Vec::new(),
            next,
        }
    }
}

/// How a front that may know nothing of the link comes to read it, and is the only one to be asked.
fn take_in(kind: Kind, folder: &Path, entrance: &Entrance) -> Vec<String> {
    let link = link_of(kind, folder);
    let at = match &entrance.https {
        Some(secure) => format!("{} or {}", entrance.http, secure.address()),
        None => entrance.http.to_string(),
    };
    match kind {
        Kind::Nginx => vec![
            format!(
                "echo 'include {link};' > /etc/nginx/conf.d/strangler.conf   # once; the `http` block reads that folder"
            ),
            format!(
                "nginx -t   # \"duplicate default server\": another block is asked first at {at}; take it out"
            ),
            format!(
                "nginx -T | grep -w server_name   # a block at {at} that names hosts keeps them: take it out, too"
            ),
            "systemctl reload nginx".to_owned(),
        ],
        Kind::Haproxy => vec![
            format!(
                "grep -rw bind /etc/haproxy   # another frontend at {at} would get a share of the connections: take it out"
            ),
            format!(
                "echo 'EXTRAOPTS=\"-S /run/haproxy-master.sock -f {link}\"' >> /etc/default/haproxy   # once, beside what stands there"
            ),
            format!("haproxy -c -f /etc/haproxy/haproxy.cfg -f {link}"),
            "systemctl restart haproxy   # once; from then on reload is enough".to_owned(),
        ],
        Kind::Envoy => reload(kind, folder),
    }
}

/// How a front that reads the link takes what it points at now.
fn reload(kind: Kind, folder: &Path) -> Vec<String> {
    let link = link_of(kind, folder);
    match kind {
        Kind::Nginx => vec!["nginx -t".to_owned(), "systemctl reload nginx".to_owned()],
        Kind::Haproxy => vec![
            format!("haproxy -c -f /etc/haproxy/haproxy.cfg -f {link}"),
            "systemctl reload haproxy".to_owned(),
        ],
        Kind::Envoy => vec![
            format!("envoy --mode validate -c {link}"),
            format!(
                "systemctl restart envoy   # its unit has to run `envoy -c {link}`; or by its hot restarter"
            ),
        ],
    }
}

/// From the root: a front's own files may lie anywhere.
fn link_of(kind: Kind, folder: &Path) -> String {
    let link = folder.join(kind.link());
    std::path::absolute(&link).unwrap_or(link).display().to_string()
}

impl Report for Retired {
    fn human(&self, page: &mut String) -> fmt::Result {
        if !self.verdict.conditions.is_empty() {
            gate_table::human(&self.verdict, page)?;
        }
        if self.result == Came::Refused {
            let (unmet, all) = (self.verdict.unmet().len(), self.verdict.conditions.len());
            let refused = paint(BAD, "refused:");
            return writeln!(
                page,
                "{refused} {unmet} of {all} conditions stand against taking the proxy out"
            );
        }
        if !self.notes.is_empty() {
            writeln!(page, "{}", paint(STRONG, "otherwise than the proxy:"))?;
            self.notes.iter().try_for_each(|note| writeln!(page, "  {}", paint(DIM, note)))?;
        }
        if !self.files.is_empty() {
            let mut table = grid(&["FILE", ""]);
            for file in &self.files {
                let state = match (self.result, file.state) {
                    (_, State::Unchanged) => plain("unchanged"),
                    (Came::Planned, State::New) => warn("would be written"),
                    (Came::Planned, State::Replaced) => warn("would be replaced"),
                    (_, State::New) => good("written"),
                    (_, State::Replaced) => good("replaced"),
                };
                table.add_row(vec![plain(file.path.display()), state]);
            }
            page.push_str(&lines(&table));
        }
        let (link, is_back) = (self.link.display(), self.generation.is_none());
        let to = if is_back { "through the proxy" } else { "past the proxy" };
        match self.result {
            Came::Planned => writeln!(page, "planned: {link} would lead {to}")?,
            Came::NothingToDo => writeln!(page, "nothing to do: {link} leads {to}")?,
            _ => writeln!(page, "{} {link} leads {to}", paint(GOOD, "done:"))?,
        }
        if is_back {
            writeln!(page, "{}", paint(STRONG, "the proxy first, then the front:"))?;
        } else {
            writeln!(page, "{}", paint(STRONG, "the front first, then the proxy:"))?;
        }
        self.next.iter().try_for_each(|line| writeln!(page, "  {line}"))
    }
}
