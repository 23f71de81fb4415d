//! The conditions on the route as a whole: the new backend, the evidence itself, and what it does not cover.

use routes::Stage;
use routes::admin::{GateCondition, Verdict};

use super::operations::{Known, missing};
use super::words::count;
use super::{Facts, Schema, holds, not_held};

pub(super) fn health(facts: &Facts<'_>) -> GateCondition {
    let backend = facts.backend;
    let condition = holds("health", format!("backend {} is healthy", backend.name), "healthy");
    if backend.healthy {
        return condition;
    }
    let targets: Vec<&str> = backend.targets.iter().map(|target| target.address.as_str()).collect();
    not_held(
        GateCondition { found: format!("unhealthy: {}", targets.join(", ")), ..condition },
        Verdict::Fail,
        format!(
            "start it, and check `[backends.{}] targets` and `health` in the table",
            backend.name
        ),
    )
}

/// Only where the table says how to ask.
pub(super) fn schema(facts: &Facts<'_>) -> Option<GateCondition> {
    let name = &facts.backend.name;
    let condition = holds("schema", format!("the database is as {name} needs it"), "as needed");
    match facts.schema {
        Schema::Unasked => None,
        Schema::AsNeeded => Some(condition),
        Schema::Drifted(why) => Some(not_held(
            GateCondition { found: why.clone(), ..condition },
            Verdict::Fail,
            format!("bring the database back, or give {name} a build that knows it"),
        )),
        Schema::Unknown(why) => Some(not_held(
            GateCondition { found: format!("unknown: {why}"), ..condition },
            Verdict::Inconclusive,
            format!(
                "see why {name} does not say, and check `[backends.{name}] schema` in the table"
            ),
        )),
    }
}

pub(super) fn store(facts: &Facts<'_>) -> GateCondition {
    let condition = holds("evidence store", "evidence is kept", "kept");
    match &facts.store.degraded {
        None => condition,
        Some(why) => not_held(
            GateCondition { found: why.clone(), ..condition },
            Verdict::Inconclusive,
            format!("see to {}; what it held is missing from this judgement", facts.store.url),
        ),
    }
}

/// Evidence counts for the rules and the build that it was gathered with.
pub(super) fn basis(facts: &Facts<'_>) -> GateCondition {
    let condition =
        holds("evidence", format!("of these rules and of {}", build_text(facts.basis.build)), "");
    let begin = match facts.stage {
        Stage::Monolith => format!(
            "mirroring begins at stage shadow: migrate cutover {} --to shadow; then let clients ask",
            facts.evidence.route
        ),
        Stage::Shadow | Stage::Canary => {
            "let clients ask, and see `mirror.sample` and what was dropped: migrate mirror report"
                .to_owned()
        }
        Stage::Service => {
            "set `verify` on the route, so that a share of reads is compared".to_owned()
        }
    };
    match &facts.evidence.basis {
        None => not_held(
            GateCondition { found: "nothing was compared yet".to_owned(), ..condition },
            Verdict::Inconclusive,
            begin,
        ),
        Some(basis) if facts.basis.is(basis) => GateCondition {
            found: format!("since {} UTC", basis.since.format("%Y-%m-%d %H:%M:%S")),
            ..condition
        },
        Some(basis) => {
            let of = if basis.rules == facts.basis.rules {
                build_text(basis.build.as_deref())
            } else {
                "other compare rules".to_owned()
            };
            not_held(
                GateCondition { found: format!("of {of}"), ..condition },
                Verdict::Inconclusive,
                format!("it starts anew with the next exchange: {begin}"),
            )
        }
    }
}

fn build_text(build: Option<&str>) -> String {
    build.map_or_else(|| "a build without a name".to_owned(), |build| format!("build {build}"))
}

/// Only where writes were to be mirrored and are not.
pub(super) fn writes(facts: &Facts<'_>) -> Option<GateCondition> {
    let why = facts.evidence.writes_off.as_ref()?;
    Some(not_held(
        holds("writes", "mirrored, as the table says", format!("not mirrored: {why}")),
        Verdict::Inconclusive,
        format!(
            "correct backend {}; its next build, or a new generation of the table, is tried again",
            facts.backend.name
        ),
    ))
}

/// One condition for each operation that was never exercised, or one that says that there is none.
pub(super) fn exercised(facts: &Facts<'_>) -> Vec<GateCondition> {
    let condition = holds("exercised", "every operation at least once", "");
    let known = match facts.known {
        Known::Listed(known) => known,
        Known::Unlisted => {
            let found = format!(
                "those that clients asked for; backend {} has no /openapi.json that lists more",
                facts.backend.name
            );
            return vec![GateCondition { found, ..condition }];
        }
        Known::Unreadable(why) => {
            return vec![not_held(
                GateCondition { found: format!("unknown: {why}"), ..condition },
                Verdict::Inconclusive,
                format!("see why backend {} does not tell its operations", facts.backend.name),
            )];
        }
    };
    if known.is_empty() {
        let found = "those that clients asked for; /openapi.json lists none with these paths";
        return vec![GateCondition { found: found.to_owned(), ..condition }];
    }
    let missing = missing(known, &facts.evidence.operations);
    if missing.is_empty() {
        let found = format!("all {} of /openapi.json", count(known.len() as u64));
        return vec![GateCondition { found, ..condition }];
    }
    let never = |operation: &&str| {
        let condition = GateCondition {
            operation: Some((*operation).to_owned()),
            wanted: "at least once".to_owned(),
            found: "never".to_owned(),
            ..condition.clone()
        };
        not_held(condition, Verdict::Inconclusive, how_to_exercise(operation, facts))
    };
    missing.iter().map(never).collect()
}

fn how_to_exercise(operation: &str, facts: &Facts<'_>) -> String {
    let is_read = operation.starts_with("GET ") || operation.starts_with("HEAD ");
    if is_read {
        return format!("ask for `{operation}` through the proxy");
    }
    format!(
        "send `{operation}` through the proxy with `mirror_writes` on [backends.{}], or look at it by hand and use \
         --force",
        facts.backend.name
    )
}
