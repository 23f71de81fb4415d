//! Trust scores: what an execution's outcome does to them.

use serde_json::{Value, json};

use super::Denied;
use super::audit::Event;
use crate::python::time::Stamp;
use crate::tables::security::{AuditEventType, SecurityLevel, TrustScore};
use crate::tables::{Float, Int, Json};

const DAY_SECONDS: f64 = 86_400.0;

/// How an execution of an entity went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// It ended well.
    pub success: bool,
    /// How long it took in seconds. Infinite or no number at all, it spoils the average, as in the monolith.
    pub seconds: Option<f64>,
    /// A rule of security was broken.
    pub security_violation: bool,
    /// A policy was broken.
    pub policy_violation: bool,
}

/// The score of an entity of which nothing is known.
pub fn unknown(entity_type: &str, entity_id: &str, id: String, now: Stamp) -> TrustScore {
    TrustScore {
        id,
        entity_type: entity_type.to_owned(),
        entity_id: entity_id.to_owned(),
        trust_score: 0.0.into(),
        reputation_score: 0.0.into(),
        total_executions: 0.into(),
        successful_executions: 0.into(),
        failed_executions: 0.into(),
        verification_success_rate: 0.0.into(),
        security_violations: 0.into(),
        policy_violations: 0.into(),
        sandbox_breaches: 0.into(),
        last_execution: None,
        last_violation: None,
        average_execution_time: None,
        execution_history: Some(Json(json!([]))),
        violation_history: Some(Json(json!([]))),
        created_at: now,
        updated_at: now,
    }
}

/// Takes the outcome of one more execution into a score.
pub fn update(score: &mut TrustScore, outcome: Outcome, now: Stamp) -> Result<(), Denied> {
    let tally = Tally::of(score)?.with(outcome);
    let days = score.last_execution.map(|last| (now.seconds_since(&last) / DAY_SECONDS).floor());
    score.total_executions = tally.total.into();
    score.successful_executions = tally.successful.into();
    score.failed_executions = tally.failed.into();
    score.security_violations = tally.security.into();
    score.policy_violations = tally.policy.into();
    for (broken, kind) in [
        (outcome.security_violation, "security_violation"),
        (outcome.policy_violation, "policy_violation"),
    ] {
        if broken {
            score.last_violation = Some(now);
            remember(&mut score.violation_history, kind, now);
        }
    }
    score.trust_score = trust(&tally, days).into();
    score.reputation_score = reputation(&tally).into();
    score.verification_success_rate = (tally.success_rate() * 100.0).into();
    if let Some(seconds) = outcome.seconds.filter(|seconds| *seconds != 0.0) {
        let average = score.average_execution_time.as_ref().map(number).transpose()?;
        let average = average.map_or(seconds, |average| mean(average, seconds, tally.total));
        score.average_execution_time = Some(average.into());
    }
    score.last_execution = Some(now);
    score.updated_at = now;
    Ok(())
}

fn remember(history: &mut Option<Json>, kind: &str, now: Stamp) {
    let entry = json!({"timestamp": now.aware(), "type": kind});
    match history {
        Some(Json(Value::Array(entries))) => entries.push(entry),
        other => *other = Some(Json(json!([entry]))),
    }
}

/// What counts for the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    total: i64,
    successful: i64,
    failed: i64,
    security: i64,
    policy: i64,
}

impl Tally {
    fn of(score: &TrustScore) -> Result<Self, Denied> {
        Ok(Self {
            total: count(&score.total_executions)?,
            successful: count(&score.successful_executions)?,
            failed: count(&score.failed_executions)?,
            security: count(&score.security_violations)?,
            policy: count(&score.policy_violations)?,
        })
    }

    fn with(self, outcome: Outcome) -> Self {
        let more = |count: i64, one: bool| count.saturating_add(i64::from(one));
        Self {
            total: more(self.total, true),
            successful: more(self.successful, outcome.success),
            failed: more(self.failed, !outcome.success),
            security: more(self.security, outcome.security_violation),
            policy: more(self.policy, outcome.policy_violation),
        }
    }

