//! What earlier runs made that were killed before they could take it away.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, TimeDelta, Utc};
use http::Method;
use serde_json::Value;

use super::asking::{Asker, Body, member};
use super::made::{self, Made};
use crate::checks::Wrong;

/// A tag of everything that any run makes.
pub(super) const TAG: &str = "migrate-verify";

/// A run that began before may be under way somewhere else.
const LONGEST_RUN: TimeDelta = TimeDelta::minutes(10);

/// Deletes workflows of runs that can't be under way any more; what it found.
pub(super) async fn remove(asker: &Asker<'_>, made: &Made) -> Result<((), String), Wrong> {
    // Both backends may list the same one.
    let (mut removed, mut young) = (0, BTreeSet::new());
    for place in std::iter::once(&asker.places.service).chain(&asker.places.monolith) {
        let target = format!("/workflows?tags={TAG}");
        let all = asker.api(place, Method::GET, &target, Body::None).await?.of(200)?;
        let all = all.as_array().into_iter().flatten();
        for id in all.filter_map(|workflow| of_others(workflow, made)) {
            match id {
                Found::Young(id) => drop(young.insert(id.to_owned())),
                Found::Abandoned(id) => {
                    made::delete(asker, id, place.who).await?;
                    removed += 1;
                }
            }
        }
    }
    Ok(((), told(removed, young.len())))
}

/// A workflow of another run.
#[derive(Debug, PartialEq, Eq)]
enum Found<'w> {
    Young(&'w str),
    Abandoned(&'w str),
}

/// What the tag alone would not show: that the name, too, is one of ours, and not of this run.
fn of_others<'w>(workflow: &'w Value, made: &Made) -> Option<Found<'w>> {
    let name = member(workflow, "name").as_str()?;
    if !name.starts_with(made::PREFIX) || name.starts_with(&made.mark) {
        return None;
    }
    let id = member(workflow, "id").as_str()?;
    let created = member(workflow, "created_at").as_str()?.parse::<NaiveDateTime>().ok()?;
    let is_young = Utc::now().naive_utc() - created < LONGEST_RUN;
    Some(if is_young { Found::Young(id) } else { Found::Abandoned(id) })
}

fn told(removed: usize, young: usize) -> String {
    let removed = match removed {
        0 => "nothing was left".to_owned(),
        1 => "1 workflow of a run that was killed".to_owned(),
        removed => format!("{removed} workflows of runs that were killed"),
    };
    if young == 0 {
        return removed;
    }
    format!("{removed}; {young} of the last ten minutes may be of a run that is under way")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow(name: &str, age: TimeDelta) -> Value {
        let created = (Utc::now().naive_utc() - age).format("%Y-%m-%dT%H:%M:%S%.6f");
        json!({"id": "agent_1", "name": name, "created_at": created.to_string()})
    }

    #[test]
    fn only_what_an_earlier_run_made_long_ago_is_abandoned() {
        let made = Made::new("0a0a0a0a");
        let (old, new) = (TimeDelta::hours(1), TimeDelta::minutes(1));
        let cases = [
            ("migrate-verify-ffffffff-service", old, Some(Found::Abandoned("agent_1"))),
            ("migrate-verify-ffffffff-service", new, Some(Found::Young("agent_1"))),
            ("migrate-verify-0a0a0a0a-proxy", old, None),
            ("somebody's own, with the tag", old, None),
        ];
        for (name, age, found) in cases {
            assert_eq!(of_others(&workflow(name, age), &made), found, "{name}");
        }
    }

    #[test]
    fn what_is_no_date_is_left_alone() {
        let workflow = json!({"id": "a", "name": "migrate-verify-f", "created_at": "yesterday"});
        assert_eq!(of_others(&workflow, &Made::new("0a0a0a0a")), None);
    }
}
