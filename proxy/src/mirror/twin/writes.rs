//! What a mirrored request has left in the databases of both sides, as differences.

use std::time::Duration;

use compare::{Difference, Rules};
use routes::admin::{DifferenceKind, Grade};

use super::PATIENCE;
use super::identifier::Identifier;
use super::place::Place;
use super::rows::{Change, Rows, Sides, differences, with_times};
use super::translate::{self, Body};
use crate::mirror::table::RouteMirror;

/// The databases of a twin, and where the log of changes stood before a request was mirrored.
pub(super) struct Watch {
    rows: Rows,
    mark: i64,
}

impl Watch {
    /// Begins to watch, where the table names the databases and they can be read.
    pub(super) async fn begin(place: &Place) -> Option<Self> {
        let rows = place.twin.rows()?;
        let mark = rows.mark().await?;
        Some(Self { rows, mark })
    }

    /// What a read has changed in the clone. Only what nobody else can have changed counts: nothing was written of late to
    /// what it names, or to anything.
    pub(super) async fn after_read(&self, place: &Place) -> Vec<Difference> {
        let Some(changes) = self.rows.changed_since(self.mark).await else { return Vec::new() };
        if changes.is_empty() {
            return Vec::new();
        }
        let (_, own) = names(place, &[]);
        let (is_object_quiet, is_all_quiet) = place.quiet();
        let is_its = |change: &&Change| {
            is_all_quiet
                || (is_object_quiet && change.mentions.iter().any(|name| own.contains(name)))
        };
        let mut tables: Vec<&str> =
            changes.iter().filter(is_its).map(|change| change.table.as_str()).collect();
        tables.sort_unstable();
        tables.dedup();
        let found = tables.into_iter().map(|table| Difference {
            kind: DifferenceKind::Row,
            path: table.to_owned(),
            at: table.to_owned(),
            places: 1,
            old: String::new(),
            new: "changed by a read".to_owned(),
            grade: Grade::Value,
            gap: None,
        });
        found.collect()
    }

    /// Where the rows of both databases differ after a write, and go on to differ while nothing else is written to the same
    /// objects.
    pub(super) async fn after_write(
        &self,
        place: &Place,
        route: &RouteMirror,
        max_body: usize,
    ) -> Vec<Difference> {
        let found = self.settled(place, route, max_body).await;
        found.unwrap_or_default()
    }

    /// `None` where rows say nothing: they can't be read, are moving, or are written by somebody else.
    async fn settled(
        &self,
        place: &Place,
        route: &RouteMirror,
        max_body: usize,
    ) -> Option<Vec<Difference>> {
        let changes = self.rows.changed_since(self.mark).await?;
        let (old, new) = names(place, &changes);
        let rules = with_times(route.row_rules.clone(), &self.rows.times().await?);
        let rules = Rules::new(rules, route.masks.clone());
        let to_old = |text: String| {
            let names = |new: &Identifier| place.twin.to_old(new);
            let collection = place.scope.collection.as_deref();
            translate::json(&text, Body::Answered, collection, &names).unwrap_or(text)
        };
        let mut before: Option<(Sides, Vec<Difference>)> = None;
        let mut permit = None;
        for pause in std::iter::once(Duration::ZERO).chain(PATIENCE) {
            tokio::time::sleep(pause).await;
            let sides = self.rows.read(old.clone(), new.clone()).await?;
            // What is written meanwhile is another request's business.
            if place.is_followed() {
                return None;
            }
            let found = differences(&sides, to_old, &rules, max_body);
            if found.is_empty() {
                return Some(found);
            }
            // Few wait at a time: the others' rows are not judged.
            if permit.is_none() {
                permit = Some(place.twin.settling()?);
            }
            let is_moving = before.as_ref().is_none_or(|(before, _)| *before != sides);
            before = Some((sides, if is_moving { Vec::new() } else { found }));
        }
        before.map(|(_, found)| found)
    }
}

/// What the request's objects are called on either side, with the rows that it changed itself.
fn names(place: &Place, changes: &[Change]) -> (Vec<String>, Vec<String>) {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for identifier in place.scope.identifiers() {
        old.push(identifier.text().to_owned());
        new.push(place.twin.to_new(identifier).unwrap_or_else(|| identifier.text().to_owned()));
    }
    let is_alone = place.is_alone();
    for change in changes {
        let is_its = is_alone || change.mentions.iter().any(|name| new.contains(name));
        if is_its && !change.key.is_empty() && !new.contains(&change.key) {
            let known = Identifier::of_text(&change.key, None);
            let paired = known.and_then(|key| place.twin.to_old(&key));
            old.push(paired.unwrap_or_else(|| change.key.clone()));
            new.push(change.key.clone());
        }
    }
    (old, new)
}