    /// From 0 to 1.
    fn success_rate(&self) -> f64 {
        if self.total > 0 { float(self.successful) / float(self.total) } else { 0.0 }
    }

    fn violations(&self) -> f64 {
        float(self.security) + float(self.policy)
    }
}

/// From 0 to 100: success, less what was broken, and whether the entity was active of late. `days` is for how many whole
/// days it was not.
fn trust(tally: &Tally, days: Option<f64>) -> f64 {
    let mut trust = 50.0;
    if tally.total > 0 {
        trust += (tally.success_rate() - 0.5) * 40.0;
    }
    trust -= float(tally.security) * 10.0;
    trust -= float(tally.policy) * 5.0;
    match days {
        Some(days) if days < 7.0 => trust += 5.0,
        Some(days) if days > 30.0 => trust -= 10.0,
        _ => {}
    }
    trust.clamp(0.0, 100.0)
}

/// From 0 to 100: success over ten executions and more, how many there were, and a record without violations.
fn reputation(tally: &Tally) -> f64 {
    let mut reputation = 50.0;
    if tally.total >= 10 {
        reputation += (tally.success_rate() - 0.5) * 30.0;
    }
    reputation += (float(tally.total) / 100.0).min(10.0);
    if tally.violations() > 0.0 {
        reputation -= tally.violations() * 2.0;
    } else {
        reputation += 10.0;
    }
    reputation.clamp(0.0, 100.0)
}

/// The average with one more value. It counts executions without a time as if they had the average.
fn mean(average: f64, value: f64, total: i64) -> f64 {
    (average * float(total - 1) + value) / float(total)
}

#[expect(clippy::cast_precision_loss, reason = "counts of executions stay far below 2^53")]
fn float(count: i64) -> f64 {
    count as f64
}

fn count(value: &Int) -> Result<i64, Denied> {
    value
        .get()
        .ok_or(Denied::Conflict("The stored trust score holds a count that is no whole number"))
}

fn number(value: &Float) -> Result<f64, Denied> {
    value.get().ok_or(Denied::Conflict("The stored trust score holds an average that is no number"))
}

