//! The scan as one self-contained page with a graph: nothing is loaded, and the one script that runs is named by its hash.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use askama::Template;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::Utc;
use scan::border::{Border, Crossing};
use scan::callers::Caller;
use scan::links::Role;
use scan::served::Serving;
use scan::tables::Tables;
use sha2::{Digest as _, Sha256};

use super::ScanReport;
use super::page::{names, remarks};
use crate::failure::Failure;
use crate::whole_file;

const SCRIPT: &str = include_str!("../../../templates/scan.js");
/// Boxes and the room around them, in units of the picture.
const BOX: (usize, usize) = (330, 24);
const ROW: usize = 32;
const COLUMN: usize = 480;
const TOP: usize = 36;
/// Most characters of a file's path that a box has room for.
const SHOWN: usize = 43;

/// Writes the page, all of it or nothing.
pub(super) fn write(file: &Path, report: &ScanReport) -> Result<(), Failure> {
    let failed = |problem: &dyn fmt::Display| Failure::Other {
        message: format!("{} can't be written: {problem}", file.display()),
        help: "name a file in a folder that exists and that you may write to".to_owned(),
    };
    let text = page(report).render().map_err(|problem| failed(&problem))?;
    whole_file::write(file, |out| out.write_all(text.as_bytes())).map_err(|e| failed(&e))
}

#[derive(Template)]
#[template(path = "scan.html")]
struct Page<'a> {
    made_at: String,
    version: &'static str,
    report: &'a ScanReport,
    border: &'a Border,
    routes: &'a Serving,
    callers: &'a [Caller],
    used: &'a Tables,
    graph: Graph<'a>,
    tables: Vec<Table<'a>>,
    /// Written by hand, not escaped.
    script: &'static str,
    script_hash: String,
}

struct Graph<'a> {
    width: usize,
    height: usize,
    box_width: usize,
    box_height: usize,
    columns: Vec<Column>,
    nodes: Vec<Node<'a>>,
    edges: Vec<Edge>,
}

struct Column {
    x: usize,
    title: &'static str,
}

struct Node<'a> {
    id: usize,
    file: &'a str,
    /// The last parts of the path where it is long.
    shown: String,
    /// What is read aloud: it begins with what is shown.
    label: String,
    inside: bool,
    x: usize,
    y: usize,
}

struct Edge {
    from: usize,
    to: usize,
    path: String,
    title: String,
    uses: bool,
}

struct Table<'a> {
    title: &'static str,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    from: usize,
    to: usize,
    place: String,
    target: &'a str,
    names: String,
    how: String,
}

fn page(report: &ScanReport) -> Page<'_> {
    let survey = &report.survey;
    let border = &survey.border;
    let nodes = nodes(border);
    let ids: BTreeMap<&str, usize> = nodes.iter().map(|node| (node.file, node.id)).collect();
    let tables = [
        ("The rest imports extracted files", &border.importers),
        ("Extracted files import the rest", &border.needs),
    ];
    let tables = tables.into_iter().map(|(title, crossings)| Table {
        title,
        rows: crossings.iter().filter_map(|one| row(one, &ids)).collect(),
    });
    Page {
        made_at: Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        version: env!("CARGO_PKG_VERSION"),
        report,
        border,
        routes: &survey.routes,
        callers: &survey.callers,
        used: &survey.tables,
        tables: tables.filter(|table| !table.rows.is_empty()).collect(),
        graph: graph(border, nodes, &ids),
        script: SCRIPT,
        script_hash: BASE64_STANDARD.encode(Sha256::digest(SCRIPT)),
    }
}

/// In three columns: who imports, what leaves, what that imports; each file once, in the order of their names.
fn nodes(border: &Border) -> Vec<Node<'_>> {
    let from: BTreeSet<&str> = border.importers.iter().map(|one| one.from.as_str()).collect();
    let needed = border.needs.iter().map(|one| one.to.as_str());
    let needed: BTreeSet<&str> = needed.filter(|file| !from.contains(file)).collect();
    let inside = border.importers.iter().map(|one| one.to.as_str());
    let inside: BTreeSet<&str> =
        inside.chain(border.needs.iter().map(|one| one.from.as_str())).collect();
    let columns = [(from, false), (inside, true), (needed, false)];
    let placed = columns.into_iter().enumerate().flat_map(|(column, (files, inside))| {
        files.into_iter().enumerate().map(move |(row, file)| (column, row, file, inside))
    });
    placed
        .enumerate()
        .map(|(id, (column, row, file, inside))| Node {
            id,
            file,
            shown: shortened(file),
            label: match shortened(file) {
                shown if shown == file => shown,
                shown => format!("{shown}, {file}"),
            },
            inside,
            x: 10 + column * COLUMN,
            y: TOP + row * ROW,
        })
        .collect()
}

/// The last parts of a path that a box has room for.
fn shortened(file: &str) -> String {
    let fits = |text: &&str| text.chars().count() <= SHOWN;
    let folders = file.match_indices('/').filter_map(|(at, _)| file.get(at + 1..));
    let shown = std::iter::once(file).chain(folders).find(fits);
    shown.map_or_else(|| file.chars().take(SHOWN).collect(), str::to_owned)
}

fn graph<'a>(border: &Border, nodes: Vec<Node<'a>>, ids: &BTreeMap<&str, usize>) -> Graph<'a> {
    let mut between: BTreeMap<(usize, usize), Vec<&Crossing>> = BTreeMap::new();
    for one in border.importers.iter().chain(&border.needs) {
        if let (Some(from), Some(to)) = (ids.get(&*one.from), ids.get(&*one.to)) {
            between.entry((*from, *to)).or_default().push(one);
        }
    }
    let edges = between.into_iter().filter_map(|((from, to), crossings)| {
        let path = path(nodes.get(from)?, nodes.get(to)?);
        let lines = crossings
            .iter()
            .map(|one| format!("{}:{} → {}: {}", one.from, one.line, one.to, names(one)));
        let title = lines.collect::<Vec<_>>().join("\n");
        let uses = crossings.iter().any(|one| one.role == Role::Uses);
        Some(Edge { from, to, path, title, uses })
    });
    let lowest = nodes.iter().map(|node| node.y).max().unwrap_or(TOP);
    Graph {
        width: 20 + 2 * COLUMN + BOX.0,
        height: lowest + BOX.1 + 16,
        box_width: BOX.0,
        box_height: BOX.1,
        edges: edges.collect(),
        nodes,
        columns: ["The rest, importing", "Extracted", "The rest, imported"]
            .into_iter()
            .enumerate()
            .map(|(at, title)| Column { x: 10 + at * COLUMN, title })
            .collect(),
    }
}

/// From the side of one box to that of the other.
fn path(from: &Node<'_>, to: &Node<'_>) -> String {
    let (start, end) = if from.x <= to.x { (from.x + BOX.0, to.x) } else { (from.x, to.x + BOX.0) };
    let (above, below) = (from.y + BOX.1 / 2, to.y + BOX.1 / 2);
    let middle = usize::midpoint(start, end);
    format!("M{start} {above}C{middle} {above} {middle} {below} {end} {below}")
}

fn row<'a>(one: &'a Crossing, ids: &BTreeMap<&str, usize>) -> Option<Row<'a>> {
    Some(Row {
        from: *ids.get(&*one.from)?,
        to: *ids.get(&*one.to)?,
        place: format!("{}:{}", one.from, one.line),
        target: &one.to,
        names: names(one),
        how: remarks(one).join("; "),
    })
}
