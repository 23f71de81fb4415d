//! What taking the extracted files out of a monolith would do: which files go, which are edited how, and what stands against it.

mod gone;
pub mod untold;

use std::collections::BTreeMap;

use crate::border::{self, Place, Sides};
use crate::facts::{Facts, Form};
use crate::modules::Modules;
use crate::names::Monolith;
use crate::offered::Offered;
use crate::removal::{self, Edited};

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

/// Plans it; `text` gives the text of a file or says why there is none, and `client` offers what the files that stay used.
pub fn plan(
    paths: &[String],
    facts: &[Facts],
    sides: &Sides,
    client: Option<&str>,
    text: &dyn Fn(&str) -> Result<String, String>,
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
    plan.against.extend(orphans(monolith, paths, sides));
    let offered = client.and_then(|client| Offered::by(monolith, paths, client));
    for (file, gone) in gone::of(monolith, sides, offered.as_ref()) {
        let Some(path) = paths.get(file) else { continue };
        let mut stands_against = |line, what: String| {
            plan.against.push(Place { file: path.clone(), line, what });
        };
        let text = match text(path) {
            Ok(text) => text,
            Err(why) => {
                stands_against(1, why);
                continue;
            }
        };
        match removal::edit(&text, &gone) {
            Ok(edited) => {
                for (line, name) in &edited.left {
                    stands_against(
                        *line,
                        format!("uses {name}, which nothing would bind any more"),
                    );
                }
                if edited.text != text {
                    plan.edited.insert(path.clone(), edited);
                }
            }
            Err(mistake) => stands_against(mistake.line, mistake.what),
        }
    }
    plan.against.sort();
    plan.against.dedup();
    plan
}

