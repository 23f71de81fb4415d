//! The report as a JUnit file, which CI servers show.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Check, Outcome};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Printer;
use crate::whole_file;

/// Writes what a command has checked and shown, if a file was named. A failure does not hide what was shown: it is told to people, and
/// makes the exit code.
pub(crate) fn write_too(
    file: Option<&Path>,
    command: &str,
    checks: &[Check],
    began: DateTime<Utc>,
    printer: &Printer,
    exit: Exit,
) -> Exit {
    match file.map_or(Ok(()), |file| write(file, command, checks, began)) {
        Ok(()) => exit,
        Err(failure) => {
            failure.report_to_people(printer);
            failure.exit()
        }
    }
}

/// A suite for each group of checks.
fn write(
    file: &Path,
    command: &str,
    checks: &[Check],
    began: DateTime<Utc>,
) -> Result<(), Failure> {
    let failed = |why: String| Failure::Other {
        message: format!("{} can't be written: {why}", file.display()),
        help: "name a file in a folder that you may write".to_owned(),
    };
    let text = report(command, checks, began).to_string().map_err(|why| failed(why.to_string()))?;
    let written = whole_file::write(file, |out| out.write_all(text.as_bytes()));
    written.map_err(|why| failed(why.to_string()))
}

fn report(command: &str, checks: &[Check], began: DateTime<Utc>) -> Report {
    let mut report = Report::new(command);
    report.set_timestamp(began);
    let mut rest = checks;
    while let Some(first) = rest.first() {
        let end = rest.iter().take_while(|check| check.group == first.group).count();
        let (now, later) = rest.split_at(end);
        let mut suite = TestSuite::new(first.group.as_str());
        suite.add_test_cases(now.iter().map(case));
        report.add_test_suite(suite);
        rest = later;
    }
    report
}

fn case(check: &Check) -> TestCase {
    let status = match &check.outcome {
        Outcome::Passed { .. } => TestCaseStatus::success(),
        Outcome::Failed { found, help } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_message(found.as_str())
                .set_description(format!("{found}\nwhat to do: {help}"));
            status
        }
        Outcome::NotLookedAt { found } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(found.as_str());
            status
        }
    };
    let mut case = TestCase::new(check.what.as_str(), status);
    case.set_classname(check.group.as_str()).set_time(Duration::from_millis(check.took_ms));
    if let Outcome::Passed { found } = &check.outcome {
        case.set_system_out(found.as_str());
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_for_each_group_with_what_failed_and_what_was_not_looked_at() {
        let check = |group: &str, what: &str, outcome| Check {
            group: group.to_owned(),
            what: what.to_owned(),
            outcome,
            took_ms: 1250,
        };
        let (found, help) = ("a < b & \u{1}\"c\"".to_owned(), "see".to_owned());
        let checks = [
            check("service", "is well", Outcome::Passed { found: "200".to_owned() }),
            check("service", "reads", Outcome::Failed { found, help }),
            check("logs", "no error", Outcome::NotLookedAt { found: "none named".to_owned() }),
        ];
        let text =
            report("migrate verify service", &checks, DateTime::UNIX_EPOCH).to_string().unwrap();
        insta::assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="migrate verify service" tests="3" skipped="1" failures="1" errors="0" timestamp="1970-01-01T00:00:00.000+00:00">
            <testsuite name="service" tests="2" skipped="0" errors="0" failures="1">
                <testcase name="is well" classname="service" time="1.250">
                    <system-out>200</system-out>
                </testcase>
                <testcase name="reads" classname="service" time="1.250">
                    <failure message="a &lt; b &amp; &quot;c&quot;">a &lt; b &amp; &quot;c&quot;
        what to do: see</failure>
                </testcase>
            </testsuite>
            <testsuite name="logs" tests="1" skipped="1" errors="0" failures="0">
                <testcase name="no error" classname="logs" time="1.250">
                    <skipped message="none named"/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }
}
