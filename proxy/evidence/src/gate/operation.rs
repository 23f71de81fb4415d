//! The conditions on one operation: samples, match rate, latency, failures of the new side alone.

use routes::admin::{DifferenceGroup, GateCondition, OperationEvidence, ProposalKind, Verdict};
use routes::policy::GateSettings;

use super::samples::enough;
use super::words::{count, milliseconds, percent};
use super::{Facts, holds, not_held};

/// Every condition on an operation.
pub(super) fn conditions(
    facts: &Facts<'_>,
    evidence: &OperationEvidence,
    settings: &GateSettings,
) -> Vec<GateCondition> {
    let mut conditions = vec![
        samples(facts, evidence, settings),
        match_rate(facts, evidence, settings),
        latency(evidence, settings),
        failures(evidence),
    ];
    for condition in &mut conditions {
        condition.operation = Some(evidence.operation.clone());
    }
    conditions
}

fn samples(
    facts: &Facts<'_>,
    evidence: &OperationEvidence,
    settings: &GateSettings,
) -> GateCondition {
    let found = match evidence.inconclusive {
        0 => count(evidence.trust.samples),
        noise => {
            format!("{}, besides {} inconclusive", count(evidence.trust.samples), count(noise))
        }
    };
    let condition = holds("samples", format!("at least {}", count(settings.min_samples)), found);
    if evidence.trust.samples >= settings.min_samples {
        return condition;
    }
    let by_rate = enough(evidence.trust.rate, settings.min_match).filter(|_| evidence.matched > 0);
    let needed = by_rate.unwrap_or(0).max(settings.min_samples);
    let mut what_to_do = more(needed - evidence.trust.samples, evidence);
    if evidence.inconclusive > evidence.trust.samples {
        what_to_do
            .push_str("; most are inconclusive, so see what is noise: migrate mirror suggest ");
        what_to_do.push_str(&facts.evidence.route);
    }
    not_held(condition, Verdict::Inconclusive, what_to_do)
}

/// `1,240 more GET /w`.
fn more(samples: u64, evidence: &OperationEvidence) -> String {
    format!("{} more `{}`", count(samples.max(1)), evidence.operation)
}

fn match_rate(
    facts: &Facts<'_>,
    evidence: &OperationEvidence,
    settings: &GateSettings,
) -> GateCondition {
    let trust = &evidence.trust;
    let condition = holds(
        "match rate",
        format!("surely at least {}", percent(settings.min_match)),
        format!("{} ({} to {})", percent(trust.rate), percent(trust.lower), percent(trust.upper)),
    );
    if trust.samples == 0 {
        let condition = GateCondition { found: "no conclusive exchange".to_owned(), ..condition };
        let needed = enough(1.0, settings.min_match).unwrap_or(0).max(settings.min_samples);
        return not_held(condition, Verdict::Inconclusive, more(needed, evidence));
    }
    if trust.lower >= settings.min_match {
        return condition;
    }
    let cause = cause(facts, evidence);
    if let Some(needed) = enough(trust.rate, settings.min_match) {
        let more = more(needed.saturating_sub(trust.samples), evidence);
        let what_to_do = match cause {
            Some(cause) => format!("{more} at the present match rate; {cause}"),
            None => more,
        };
        return not_held(condition, Verdict::Inconclusive, what_to_do);
    }
    let is_sure = trust.upper < settings.min_match || trust.samples >= settings.min_samples;
    let verdict = if is_sure { Verdict::Fail } else { Verdict::Inconclusive };
    let cause = cause.unwrap_or_else(|| "see: migrate mirror report".to_owned());
    let what_to_do = format!("no number of samples reaches it at the present match rate; {cause}");
    not_held(condition, verdict, what_to_do)
}

/// The path that differs most, and the rule that would silence it.
fn cause(facts: &Facts<'_>, evidence: &OperationEvidence) -> Option<String> {
    let groups = evidence.differences.iter().filter(|group| group.count > 0);
    let worst = groups.max_by_key(|group| group.count)?;
    let text = format!(
        "most differ at {} ({} of {} mismatches)",
        worst.path,
        count(worst.count),
        count(evidence.mismatched)
    );
    Some(match rule_for(facts, worst) {
        Some(rule) => format!(
            "{text}, which `{rule}` would silence as noise: migrate mirror suggest {}",
            facts.evidence.route
        ),
        None => text,
    })
}

fn rule_for(facts: &Facts<'_>, group: &DifferenceGroup) -> Option<String> {
    let rule = facts.proposals.iter().find(|rule| {
        rule.would_silence > 0 && (rule.path == group.path || rule.kind == ProposalKind::Tolerance)
    })?;
    Some(match rule.kind {
        ProposalKind::Tolerance => format!("compare.tolerance = {}", rule.value),
        kind => format!("compare.{} {}", kind.as_str(), rule.path),
    })
}

/// Both sides of the same exchanges, or the two could not be set against each other.
fn latency(evidence: &OperationEvidence, settings: &GateSettings) -> GateCondition {
    let (old, new) = (&evidence.old_latency, &evidence.new_latency);
    let condition = holds(
        "latency",
        format!("p99 at most {} × the old one's", settings.max_latency_ratio),
        format!("{} to {}", milliseconds(new.p99), milliseconds(old.p99)),
    );
    let measured = old.count.min(new.count);
    if measured < settings.min_samples {
        let found = format!("{} measured", count(measured));
        return not_held(
            GateCondition { found, ..condition },
            Verdict::Inconclusive,
            more(settings.min_samples - measured, evidence),
        );
    }
    if old.p99 <= 0.0 {
        // Faster than can be measured, both: the new one can't be told to be slower.
        return if new.p99 <= 0.0 { condition } else { slower(condition, evidence) };
    }
    let ratio = new.p99 / old.p99;
    let condition = GateCondition {
        found: format!("{} × ({})", two_digits(ratio), condition.found),
        ..condition
    };
    if ratio <= settings.max_latency_ratio {
        return condition;
    }
    slower(condition, evidence)
}

fn slower(condition: GateCondition, evidence: &OperationEvidence) -> GateCondition {
    let what_to_do = format!(
        "at the median it takes {} to the old {}; make `{}` faster in the new backend",
        milliseconds(evidence.new_latency.p50),
        milliseconds(evidence.old_latency.p50),
        evidence.operation
    );
    not_held(condition, Verdict::Fail, what_to_do)
}

/// Rounded up, so that what is over a limit never reads as if it were not.
fn two_digits(ratio: f64) -> f64 {
    (ratio * 100.0 - 1e-6).ceil() / 100.0
}

fn failures(evidence: &OperationEvidence) -> GateCondition {
    let mut found: Vec<String> = evidence
        .failed
        .iter()
        .filter(|(_, failed)| **failed > 0)
        .map(|(reason, failed)| format!("{} × {reason}", count(*failed)))
        .collect();
    if evidence.new_failed_alone > 0 {
        found.push(format!("{} × 5xx", count(evidence.new_failed_alone)));
    }
    let condition = holds("one-sided failures", "none", "none");
    if found.is_empty() {
        return condition;
    }
    not_held(
        GateCondition { found: found.join(", "), ..condition },
        Verdict::Fail,
        format!(
            "find out why `{}` fails in the new backend where the old one answers; evidence starts anew with its next \
             build",
            evidence.operation
        ),
    )
}