/// Files that stay below a package whose own file goes: they would be imported as parts of no package.
fn orphans(monolith: Monolith<'_>, paths: &[String], sides: &Sides) -> Vec<Place> {
    let modules = monolith.modules;
    let packages = sides.extracted.iter().filter(|file| modules.is_package(**file));
    let mut found = Vec::new();
    for package in packages {
        let folder = format!("{}/", modules.key(*package));
        for (file, path) in paths.iter().enumerate() {
            if path.starts_with(&folder) && !sides.extracted.contains(&file) {
                let own = paths.get(*package).map_or("", String::as_str);
                let what =
                    format!("lies in the package of {own}, which would go: extract both or none");
                found.push(Place { file: path.clone(), line: 1, what });
            }
        }
    }
    found
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
            let file = files.iter().find(|(known, _)| *known == path);
            file.map(|(_, text)| (*text).to_owned()).ok_or_else(String::new)
        };
        let client = Some("app/clients/agents.py");
        let plan = plan(&paths, &facts, &sides, client, &text);
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
    fn what_comes_through_something_that_stays_is_seen() {
        let files = [
            ("app/__init__.py", "__all__ = ['agents', 'jobs']\n"),
            ("app/agents.py", AGENTS),
            ("app/jobs.py", "router = APIRouter()\n"),
            (
                "app/routers/__init__.py",
                "from ..agents import router as agents\nfrom ..jobs import router as jobs\n",
            ),
            (
                "app/lists.py",
                "from . import routers\nALL = [routers.agents, routers.jobs]\nprint(routers.agents)\n",
            ),
            (
                "app/loops.py",
                "from . import agents, jobs\nfor one in [agents, jobs]:\n    api.include_router(one.router)\n\
                 for one in [agents, jobs]:\n    one.start()\n",
            ),
            ("app/use.py", "import app\nimport app.jobs\napp.agents.run(app.jobs)\n"),
        ];
        assert_snapshot!(cleaned(&files), @r"
        app/__init__.py
        __all__ = ['jobs']
        app/lists.py
        from . import routers
        ALL = [routers.jobs]
        print(routers.agents)
        app/loops.py
        from . import jobs
        for one in [jobs]:
            api.include_router(one.router)
        for one in [agents, jobs]:
            one.start()
        app/routers/__init__.py
        from ..jobs import router as jobs
        app/lists.py:3 uses routers.agents, which nothing would bind any more
        app/loops.py:4 uses agents, which nothing would bind any more
        app/use.py:3 uses app.agents, which nothing would bind any more
        ");
    }

    const CLIENT: &str = "REPLACES: dict[str, str] = {\n    \"app/agents.py:run\": \"run\",\n    \"app/agents.py:stop\": \"agents_stop\",\n}\ndef run(): ...\ndef agents_stop(): ...\n";

    #[test]
    fn what_a_client_offers_is_taken_from_there_in_every_form() {
        let files = [
            ("app/__init__.py", ""),
            (
                "app/agents.py",
                "from fastapi import APIRouter\nrouter = APIRouter()\ndef run(): ...\ndef stop(): ...\n",
            ),
            ("app/clients/agents.py", CLIENT),
            (
                "app/main.py",
                "from app import agents, jobs\napp = FastAPI()\napp.include_router(agents.router)\nagents.run()\n",
            ),
            (
                "app/jobs.py",
                "from typing import TYPE_CHECKING\nimport os, app.agents\nimport app.agents as whole\nfrom .agents import run\nfrom .agents import (\n    run as go,  # now\n    stop,\n)\n\
                 if TYPE_CHECKING:\n    from app.agents import run as r\ndef late(x):\n    x = 1; from . import agents as a, main\n    a.run()\n    return app.agents.run(whole.run)\n",
            ),
            (
                "app/tools/__init__.py",
                "from ..agents import run, router\n__all__ = ['run', 'router']\n",
            ),
            (
                "app/tools/use.py",
                "from app.tools import run\nfrom . import run as again\nrun(again)\n",
            ),
        ];
        assert_snapshot!(cleaned(&files), @r"
        app/jobs.py
        from typing import TYPE_CHECKING
        import os, app.clients.agents
        import app.clients.agents as whole
        from .clients.agents import run
        from .clients.agents import (
            run as go,  # now
            agents_stop as stop,
        )
        if TYPE_CHECKING:
            from app.clients.agents import run as r
        def late(x):
            x = 1; from .clients import agents as a; from . import main
            a.run()
            return app.clients.agents.run(whole.run)
        app/main.py
        from app.clients import agents
        from app import jobs
        app = FastAPI()
        agents.run()
        app/tools/__init__.py
        from ..clients.agents import run
        __all__ = ['run']
        ");
    }

    #[test]
    fn what_no_client_offers_stands_against_it() {
        let files = [
            ("app/__init__.py", ""),
            ("app/agents.py", AGENTS),
            ("app/clients/agents.py", CLIENT),
            ("app/a.py", "from .agents import run, Other\nrun(Other)\n"),
            ("app/b.py", "from . import agents\nagents.run()\nagents.Other()\n"),
            ("app/c.py", "from . import agents\nagents.run(agents)\n"),
            ("app/d.py", "from .agents import *\nrun()\n"),
            ("app/e/__init__.py", "from ..agents import *\n"),
            ("app/e/use.py", "from . import run\nrun()\n"),
        ];
        assert_snapshot!(cleaned(&files), @r"
        app/a.py
        from .clients.agents import run
        run(Other)
        app/b.py
        agents.run()
        agents.Other()
        app/c.py
        agents.run(agents)
        app/d.py
        run()
        app/e/__init__.py
        pass
        app/e/use.py
        run()
        app/a.py:2 uses Other, which nothing would bind any more
        app/b.py:2 uses agents, which nothing would bind any more
        app/b.py:3 uses agents, which nothing would bind any more
        app/c.py:2 uses agents, which nothing would bind any more
        app/d.py:1 uses run of app/agents.py
        app/e/use.py:2 uses run, which nothing would bind any more
        ");
    }

    #[test]
    fn a_file_below_a_package_that_goes_stands_against_it() {
        let paths = ["app/agents/__init__.py".to_owned(), "app/agents/kept.py".to_owned()];
        let sides = Sides { extracted: [0].into(), ..Sides::default() };
        let facts = [Facts::default(), Facts::default()];
        let plan = plan(&paths, &facts, &sides, None, &|_| Ok(String::new()));
        let said: Vec<&str> = plan.against.iter().map(|it| it.file.as_str()).collect();
        assert_eq!(said, ["app/agents/kept.py"]);
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
