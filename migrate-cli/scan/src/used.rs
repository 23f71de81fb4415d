//! What the files that stay use of the extracted ones, and which routes answer with the same: what a client has to offer.

use std::collections::{BTreeMap, BTreeSet};

use crate::FileId;
use crate::border::{self, Place, Sides};
use crate::calls::{self, Call, Calls, Function, Given};
use crate::facts::{Facts, Form};
use crate::modules::Modules;
use crate::names::Monolith;
use crate::served::Served;
use crate::survey;

/// All of a monolith.
#[derive(Debug, Default)]
pub struct Uses {
    /// By file and name.
    pub names: Vec<Used>,
    /// Uses that name nothing that could be offered instead: stars, dynamic imports, texts.
    pub untold: Vec<Place>,
}

/// A name of an extracted file that a file uses which stays.
#[derive(Debug)]
pub struct Used {
    /// The file that defines it.
    pub file: String,
    /// Its name there.
    pub name: String,
    /// What it is; nothing where it is no function.
    pub function: Option<Function>,
    /// Who calls it.
    pub calls: Vec<(String, Call)>,
    /// Who uses it otherwise.
    pub otherwise: Vec<Place>,
    /// Routes that answer with what it gives back.
    pub answered: Vec<Answered>,
}

/// A route whose handler gives back what a function gives back, and calls nothing else of the extracted files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The file of the handler.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The handler.
    pub handler: String,
    /// Its methods.
    pub methods: Vec<String>,
    /// Where it is served.
    pub paths: Vec<String>,
    /// The parameter of the handler that is the body of the request.
    pub body: Option<String>,
    /// What each parameter of the function gets of the handler's own.
    pub given: BTreeMap<String, Given>,
    /// What the route says of itself by name, as it is written: `response_model`, `status_code`.
    pub declared: BTreeMap<String, String>,
    /// Whether it may say more, by something that is unpacked.
    pub is_open: bool,
    /// What the handler says that it gives back.
    pub returns: Option<String>,
    /// The line where the handler raises.
    pub raises: Option<usize>,
    /// The line where it does because of the answer.
    pub withholds: Option<usize>,
}

impl Used {
    /// `FILE:NAME`, which says it all.
    pub fn key(&self) -> String {
        format!("{}:{}", self.file, self.name)
    }
}

/// Finds them; `text` gives the text of a file.
pub fn of(
    paths: &[String],
    facts: &[Facts],
    sides: &Sides,
    text: &dyn Fn(&str) -> Option<String>,
) -> Uses {
    let modules = Modules::of(paths.iter().map(String::as_str));
    let monolith = Monolith { facts, modules: &modules };
    let border = border::judge(monolith, paths, sides);
    let mut reading = Reading { paths, monolith, sides, text, read: BTreeMap::new() };
    let mut found: BTreeMap<(FileId, String), Used> = BTreeMap::new();
    let importers: BTreeSet<&String> = border.importers.iter().map(|one| &one.from).collect();
    for (file, path) in paths.iter().enumerate().filter(|(_, path)| importers.contains(path)) {
        reading.importer(file, path, &mut found);
    }
    let routes = survey::of(paths, facts, &[], sides).routes;
    for route in &routes.served {
        if let Some((key, answered)) = reading.answered(route)
            && let Some(used) = found.get_mut(&key)
        {
            used.answered.push(answered);
        }
    }
    let untold = border.importers.iter().filter_map(|one| {
        let how = match one.form {
            Form::Import | Form::From => return None,
            Form::Star => "by a star",
            Form::Dynamic => "by a dynamic import",
            Form::Text => "in a text",
        };
        // A star that brings nothing of it is none.
        if one.form == Form::Star && one.names.is_empty() {
            return None;
        }
        let what = format!("names {} {how}: write an import that names what it takes", one.to);
        Some(Place { file: one.from.clone(), line: one.line, what })
    });
    Uses { untold: untold.collect(), names: found.into_values().collect() }
}

struct Reading<'a> {
    paths: &'a [String],
    monolith: Monolith<'a>,
    sides: &'a Sides,
    text: &'a dyn Fn(&str) -> Option<String>,
    read: BTreeMap<FileId, Calls>,
}

