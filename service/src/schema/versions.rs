//! Whether this build can use the service's own tables of the version that a database records: pure.

use std::collections::BTreeSet;

use super::findings::{Broken, Finding, Operation, Program, severity};
use crate::tables::Record as _;
use crate::tables::own::versions::{self, SchemaVersion};

/// A finding where the version is not this build's.
pub fn finding(recorded: i64) -> Option<Finding> {
    judged(recorded, versions::latest(versions::ALL))
}

fn judged(recorded: i64, known: i64) -> Option<Finding> {
    let breaks: BTreeSet<Broken> = match recorded.cmp(&known) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Less => BTreeSet::new(),
        std::cmp::Ordering::Greater => {
            Operation::ALL.map(|operation| Broken { program: Program::Service, operation }).into()
        }
    };
    let table = SchemaVersion::TABLE.name;
    let (what, remedy) = if recorded < known {
        ("which the service brings up to date when it starts", None)
    } else {
        let remedy = "run the build that changed them, or a later one";
        ("with which this build of the service refuses to start", Some(remedy.to_owned()))
    };
    Some(Finding {
        table: table.to_owned(),
        column: None,
        severity: severity(&breaks),
        breaks,
        message: format!(
            "{table} says that the service's own tables are of version {recorded}, and this build has {known}, {what}"
        ),
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Severity;

    #[test]
    fn an_older_version_is_harmless_and_a_newer_one_is_not() {
        assert_eq!(judged(2, 2), None);
        let (older, newer) = (judged(1, 2).unwrap(), judged(3, 2).unwrap());
        assert_eq!((older.severity, older.breaks.len()), (Severity::Harmless, 0));
        assert_eq!((newer.severity, newer.breaks.len()), (Severity::ServiceCannotRead, 4));
        assert!(newer.message.contains("are of version 3, and this build has 2"), "{newer:?}");
        assert_eq!(finding(versions::latest(versions::ALL)), None);
    }
}
