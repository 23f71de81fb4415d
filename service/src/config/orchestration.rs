//! How plans of several agents are watched: the monolith's configuration of its orchestrator.

use super::source::{Problem, Source};
use super::whole;
use crate::logic::orchestration::Rules;

/// Reads and checks the settings.
pub(super) fn read(source: &Source, problems: &mut Vec<Problem>) -> Option<Rules> {
    let number = |least, most| {
        move |text: &str| {
            let number = whole(text, least, most)?;
            i64::try_from(number).map_err(|_why| "is too large".to_owned())
        }
    };
    let plans = source.parse("ORCHESTRATION_MAX_PLANS", "10", number(1, 100), problems);
    let timeout = source.parse(
        "ORCHESTRATION_ASSIGNMENT_TIMEOUT_SECONDS",
        "300",
        number(1, 86_400),
        problems,
    );
    let interval =
        source.parse("ORCHESTRATION_MONITORING_SECONDS", "30", number(1, 3600), problems);
    let retries = source.parse("ORCHESTRATION_RETRY_LIMIT", "3", number(0, 100), problems);
    Some(Rules {
        most_plans: plans?,
        assignment_timeout: timeout?,
        monitoring_interval: interval?,
        retry_limit: retries?,
    })
}
