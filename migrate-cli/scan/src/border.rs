//! What crosses the border between the extracted files and the rest.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::facts::{Form, Moment};
use crate::links::{Link, Links, Role, between};
use crate::names::Monolith;
use crate::{FileId, cycles};

/// On which side each file is.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// The files that leave the monolith.
    pub extracted: BTreeSet<FileId>,
    /// Files that both sides may import; a file that is extracted is not shared.
    pub shared: BTreeSet<FileId>,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Border {
    /// Whether the extracted files could be taken away: nobody else uses them, they use nobody who is not shared, no circle
    /// runs across, and every file could be read whole.
    pub clean: bool,
    /// Imports of extracted files by the rest.
    pub importers: Vec<Crossing>,
    /// Imports of the rest by extracted files; those of shared files are left out.
    pub needs: Vec<Crossing>,
    /// Circles of imports that run across the border.
    pub cycles: Vec<Cycle>,
    /// Imports of extracted files that lead to no file.
    pub nowhere: Vec<Place>,
    /// Extracted files that no import reaches, because a package of the same name lies beside them.
    pub hidden: Vec<Hidden>,
    /// Dynamic imports anywhere of something that the source does not name.
    pub untold: Vec<Place>,
    /// Files that could not be read whole.
    pub unread: Vec<Place>,
}

/// One import across the border.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Crossing {
    /// Who imports.
    pub from: String,
    /// 1-based.
    pub line: usize,
    /// What is imported.
    pub to: String,
    /// How it is written.
    pub form: Form,
    /// When it takes place.
    pub moment: Moment,
    /// What it is for.
    pub role: Role,
    /// The names that are used; none where it can only be told that the module is.
    pub names: BTreeSet<String>,
    /// The files that pass the names on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// Another file could be meant as well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
}

/// Files on both sides that all import each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cycle {
    /// The extracted ones.
    pub extracted: Vec<String>,
    /// The others.
    pub rest: Vec<String>,
    /// Whether it closes while files are loaded; else only functions close it.
    pub at_load: bool,
}

/// Something at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// What is there.
    pub what: String,
}

/// A file that a package hides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hidden {
    /// The file.
    pub file: String,
    /// The package's own file.
    pub by: String,
}

/// Judges the border.
pub fn judge(monolith: Monolith<'_>, paths: &[String], sides: &Sides) -> Border {
    let links = between(monolith);
    let path = |file: FileId| paths.get(file).cloned().unwrap_or_default();
    let is_in = |file: &FileId| sides.extracted.contains(file);
    let is_shared = |file: &FileId| sides.shared.contains(file) && !is_in(file);
    let crossings = |wanted: &dyn Fn(&Link) -> bool| {
        let mut found: Vec<Crossing> = links
            .all
            .iter()
            .filter(|link| wanted(link))
            .map(|link| crossing(link, &path))
            .collect();
        found.sort();
        found
    };
    let importers = crossings(&|link| !is_in(&link.from) && is_in(&link.to));
    let needs = crossings(&|link| is_in(&link.from) && !is_in(&link.to) && !is_shared(&link.to));
    let place = |file: FileId, line: usize, what: &str| Place {
        file: path(file),
        line,
        what: what.to_owned(),
    };
    let all = monolith.facts.iter().enumerate();
    let untold = all.clone().flat_map(|(file, facts)| {
        let untold = facts.imports.untold.iter();
        untold.map(move |it| place(file, it.line, &it.what))
    });
    let unread = all.filter_map(|(file, facts)| {
        facts.mistake.as_ref().map(|it| place(file, it.line, &it.what))
    });
    let nowhere = links.nowhere.iter().filter(|it| is_in(&it.from));
    let hidden = monolith.modules.hidden().iter().filter(|(file, _)| is_in(file));
    let mut border = Border {
        clean: false,
        cycles: across(paths.len(), &links, sides, &path),
        nowhere: nowhere.map(|it| place(it.from, it.line, &it.module)).collect(),
        hidden: hidden.map(|(file, by)| Hidden { file: path(*file), by: path(*by) }).collect(),
        untold: untold.collect(),
        unread: unread.collect(),
        importers,
        needs,
    };
    border.clean = border.importers.iter().all(|crossing| crossing.role != Role::Uses)
        && border.needs.is_empty()
        && border.cycles.is_empty()
        && border.unread.is_empty();
    border
}

fn crossing(link: &Link, path: &dyn Fn(FileId) -> String) -> Crossing {
    Crossing {
        from: path(link.from),
        line: link.line,
        to: path(link.to),
        form: link.form,
        moment: link.moment,
        role: link.role,
        names: link.names.clone(),
        through: link.through.iter().map(|file| path(*file)).collect(),
        ambiguous: link.is_ambiguous,
    }
}

fn across(
    files: usize,
    links: &Links,
    sides: &Sides,
    path: &dyn Fn(FileId) -> String,
) -> Vec<Cycle> {
    let crosses = |circle: &BTreeSet<FileId>| {
        let inside = circle.intersection(&sides.extracted).count();
        inside > 0 && inside < circle.len()
    };
    let at_load = links.all.iter().filter(|link| link.moment == Moment::Load);
    let at_load: Vec<_> = cycles::of(files, at_load).into_iter().filter(crosses).collect();
    let circles = cycles::of(files, &links.all).into_iter().filter(crosses);
    let cycle = |circle: BTreeSet<FileId>| {
        let (extracted, rest): (Vec<FileId>, Vec<FileId>) =
            circle.iter().partition(|file| sides.extracted.contains(file));
        Cycle {
            extracted: extracted.into_iter().map(path).collect(),
            rest: rest.into_iter().map(path).collect(),
            at_load: at_load.iter().any(|smaller| smaller.is_subset(&circle)),
        }
    };
    circles.map(cycle).collect()
}