/// A score was updated.
pub fn updated(score: &TrustScore, outcome: Outcome, user: String) -> Event {
    let event_type = if outcome.success {
        AuditEventType::ExecutionCompleted
    } else {
        AuditEventType::ExecutionFailed
    };
    let event = Event {
        user_id: Some(user),
        new_state: Some(json!({"trust_score": score.trust_score.get()})),
        ..Event::of(event_type, SecurityLevel::Public)
    };
    event.data(json!({
        "entity_type": score.entity_type,
        "entity_id": score.entity_id,
        "execution_success": outcome.success,
        "execution_time": outcome.seconds,
        "security_violation": outcome.security_violation,
        "policy_violation": outcome.policy_violation,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(day: i64) -> Stamp {
        Stamp::parse("2026-01-01 12:00:00").unwrap().plus_seconds(day * 86_400)
    }

    fn outcome(success: bool, seconds: Option<f64>, security: bool, policy: bool) -> Outcome {
        Outcome { success, seconds, security_violation: security, policy_violation: policy }
    }

    fn fresh() -> TrustScore {
        unknown("agent", "t1", "trust_1".to_owned(), day(0))
    }

    fn scores(score: &TrustScore) -> (f64, f64, Option<f64>) {
        let average = score.average_execution_time.as_ref().and_then(Float::get);
        (score.trust_score.get().unwrap(), score.reputation_score.get().unwrap(), average)
    }

    fn close(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-9
    }

    #[test]
    fn the_example_of_the_contract() {
        let mut score = fresh();
        for (outcome, trust, reputation, average) in [
            (outcome(true, Some(10.0), false, false), 70.0, 60.01, 10.0),
            (outcome(true, Some(20.0), false, false), 75.0, 60.02, 15.0),
            (
                outcome(false, Some(5000.0), false, false),
                61.666_666_666_666_664,
                60.03,
                1_676.666_666_666_666_7,
            ),
            (outcome(false, None, true, false), 45.0, 48.04, 1_676.666_666_666_666_7),
            (outcome(true, None, false, true), 44.0, 46.05, 1_676.666_666_666_666_7),
            (outcome(false, Some(0.0), true, true), 25.0, 42.06, 1_676.666_666_666_666_7),
        ] {
            update(&mut score, outcome, day(0)).unwrap();
            let found = scores(&score);
            assert!(close(found.0, trust), "{found:?}");
            assert!(close(found.1, reputation), "{found:?}");
            assert!(close(found.2.unwrap(), average), "{found:?}");
        }
        assert_eq!(score.verification_success_rate.get(), Some(50.0));
        let kinds: Vec<Value> = score
            .violation_history
            .unwrap()
            .0
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["type"].clone())
            .collect();
        assert_eq!(
            kinds,
            ["security_violation", "policy_violation", "security_violation", "policy_violation"]
        );
    }

    #[test]
    fn ten_executions_turn_on_the_long_term_rate() {
        let mut score = fresh();
        for _ in 0..9 {
            update(&mut score, outcome(true, None, false, false), day(0)).unwrap();
        }
        assert!(close(scores(&score).1, 60.09));
        update(&mut score, outcome(true, None, false, false), day(0)).unwrap();
        assert!(close(scores(&score).1, 75.1));
        update(&mut score, outcome(false, None, false, false), day(0)).unwrap();
        assert!(close(scores(&score).0, 71.363_636_363_636_36));
        assert!(close(scores(&score).1, 72.382_727_272_727_27));
    }

    #[test]
    fn activity_counts_by_whole_days() {
        for (later, trust) in [(6, 75.0), (7, 70.0), (30, 70.0), (31, 60.0)] {
            let mut score = fresh();
            update(&mut score, outcome(true, None, false, false), day(0)).unwrap();
            update(&mut score, outcome(true, None, false, false), day(later)).unwrap();
            assert!(close(scores(&score).0, trust), "{later} days: {:?}", scores(&score));
        }
    }

    #[test]
    fn an_endless_execution_spoils_the_average() {
        let mut score = fresh();
        update(&mut score, outcome(true, Some(f64::INFINITY), false, false), day(0)).unwrap();
        update(&mut score, outcome(true, Some(1.0), false, false), day(0)).unwrap();
        assert_eq!(scores(&score).2, Some(f64::INFINITY));
        let event = updated(&score, outcome(true, Some(f64::NAN), false, false), "u".to_owned());
        assert_eq!(event.data["execution_time"], Value::Null);
    }

    #[test]
    fn a_count_that_is_none_is_left_alone() {
        use crate::tables::column::ColumnValue as _;
        let mut score = fresh();
        score.total_executions = Int::read("many".into()).unwrap();
        let before = score.clone();
        assert!(update(&mut score, outcome(true, None, false, false), day(0)).is_err());
        assert_eq!(score, before);
    }

    proptest! {
        #[test]
        fn scores_stay_within_bounds_and_success_never_hurts(
            before in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), 0_i64..60), 0..40),
        ) {
            let mut score = fresh();
            let mut now = 0;
            for (success, security, policy, days) in before {
                now += days;
                update(&mut score, outcome(success, Some(1.5), security, policy), day(now)).unwrap();
                let (trust, reputation, average) = scores(&score);
                prop_assert!((0.0..=100.0).contains(&trust) && (0.0..=100.0).contains(&reputation));
                prop_assert!(close(average.unwrap(), 1.5));
            }
            let (mut good, mut bad) = (score.clone(), score);
            update(&mut good, outcome(true, None, false, false), day(now)).unwrap();
            update(&mut bad, outcome(false, None, false, false), day(now)).unwrap();
            prop_assert!(good.trust_score.get() >= bad.trust_score.get());
            prop_assert!(good.reputation_score.get() >= bad.reputation_score.get());
        }
    }
}
