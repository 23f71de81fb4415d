//! What taking the extracted files out of a monolith would do: which files go, which are edited how, and what stands against it.

use std::collections::BTreeMap;

use crate::FileId;
use crate::border::{self, Place, Sides};
use crate::facts::{Facts, Form};
use crate::lookup::Lookup;
use crate::modules::{Meaning, Modules};
use crate::names::Monolith;
use crate::removal::{self, Edited, Gone};
use crate::routes;

/// What would be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// The files that go.
    pub moved: Vec<String>,
    /// The files that are edited, with what becomes of each.
    pub edited: BTreeMap<String, Edited>,
    /// What refers to the extracted files and can't be taken out: nothing may be done while there is any.
    pub against: Vec<Place>,
}

/// Plans it; `text` gives the text of a file.
pub fn plan(
    paths: &[String],
    facts: &[Facts],
    sides: &Sides,
    text: &dyn Fn(&str) -> Option<String>,
) -> Cleanup {
    let modules = Modules::of(paths.iter().map(String::as_str));
    let monolith = Monolith { facts, modules: &modules };
    let border = border::judge(monolith, paths, sides);
    // What a statement binds is seen where it is used; what a text or a star brings is not.
    let users = border.importers.iter().filter(|one| match one.form {
        Form::Import | Form::From => false,
        Form::Star => !one.names.is_empty(),
        Form::Dynamic | Form::Text => true,
    });
    let users = users.map(|one| {
        let names: Vec<&str> = one.names.iter().map(String::as_str).collect();
        let names = if names.is_empty() { "the module".to_owned() } else { names.join(", ") };
        let what = format!("uses {names} of {}", one.to);
        Place { file: one.from.clone(), line: one.line, what }
    });
    let mut plan = Cleanup { against: users.collect(), ..Cleanup::default() };
    plan.moved = sides.extracted.iter().filter_map(|file| paths.get(*file).cloned()).collect();
    for (file, gone) in gone(monolith, sides) {
        let Some(path) = paths.get(file) else { continue };
        let mut stands_against = |line, what: String| {
            plan.against.push(Place { file: path.clone(), line, what });
        };
        let Some(text) = text(path) else {
            stands_against(1, "can't be read any more".to_owned());
            continue;
        };
        match removal::edit(&text, &gone) {
            Ok(edited) => {
                for (line, name) in &edited.left {
                    stands_against(
                        *line,
                        format!("uses {name}, which nothing would bind any more"),
                    );
                }
                plan.edited.insert(path.clone(), edited);
            }
            Err(mistake) => stands_against(mistake.line, mistake.what),
        }
    }
    plan.against.sort();
    plan.against.dedup();
    plan
}

/// What of the extracted files each file that stays would lose.
fn gone(monolith: Monolith<'_>, sides: &Sides) -> BTreeMap<FileId, Gone> {
    let is_gone = |file: &FileId| sides.extracted.contains(file);
    let mut all: BTreeMap<FileId, Gone> = BTreeMap::new();
    for (file, facts) in monolith.facts.iter().enumerate().filter(|(file, _)| !is_gone(file)) {
        for import in &facts.imports.all {
            if matches!(import.form, Form::Text | Form::Dynamic) {
                continue;
            }
            let (origins, meaning) = monolith.targets(file, import);
            // A module that is gone, or a name that comes from one.
            let module_goes =
                matches!(&meaning, Meaning::Files(files) if files.iter().all(&is_gone));
            let goes = module_goes || origins.iter().all(|origin| is_gone(&origin.file));
            if goes && !origins.is_empty() {
                let gone = all.entry(file).or_default();
                gone.imports.insert((import.line, import.bound.clone()));
            }
        }
    }
    let lookup = Lookup::new(monolith);
    for ((file, line, child), routers) in routes::taken_in(&lookup) {
        let goes = !routers.is_empty() && routers.iter().all(is_gone);
        if goes && !is_gone(&file) {
            all.entry(file).or_default().taken_in.insert((line, child));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    /// What would be done where `app/agents.py` goes.
    fn cleaned(files: &[(&str, &str)]) -> String {
        let facts: Vec<Facts> = files.iter().map(|(_, text)| Facts::of(text)).collect();
        let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        let extracted = paths.iter().position(|path| path == "app/agents.py");
        let sides = Sides { extracted: extracted.into_iter().collect(), ..Sides::default() };
        let text = |path: &str| {
            files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
        };
        let plan = plan(&paths, &facts, &sides, &text);
        let edited = plan.edited.iter().map(|(path, edited)| format!("{path}\n{}", edited.text));
        let against =
            plan.against.iter().map(|it| format!("{}:{} {}\n", it.file, it.line, it.what));
        edited.chain(against).collect()
    }

    const AGENTS: &str = "from fastapi import APIRouter\nrouter = APIRouter()\ndef run(): ...\n";

    #[test]
    fn a_router_goes_through_packages_and_lists() {
        let files = [
            ("app/__init__.py", ""),
            ("app/agents.py", AGENTS),
            ("app/jobs.py", "router = APIRouter()\n"),
            (
                "app/routers/__init__.py",
                "from ..agents import router as agents\nfrom ..jobs import router as jobs\n__all__ = ['agents', 'jobs']\n",
            ),
            (
                "app/main.py",
                "from app import routers\nfrom app.routers import agents, jobs\nfrom app import agents as module\napp = FastAPI()\n\
                 for one in [agents, jobs]:\n    app.include_router(one)\nfor prefix in ('/v1', '/v2'):\n\
                 \x20   app.include_router(routers.agents, prefix=prefix)\n    app.include_router(routers.jobs)\n\
                 def late():\n    from .agents import router\n    app.include_router(router)\n",
            ),
        ];
        assert_snapshot!(cleaned(&files), @r"
        app/main.py
        from app import routers
        from app.routers import jobs
        app = FastAPI()
        for one in [jobs]:
            app.include_router(one)
        for prefix in ('/v1', '/v2'):
            app.include_router(routers.jobs)
        def late():
            pass
        app/routers/__init__.py
        from ..jobs import router as jobs
        __all__ = ['jobs']
        ");
    }

    #[test]
    fn whoever_uses_it_stands_against_it() {
        let files = [
            ("app/__init__.py", ""),
            ("app/agents.py", AGENTS),
            (
                "app/main.py",
                "from .agents import run, router\nrun()\nif router:\n    app.include_router(router)\n",
            ),
            ("app/text.py", "patch('app.agents.run')\n"),
        ];
        assert_snapshot!(cleaned(&files), @r"
        app/main.py
        run()
        if router:
            pass
        app/main.py:2 uses run, which nothing would bind any more
        app/main.py:3 uses router, which nothing would bind any more
        app/text.py:1 uses run of app/agents.py
        ");
    }
}
