//! Courses: what may happen when, what it costs, and that the ledger follows.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::super::agents::tests::{instant, roster};
use super::super::decomposition::tests::{decomposition, part};
use super::super::planning::tests::{ids, plan};
use super::*;

pub(crate) const RULES: Rules =
    Rules { most_plans: 10, assignment_timeout: 300, monitoring_interval: 30, retry_limit: 3 };

fn start() -> Stamp {
    instant("2026-01-01 10:00:00")
}

/// A stored plan of these sub-tasks with what they depend on; the assignments are `asgn_1` and so on.
pub(crate) fn course(parts: &[(&str, &[&str])]) -> Course {
    let parts: Vec<Value> = parts.iter().map(|(id, needs)| part(id, needs)).collect();
    let body = json!({"task_id": "t", "decomposition": decomposition(&parts)});
    stored(plan(body, &mut roster(start())).unwrap())
}

/// The course as it is read again after it was stored.
fn stored(course: Course) -> Course {
    Course::of(course.plan, course.assignments)
}

fn sub_tasks<'c>(assignments: impl Iterator<Item = &'c Assignment>) -> Vec<&'c str> {
    assignments.map(|assignment| assignment.sub_task_id.as_str()).collect()
}

#[test]
fn a_sub_task_begins_when_all_that_it_waits_for_is_done() {
    let mut course = course(&[("a", &[]), ("b", &[]), ("c", &["a", "b"])]);
    let waits = Denied::Conflict("The sub-task waits for others that are not completed");
    for id in ["asgn_1", "asgn_2"] {
        assert_eq!(course.start("asgn_3", start()), Err(waits));
        course.start(id, start()).unwrap();
        course.complete(id, Map::new(), &RULES, start()).unwrap();
    }
    course.start("asgn_3", start()).unwrap();
    course.complete("asgn_3", Map::new(), &RULES, start().plus_seconds(60)).unwrap();
    assert_eq!(course.plan.status, PlanStatus::Completed);
    assert_eq!(course.plan.finished_at, Some(start().plus_seconds(60)));
    assert!(course.has_just_ended());
}

#[test]
fn reports_come_in_order_and_once() {
    let mut course = course(&[("a", &[]), ("b", &[])]);
    let refused = |text| Err(Denied::Conflict(text));
    let complete = |course: &mut Course, id: &str| course.complete(id, Map::new(), &RULES, start());
    assert_eq!(complete(&mut course, "asgn_1"), refused("The sub-task has not begun"));
    course.start("asgn_1", start()).unwrap();
    assert_eq!(course.start("asgn_1", start()), refused("The sub-task has begun already"));
    complete(&mut course, "asgn_1").unwrap();
    assert_eq!(complete(&mut course, "asgn_1"), refused("The sub-task is completed already"));
    assert_eq!(complete(&mut course, "asgn_9"), Err(Denied::NotFound("Assignment")));
    course.cancel(start()).unwrap();
    assert_eq!(complete(&mut course, "asgn_1"), refused("The sub-task is completed already"));
    assert_eq!(complete(&mut course, "asgn_2"), refused("The sub-task was cancelled"));
    assert_eq!(course.cancel(start()), refused("The plan has ended already"));
}

#[test]
fn cancelling_ends_what_is_assigned_and_what_is_under_way() {
    let mut course = course(&[("a", &[]), ("b", &[]), ("c", &["a"])]);
    course.start("asgn_1", start()).unwrap();
    let mut course = stored(course);
    course.cancel(start().plus_seconds(3600)).unwrap();
    assert!(course.assignments.iter().all(|a| a.status == AssignmentStatus::Cancelled));
    assert_eq!(sub_tasks(course.ended()), ["a", "b", "c"]);
    assert_eq!(course.plan.status, PlanStatus::Cancelled);
    // Only the first had begun: an hour at 0.05.
    assert_eq!(course.plan.actual_cost, Some(Money::of(0.05)));
}

