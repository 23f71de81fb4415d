//! What is different between two surveys of one monolith, whatever line it stands at.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::border::Crossing;
use crate::served::Served;
use crate::survey::Survey;

/// Something that one survey has and the other has not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fact {
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub what: String,
}

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An extracted file that somebody imports.
    Importer,
    /// A file that an extracted file imports.
    Need,
    /// A circle of imports across the border.
    Cycle,
    /// An import that leads nowhere.
    Nowhere,
    /// A file that could not be read whole.
    Unread,
    /// A route of an extracted file, or that nobody takes it in any more.
    Route,
    /// A text that names such a route's path.
    Caller,
    /// A table that somebody reads or writes.
    Table,
    /// A foreign key across the border.
    ForeignKey,
}

/// What came and what went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// In the later survey only.
    pub appeared: Vec<Fact>,
    /// In the earlier survey only.
    pub gone: Vec<Fact>,
}

/// Compares them.
pub fn between(before: &Survey, after: &Survey) -> Changes {
    let (before, after) = (facts(before), facts(after));
    Changes {
        appeared: after.difference(&before).cloned().collect(),
        gone: before.difference(&after).cloned().collect(),
    }
}

fn facts(survey: &Survey) -> BTreeSet<Fact> {
    let mut all = BTreeSet::new();
    let mut add = |kind, what: String| all.insert(Fact { kind, what });
    let border = &survey.border;
    for one in &border.importers {
        add(Kind::Importer, crossing(one));
    }
    for one in &border.needs {
        add(Kind::Need, crossing(one));
    }
    for one in &border.cycles {
        add(Kind::Cycle, format!("{} ↔ {}", one.extracted.join(", "), one.rest.join(", ")));
    }
    for one in &border.nowhere {
        add(Kind::Nowhere, format!("{} {}", one.file, one.what));
    }
    for one in &border.unread {
        add(Kind::Unread, format!("{} {}", one.file, one.what));
    }
    for route in &survey.routes.served {
        for what in routes(route) {
            add(Kind::Route, what);
        }
    }
    for one in &survey.callers {
        add(Kind::Caller, format!("{} {}", one.file, one.text));
    }
    for table in &survey.tables.tables {
        for one in table.extracted.iter().chain(&table.rest) {
            let kinds = [("reads", !one.reads.is_empty()), ("writes", !one.writes.is_empty())];
            for (kind, _) in kinds.into_iter().filter(|(_, does)| *does) {
                add(Kind::Table, format!("{} {kind} {}", one.file, table.name));
            }
        }
    }
    for key in &survey.tables.foreign_keys {
        add(Kind::ForeignKey, format!("{} → {}", key.from, key.to));
    }
    all
}

fn crossing(one: &Crossing) -> String {
    let names: Vec<&str> = one.names.iter().map(String::as_str).collect();
    let names = if names.is_empty() { "the module".to_owned() } else { names.join(", ") };
    format!("{} → {}: {names}", one.from, one.to)
}

fn routes(route: &Served) -> Vec<String> {
    let methods = if route.methods.is_empty() { "*".to_owned() } else { route.methods.join(",") };
    let place = format!("{} {}", route.file, route.handler);
    if route.paths.is_empty() {
        return vec![format!("{place}: {methods} nowhere")];
    }
    route.paths.iter().map(|path| format!("{place}: {methods} {}", path.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::border::Sides;
    use crate::facts::Facts;
    use crate::survey;

    fn survey(main: &str, agents: &str) -> Survey {
        let files = [("app/__init__.py", ""), ("app/main.py", main), ("app/agents.py", agents)];
        let facts: Vec<Facts> = files.iter().map(|(_, text)| Facts::of(text)).collect();
        let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        let sides = Sides { extracted: [2].into(), ..Sides::default() };
        survey::of(&paths, &facts, &[], &sides)
    }

    #[test]
    fn a_line_that_moves_is_no_change() {
        let main =
            "from .agents import run, router\napp = FastAPI()\napp.include_router(router)\nrun()\n";
        let agents = "router = APIRouter()\n@router.get('/a')\ndef a(): ...\ndef run(): ...\n";
        let before = survey(main, agents);
        let after = survey(&format!("\n\n{main}"), &format!("\n{agents}"));
        assert_eq!(between(&before, &after), Changes::default());

        let after = survey(
            "from .agents import router\napp = FastAPI()\napp.include_router(router, prefix='/v1')\n",
            agents,
        );
        let shown = |facts: &[Fact]| -> Vec<String> {
            facts.iter().map(|fact| fact.what.clone()).collect()
        };
        let changes = between(&before, &after);
        assert_eq!(shown(&changes.appeared), ["app/agents.py a: GET /v1/a"]);
        assert_eq!(
            shown(&changes.gone),
            ["app/main.py → app/agents.py: run", "app/agents.py a: GET /a"]
        );
    }
}