impl Reading<'_> {
    fn calls(&mut self, file: FileId) -> &Calls {
        let (paths, text) = (self.paths, self.text);
        self.read.entry(file).or_insert_with(|| {
            // What can't be read stands in the border already.
            let text = paths.get(file).and_then(|path| text(path));
            text.and_then(|text| calls::of(&text).ok()).unwrap_or_default()
        })
    }

    fn function(&mut self, file: FileId, name: &str) -> Option<Function> {
        self.calls(file).functions.iter().find(|function| function.name == name).cloned()
    }

    /// The name of an extracted file that a chain of names begins with in another file.
    fn meant(&self, file: FileId, chain: &str) -> Option<(FileId, String, bool)> {
        let (there, name) = self.monolith.imported(file, chain)?;
        let (first, is_whole) =
            name.split_once('.').map_or((&*name, true), |(first, _)| (first, false));
        let routing = &self.monolith.facts(there)?.routing;
        let is_router = routing.routers.iter().any(|router| router.name == first);
        (self.sides.extracted.contains(&there) && !is_router)
            .then(|| (there, first.to_owned(), is_whole))
    }

    fn importer(&mut self, file: FileId, path: &str, found: &mut BTreeMap<(FileId, String), Used>) {
        let mentions = self.calls(file).mentions.clone();
        for mention in mentions {
            let Some((there, name, is_whole)) = self.meant(file, &mention.chain) else { continue };
            let key = (there, name.clone());
            if !found.contains_key(&key) {
                let used = Used {
                    file: self.paths.get(there).cloned().unwrap_or_default(),
                    function: self.function(there, &name),
                    name: name.clone(),
                    calls: Vec::new(),
                    otherwise: Vec::new(),
                    answered: Vec::new(),
                };
                found.insert(key.clone(), used);
            }
            let Some(used) = found.get_mut(&key) else { continue };
            if let Some(call) = mention.call.filter(|_| is_whole) {
                used.calls.push((path.to_owned(), call));
            } else {
                let what = format!("uses {name} of {} and does not call it", used.file);
                used.otherwise.push(Place { file: path.to_owned(), line: mention.line, what });
            }
        }
    }

    /// The function that a route's handler hands over to.
    fn answered(&mut self, route: &Served) -> Option<((FileId, String), Answered)> {
        let file = self.paths.iter().position(|path| *path == route.file)?;
        let handler = self.function(file, &route.handler)?;
        let call = handler.hands_over.as_ref()?;
        let to = self.extracted(file, &call.function)?;
        let function = self.function(to.0, &to.1)?;
        // Whoever asked the route would have the rest done as well.
        let mut others = handler.called.iter().filter(|chain| **chain != call.function);
        if others.any(|chain| self.extracted(file, chain).is_some()) {
            return None;
        }
        let given = call.bound(&function.parameters).ok()?;
        let given = given.into_iter().map(|(it, given)| (it.name.clone(), given.clone()));
        let paths = route.paths.iter().filter(|path| path.is_told());
        let said = self.said(file, route);
        let declared = said.iter().flat_map(|call| &call.named);
        let answered = Answered {
            file: route.file.clone(),
            line: route.line,
            handler: route.handler.clone(),
            methods: route.methods.clone(),
            paths: paths.map(|path| path.path.clone()).collect(),
            body: self.body(file, &handler),
            given: given.collect(),
            declared: declared.map(|(name, value)| (name.clone(), value.to_string())).collect(),
            is_open: said.is_some_and(|call| call.is_open),
            returns: handler.returns,
            raises: handler.raises,
            withholds: handler.withholds,
        };
        Some((to, answered))
    }

    /// The call that declares a route: `@router.get(…)`, `router.add_api_route(…)`.
    fn said(&mut self, file: FileId, route: &Served) -> Option<Call> {
        let mentions = &self.calls(file).mentions;
        let mut calls =
            mentions.iter().filter(|it| it.line == route.line).filter_map(|it| it.call.as_ref());
        let declares = |call: &&Call| {
            let (of, verb) = call.function.rsplit_once('.').unwrap_or_default();
            let is_verb = route.methods.iter().any(|method| method.eq_ignore_ascii_case(verb));
            !of.is_empty() && (is_verb || verb.contains("route") || verb == "websocket")
        };
        calls.find(declares).cloned()
    }

    /// The only parameter without a default whose type is a class of the monolith, or any object: FastAPI takes it from the body.
    fn body(&self, file: FileId, handler: &Function) -> Option<String> {
        let is_class = |file: FileId, name: &str| {
            self.monolith.facts(file).is_some_and(|it| it.bindings.classes.contains(name))
        };
        let is_body = |kind: &str| {
            let there = self.monolith.imported(file, kind);
            kind == "dict"
                || kind.starts_with("dict[")
                || is_class(file, kind)
                || there.is_some_and(|(there, name)| is_class(there, &name))
        };
        let mut found = handler
            .parameters
            .iter()
            .filter(|it| it.default.is_none() && it.annotation.as_deref().is_some_and(is_body));
        let only = found.next().filter(|_| found.next().is_none())?;
        Some(only.name.clone())
    }

    /// The extracted function that a chain of names means in an extracted file.
    fn extracted(&mut self, file: FileId, chain: &str) -> Option<(FileId, String)> {
        if self.function(file, chain).is_some() {
            return Some((file, chain.to_owned()));
        }
        let (there, name) = self.monolith.imported(file, chain)?;
        self.sides.extracted.contains(&there).then_some((there, name))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use insta::assert_snapshot;

    const SERVICE: &str = "\
class Error(Exception): ...
def show(db, id: str) -> dict: ...
def both(db, id): ...
def quiet(db): ...
";
    const ROUTER: &str = "\
from fastapi import APIRouter
from . import service
from .service import both
router = APIRouter(prefix='/v1')
@router.get('/things/{thing_id}')
def show(thing_id, db):
    return service.show(db, id=thing_id)
@router.delete('/things/{thing_id}')
def remove(thing_id, db):
    service.quiet(db)
    return both(db, thing_id)
@router.put('/things/{thing_id}')
def change(thing_id, body, db):
    with failures():
        return both(db, body.name)
";

    /// What is used of `app/service.py` and `app/router.py`.
    fn shown(importer: &str) -> String {
        let files = [
            ("app/__init__.py", ""),
            (
                "app/main.py",
                "from app import router\napp = FastAPI()\napp.include_router(router.router)\n",
            ),
            ("app/service.py", SERVICE),
            ("app/router.py", ROUTER),
            ("app/jobs.py", importer),
        ];
        let facts: Vec<Facts> = files.iter().map(|(_, text)| Facts::of(text)).collect();
        let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        let sides = Sides { extracted: [2, 3].into(), ..Sides::default() };
        let text = |path: &str| {
            files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
        };
        let uses = of(&paths, &facts, &sides, &text);
        let mut page = String::new();
        for used in &uses.names {
            let is_function = if used.function.is_some() { "" } else { " (no function)" };
            writeln!(page, "{}{is_function}", used.key()).unwrap();
            for (file, call) in &used.calls {
                writeln!(page, "  called at {file}:{} with {}", call.line, call.placed.len())
                    .unwrap();
            }
            for place in &used.otherwise {
                writeln!(page, "  {}:{} {}", place.file, place.line, place.what).unwrap();
            }
            for one in &used.answered {
                writeln!(
                    page,
                    "  {} {:?} {:?} {:?}",
                    one.handler, one.methods, one.paths, one.given
                )
                .unwrap();
            }
        }
        for place in &uses.untold {
            writeln!(page, "{}:{} {}", place.file, place.line, place.what).unwrap();
        }
        page
    }

    #[test]
    fn routes_that_answer_with_a_function_are_found() {
        assert_snapshot!(shown("from .service import show as s, both\nfrom . import service\ns(db, 'a')\nservice.show(db, id='b')\nboth(db, 1)\n"), @r#"
        app/service.py:both
          called at app/jobs.py:5 with 2
          change ["PUT"] ["/v1/things/{thing_id}"] {"db": Name("db"), "id": Part("body", "name")}
        app/service.py:show
          called at app/jobs.py:3 with 2
          called at app/jobs.py:4 with 1
          show ["GET"] ["/v1/things/{thing_id}"] {"db": Name("db"), "id": Name("thing_id")}
        "#);
    }

    #[test]
    fn what_is_not_called_or_not_named_is_said() {
        assert_snapshot!(shown("import app.service\nhandlers = [app.service.show]\ntry: ...\nexcept app.service.Error: ...\nNAME = 'app.service.show'\n"), @r#"
        app/service.py:Error (no function)
          app/jobs.py:4 uses Error of app/service.py and does not call it
        app/service.py:show
          app/jobs.py:2 uses show of app/service.py and does not call it
          show ["GET"] ["/v1/things/{thing_id}"] {"db": Name("db"), "id": Name("thing_id")}
        app/jobs.py:5 names app/service.py in a text: write an import that names what it takes
        "#);
    }
}