#[test]
fn what_failed_is_tried_again_until_the_limit() {
    let mut course = course(&[("a", &[]), ("b", &["a"])]);
    let mut next_ids = ids();
    let _taken = [next_ids(), next_ids()];
    for retry in 0..4 {
        let id = course.assignments[0].id.clone();
        course.start(&id, start()).unwrap();
        course.fail(&id, "no luck".to_owned(), &RULES, start().plus_seconds(360)).unwrap();
        if retry == 3 {
            break;
        }
        assert_eq!(course.plan.status, PlanStatus::Active, "{retry}");
        course = stored(course);
        let retried = course.retry(&RULES, &mut roster(start()), &mut next_ids).unwrap();
        assert_eq!(retried, ["a"]);
        assert!(matches!(course.changes()[..], [Change::Renewed(was, _)] if was == id));
        assert_eq!((sub_tasks(course.begun()), course.ended().count()), (vec!["a"], 0));
        // A late report about the former try.
        assert_eq!(course.start(&id, start()), Err(Denied::NotFound("Assignment")));
        course = stored(course);
    }
    assert_eq!(course.plan.status, PlanStatus::Failed);
    assert_eq!(course.plan.error_message.as_deref(), Some("Sub-task a failed for good: no luck"));
    assert_eq!(course.assignments[1].status, AssignmentStatus::Cancelled);
    // Four tries of a tenth of an hour.
    assert_eq!(course.plan.actual_cost, Some(Money::of(0.02)));
    let retried = course.retry(&RULES, &mut roster(start()), &mut next_ids);
    assert_eq!(retried, Err(Denied::Conflict("The plan has ended already").into()));
}

#[test]
fn a_retry_without_a_place_changes_nothing_that_is_stored() {
    let mut course = course(&[("a", &[])]);
    course.fail("asgn_1", "no".to_owned(), &RULES, start()).unwrap();
    let mut roster = roster(start());
    roster.members[0].load = 3;
    let refused = course.retry(&RULES, &mut roster, &mut ids()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "No available agents for sub-task a (text_processing on mid_range_gpu: 1 busy)"
    );
    let nothing = Rules { retry_limit: 0, ..RULES };
    assert_eq!(course.retry(&nothing, &mut roster, &mut ids()), Ok(Vec::new()));
}

#[test]
fn who_does_not_begin_in_time_has_failed() {
    let mut course = course(&[("a", &[]), ("b", &["a"])]);
    let at = |seconds: i64| roster(start().plus_seconds(seconds));
    course.expire(&RULES, &at(299));
    assert_eq!(course.changes(), []);
    // The time of the second begins when the first is done.
    course.start("asgn_1", start().plus_seconds(299)).unwrap();
    course.expire(&RULES, &at(10_000));
    course.complete("asgn_1", Map::new(), &RULES, start().plus_seconds(10_000)).unwrap();
    course.expire(&RULES, &at(10_299));
    assert_eq!(course.assignments[1].status, AssignmentStatus::Assigned);
    course.expire(&RULES, &at(10_300));
    assert_eq!(course.assignments[1].status, AssignmentStatus::Failed);
    assert_eq!(
        course.assignments[1].error_message.as_deref(),
        Some("The agent did not begin within 300 s")
    );
    assert_eq!(course.plan.status, PlanStatus::Active, "it may be tried again");
}

#[test]
fn who_goes_offline_at_work_has_failed() {
    let mut course = course(&[("a", &[])]);
    course.start("asgn_1", start()).unwrap();
    let mut roster = roster(start().plus_seconds(7200));
    let rules = Rules { retry_limit: 0, ..RULES };
    course.expire(&rules, &roster);
    assert_eq!(course.assignments[0].status, AssignmentStatus::InProgress);
    roster.members[0].agent.last_updated = start();
    course.expire(&rules, &roster);
    assert_eq!(course.plan.status, PlanStatus::Failed);
    assert_eq!(
        course.plan.error_message.as_deref(),
        Some("Sub-task a failed for good: The agent went offline at work")
    );
}

#[test]
fn a_plan_fails_at_its_deadline() {
    let mut course = course(&[("a", &[])]);
    course.plan.deadline = Some(start().plus_seconds(60));
    course.expire(&RULES, &roster(start().plus_seconds(60)));
    assert_eq!(course.plan.status, PlanStatus::Active);
    course.expire(&RULES, &roster(start().plus_seconds(61)));
    assert_eq!(course.plan.status, PlanStatus::Failed);
    assert_eq!(course.plan.error_message.as_deref(), Some("The deadline has passed"));
    assert_eq!(sub_tasks(course.ended()), ["a"]);
}

#[test]
fn past_the_deadline_nothing_counts_any_more_though_nobody_has_looked() {
    let mut course = course(&[("a", &[]), ("b", &[])]);
    course.plan.deadline = Some(start().plus_seconds(60));
    course.start("asgn_1", start()).unwrap();
    course.fail("asgn_2", "no".to_owned(), &RULES, start()).unwrap();
    let late = start().plus_seconds(61);
    let refused = Denied::Conflict("The deadline of the plan has passed");
    assert_eq!(course.complete("asgn_1", Map::new(), &RULES, late), Err(refused));
    assert_eq!(course.fail("asgn_1", "no".to_owned(), &RULES, late), Err(refused));
    assert_eq!(course.cancel(late), Err(refused));
    assert_eq!(course.retry(&RULES, &mut roster(late), &mut ids()), Err(refused.into()));
    course.complete("asgn_1", Map::new(), &RULES, start().plus_seconds(60)).unwrap();
}

#[test]
fn who_begins_late_may_until_somebody_has_looked() {
    let mut course = course(&[("a", &[]), ("b", &[])]);
    let late = start().plus_seconds(400);
    course.start("asgn_1", late).unwrap();
    course.expire(&RULES, &roster(late));
    assert_eq!(course.assignments[0].status, AssignmentStatus::InProgress);
    let refused = Err(Denied::Conflict("The sub-task has failed already"));
    assert_eq!(course.start("asgn_2", late), refused);
    // The report of work that was begun all the same.
    assert_eq!(course.complete("asgn_2", Map::new(), &RULES, late), refused);
}

/// Something that can happen to a course.
#[derive(Debug, Clone)]
enum Event {
    Start(usize),
    Complete(usize),
    Fail(usize),
    Retry,
    Wait(i64),
    Cancel,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..3_usize).prop_map(Event::Start),
        3 => (0..3_usize).prop_map(Event::Complete),
        2 => (0..3_usize).prop_map(Event::Fail),
        2 => Just(Event::Retry),
        1 => (0..400_i64).prop_map(Event::Wait),
        1 => Just(Event::Cancel),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_resources_are_given_back_once_and_costs_only_grow(
        events in prop::collection::vec(event(), 0..60),
    ) {
        let parts = [part("a", &[]), part("b", &["a"]), part("c", &[])];
        let body = json!({"task_id": "t", "decomposition": decomposition(&parts)});
        let mut course = plan(body, &mut roster(start())).unwrap();
        let mut next_ids = ids();
        let _taken = [next_ids(), next_ids(), next_ids()];
        // The ledger: what is held by which try.
        let mut held: BTreeMap<String, String> = BTreeMap::new();
        let (mut now, mut cost) = (start(), Money::default());
        for event in events {
            for ended in course.ended() {
                prop_assert!(held.remove(&ended.id).is_some(), "{} ended twice", ended.id);
            }
            for begun in course.begun() {
                let former = held.insert(begun.id.clone(), begun.sub_task_id.clone());
                prop_assert!(former.is_none(), "{} began twice", begun.id);
            }
            let open = course.assignments.iter().filter(|a| a.status.is_open());
            prop_assert_eq!(open.map(|a| &a.id).collect::<Vec<_>>().len(), held.len());
            prop_assert!(course.plan.status == PlanStatus::Active || held.is_empty());
            course = stored(course);
            now = now.plus_seconds(1);
            let id = |i: usize| course.assignments[i].id.clone();
            // What is refused changes nothing, which the next round sees.
            let _whether = match event {
                Event::Start(i) => { let id = id(i); course.start(&id, now).is_ok() }
                Event::Complete(i) => { let id = id(i); course.complete(&id, Map::new(), &RULES, now).is_ok() }
                Event::Fail(i) => { let id = id(i); course.fail(&id, "no".to_owned(), &RULES, now).is_ok() }
                Event::Retry => course.retry(&RULES, &mut roster(now), &mut next_ids).is_ok(),
                Event::Wait(seconds) => {
                    now = now.plus_seconds(seconds);
                    course.expire(&RULES, &roster(now));
                    true
                }
                Event::Cancel => course.cancel(now).is_ok(),
            };
            prop_assert!(course.actual_cost(now) >= cost);
            cost = course.actual_cost(now);
            for assignment in &course.assignments {
                prop_assert!(assignment.retries() <= RULES.retry_limit);
            }
        }
    }
}
