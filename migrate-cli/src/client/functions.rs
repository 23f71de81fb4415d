//! The functions of a client that stand for those that importers used: which operation each is, and how its parameters get there.
//!
//! Nothing is guessed. A function is known to be an operation where the handler of a route gives back what it gives back, or where
//! somebody has said so (`[client.names]`); its parameters, where the handler hands its own on, or where they have the same names.
//! All else stands against the client, with its place.

mod answers;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use scan::border::Place;
use scan::calls::{self, Given, Kind, Preset};
use scan::used::{Answered, Used, Uses};

use super::document::{Api, Operation, pieces};
use super::python::{is_function, unused};
use crate::monolith::config::Replaced;

/// What comes of all names.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    pub(crate) all: Vec<Function>,
    /// Names that are left to be replaced by hand.
    pub(crate) by_hand: Vec<String>,
    pub(crate) against: Vec<Place>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    /// `FILE:NAME` of what it stands for.
    pub(crate) stands_for: String,
    pub(crate) name: String,
    pub(crate) is_async: bool,
    /// The operation's identifier, the method of the client, and its type.
    pub(crate) operation: String,
    pub(crate) method: String,
    pub(crate) returns: String,
    /// `GET /path`, for people.
    pub(crate) request: String,
    /// The parameters, as Python writes them.
    pub(crate) parameters: Vec<String>,
    /// What the client is made with: argument and value.
    pub(crate) made_with: Vec<(String, String)>,
    /// What the method gets: argument and value.
    pub(crate) given: Vec<(String, String)>,
    /// Where the body is put together.
    pub(crate) body: Option<Made>,
}

/// A body that is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) annotation: String,
    /// Field and value.
    pub(crate) required: Vec<(String, String)>,
    /// Left out where the value is `None`.
    pub(crate) optional: Vec<(String, String)>,
}

/// Where a parameter gets to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// An argument of the method: its name and type, and whether it must be there.
    Argument(String, String, bool),
    /// A field of the body, likewise.
    Field(String, String, bool),
    /// The body.
    Body(String),
    /// What lets the client in.
    Secret(String),
    /// Nowhere: the service has no use for it.
    Without,
}

/// Finds them.
pub(crate) fn of(uses: &Uses, api: &Api, replaced: &Replaced) -> Functions {
    let mut found = Functions { against: uses.untold.clone(), ..Functions::default() };
    for used in &uses.names {
        if replaced.is_by_hand(&used.file, &used.name) {
            found.by_hand.push(used.key());
            continue;
        }
        match (Mapping { used, api, replaced }).function() {
            Ok(function) => found.all.push(function),
            Err(against) => found.against.extend(against),
        }
    }
    name_apart(&mut found.all, api);
    found.against.sort();
    found.against.dedup();
    found
}

/// Two files may have functions of one name, or a type of the client may have it.
fn name_apart(functions: &mut [Function], api: &Api) {
    let mut many: BTreeMap<String, usize> = BTreeMap::new();
    for function in &*functions {
        *many.entry(function.name.clone()).or_default() += 1;
    }
    let mut taken: BTreeSet<String> = api.records.iter().map(|it| it.name.clone()).collect();
    for function in functions {
        let is_shared = many.get(&function.name).is_some_and(|many| *many > 1);
        if is_shared || !is_function(&function.name) || taken.contains(&function.name) {
            let file = function.stands_for.split(".py:").next().unwrap_or_default();
            let module = file.trim_end_matches("/__init__").rsplit('/').next().unwrap_or_default();
            function.name = format!("{module}_{}", function.name);
        }
        function.name = unused(&mut taken, std::mem::take(&mut function.name));
    }
}

struct Mapping<'a> {
    used: &'a Used,
    api: &'a Api,
    replaced: &'a Replaced,
}

impl Mapping<'_> {
    fn function(&self) -> Result<Function, Vec<Place>> {
        let used = self.used;
        let Some(function) = &used.function else {
            let what = format!("uses {}, which is no function", self.named());
            return Err(self.everywhere(&what));
        };
        let (operation, answered) = self.operation(function)?;
        let mut against = used.otherwise.clone();
        let mut targets: Vec<(&calls::Parameter, Target)> = Vec::new();
        for parameter in &function.parameters {
            match self.target(parameter, operation, answered) {
                Ok(Some(target)) => targets.push((parameter, target)),
                Ok(None) => {}
                Err(what) => against.push(self.here(&what)),
            }
        }
        for needed in lacking(operation, &targets) {
            let what = format!("{} needs `{needed}`, which no parameter gives", operation.id);
            against.push(self.here(&what));
        }
        let passed = self.passed(function, operation, &targets, &mut against);
        if !against.is_empty() {
            return Err(against);
        }
        targets.retain(|(it, target)| *target != Target::Without || passed.contains(&it.name));
        Ok(written::of(used, function, operation, &targets))
    }

    /// The operation that it is, and the route that says so.
    fn operation(
        &self,
        function: &calls::Function,
    ) -> Result<(&Operation, Option<&Answered>), Vec<Place>> {
        let Used { file, name, answered, .. } = self.used;
        let refused = |what: String| vec![self.here(&what)];
        if let Some(stated) = self.replaced.operation(file, name) {
            let is_it = |it: &&Operation| it.id == stated || it.name == stated;
            let found = self.api.operations.iter().find(is_it);
            let found = found.ok_or_else(|| {
                refused(format!("is to be `{stated}`, an operation that the client does not have"))
            })?;
            // What the route says of its parameters holds where it is the same operation.
            let routes = answered.iter();
            let mut same =
                routes.filter(|it| self.of_route(it).is_some_and(|it| it.id == found.id));
            return Ok((found, same.next().filter(|_| same.next().is_none())));
        }
        let [only] = &answered[..] else {
            let handlers: Vec<_> =
                answered.iter().map(|it| format!("{}:{}", it.file, it.line)).collect();
            return Err(refused(if handlers.is_empty() {
                "gives back what no route answers with".to_owned()
            } else {
                format!("is what several routes answer with: {}", handlers.join(", "))
            }));
        };
        let Some(operation) = self.of_route(only) else {
            let (methods, paths) = (only.methods.join(", "), only.paths.join(", "));
            return Err(refused(format!(
                "is what {methods} {paths} answers with ({}:{}), which the client does not have",
                only.file, only.line
            )));
        };
        if let Some(oddity) = &function.oddity {
            return Err(refused(oddity.clone()));
        }
        if let Some(what) = answers::other(function, only) {
            return Err(refused(what));
        }
        match &function.returns {
            Some(kind) if is_data(kind) => {
                let is_lost = kind != "None" && operation.answer.annotation == "None";
                let what = || format!("{} answers with nothing, by its document", operation.id);
                if is_lost { Err(refused(what())) } else { Ok((operation, Some(only))) }
            }
            Some(kind) => Err(refused(format!("gives back `{kind}`, and the client plain data"))),
            None => Err(refused(
                "does not say what it gives back, and the client gives plain data".to_owned(),
            )),
        }
    }

    fn of_route(&self, answered: &Answered) -> Option<&Operation> {
        let mut all = answered.paths.iter().flat_map(|path| {
            answered.methods.iter().filter_map(|method| self.api.at(method, path))
        });
        all.next()
    }

    fn target(
        &self,
        parameter: &calls::Parameter,
        operation: &Operation,
        answered: Option<&Answered>,
    ) -> Result<Option<Target>, String> {
        let Used { file, name, .. } = self.used;
        let own = &parameter.name;
        if self.replaced.without.contains(own) {
            return Ok(Some(Target::Without));
        }
        if parameter.kind == Kind::Rest {
            return Ok(None);
        }
        let is_stated = self.replaced.operation(file, name).is_some();
        let target = match (self.replaced.argument(file, name, own), answered) {
            (Some(stated), _) => {
                let secret = self.api.secrets.iter().find(|it| it.argument == stated);
                let target = secret.map(|it| Target::Secret(it.argument.clone()));
                let target = target.or_else(|| by_name(operation, stated));
                Some(target.ok_or_else(|| {
                    format!("`{own}` is to be `{stated}`, which {} does not have", operation.id)
                })?)
            }
            (None, Some(answered)) => handed_on(operation, answered, own),
            (None, None) => by_name(operation, own),
        };
        let Some(target) = target else {
            let answered = answered.filter(|_| !is_stated);
            return answered.and_then(|it| answers::fixed(parameter, it)).map_or(Ok(None), Err);
        };
        if let Some(kind) = parameter.annotation.as_deref().filter(|it| !is_stated && !is_data(it))
        {
            return Err(format!("takes `{kind}` as `{own}`, and the client plain data"));
        }
        match (&parameter.default, &target) {
            (Some(Preset::Other), _) => Err(format!("the default of `{own}` is worked out")),
            (Some(Preset::Plain(text)), Target::Argument(.., true) | Target::Field(.., true))
                if text == "None" =>
            {
                Err(format!("`{own}` may be None, and {} needs it", operation.id))
            }
            _ => Ok(Some(target)),
        }
    }

    /// The parameters that somebody gives something to.
    fn passed(
        &self,
        function: &calls::Function,
        operation: &Operation,
        targets: &[(&calls::Parameter, Target)],
        against: &mut Vec<Place>,
    ) -> BTreeSet<String> {
        let mut passed = BTreeSet::new();
        for (file, call) in &self.used.calls {
            let mut stands_against = |what: String| {
                let what = format!("calls {}: {what}", self.named());
                against.push(Place { file: file.clone(), line: call.line, what });
            };
            match call.bound(&function.parameters) {
                Err(what) => stands_against(what),
                Ok(bound) => {
                    for (parameter, _) in bound {
                        passed.insert(parameter.name.clone());
                        if !targets.iter().any(|(known, _)| known.name == parameter.name) {
                            let (own, id) = (&parameter.name, &operation.id);
                            stands_against(format!("gives `{own}`, which {id} knows nothing of"));
                        }
                    }
                }
            }
        }
        passed
    }

    fn named(&self) -> String {
        format!("{} of {}", self.used.name, self.used.file)
    }

    /// At the function itself.
    fn here(&self, what: &str) -> Place {
        let line = self.used.function.as_ref().map_or(1, |it| it.line);
        Place { file: self.used.file.clone(), line, what: format!("{}: {what}", self.used.name) }
    }

    /// At each use.
    fn everywhere(&self, what: &str) -> Vec<Place> {
        let calls = self.used.calls.iter().map(|(file, call)| (file, call.line));
        let others = self.used.otherwise.iter().map(|place| (&place.file, place.line));
        let all = calls.chain(others);
        all.map(|(file, line)| Place { file: file.clone(), line, what: what.to_owned() }).collect()
    }
}

/// What the handler hands on to a parameter.
fn handed_on(operation: &Operation, answered: &Answered, own: &str) -> Option<Target> {
    let is_body = |of: &String| answered.body.as_ref() == Some(of);
    match answered.given.get(own)? {
        Given::Name(name) => {
            // The two sides may call a part of the path differently.
            let path = answered
                .paths
                .iter()
                .find_map(|path| pieces(path).filter_map(Result::ok).position(|part| part == name));
            if let Some(parameter) = path.and_then(|at| operation.path_parameters.get(at)) {
                return Some(argument(parameter));
            }
            if is_body(name) {
                return operation.body.as_ref().map(|body| Target::Body(body.annotation.clone()));
            }
            operation.query.iter().find(|it| it.name == *name).map(argument)
        }
        Given::Part(of, name) if is_body(of) => field(operation, name),
        Given::Whole(of) if is_body(of) => {
            operation.body.as_ref().map(|body| Target::Body(body.annotation.clone()))
        }
        _ => None,
    }
}

fn by_name(operation: &Operation, name: &str) -> Option<Target> {
    let Operation { path_parameters, query, headers, body, .. } = operation;
    let mut arguments = path_parameters.iter().chain(query).chain(headers);
    let found = arguments.find(|it| it.name == name || it.argument == name).map(argument);
    let whole = body.as_ref().filter(|_| name == "body");
    let whole = || whole.map(|body| Target::Body(body.annotation.clone()));
    found.or_else(|| field(operation, name)).or_else(whole)
}

fn argument(parameter: &super::document::Parameter) -> Target {
    let super::document::Parameter { argument, annotation, required, .. } = parameter;
    Target::Argument(argument.clone(), annotation.clone(), *required)
}

fn field(operation: &Operation, name: &str) -> Option<Target> {
    let (field, required) =
        operation.body.as_ref()?.fields.iter().find(|(it, _)| it.name == name)?;
    Some(Target::Field(field.name.clone(), field.annotation.clone(), *required))
}

/// What an operation can't do without, and does not get.
fn lacking(operation: &Operation, targets: &[(&calls::Parameter, Target)]) -> Vec<String> {
    let has = |wanted: &str| {
        targets.iter().any(|(_, it)| match it {
            Target::Argument(name, ..) => name == wanted,
            _ => false,
        })
    };
    let Operation { path_parameters, query, headers, body, .. } = operation;
    let all = path_parameters.iter().chain(query).chain(headers);
    let needed = all.filter(|it| it.required && !has(&it.argument));
    let mut lacking: Vec<String> = needed.map(|it| it.name.clone()).collect();
    let is_whole = targets.iter().any(|(_, it)| matches!(it, Target::Body(_)));
    let parts: Vec<&String> = targets
        .iter()
        .filter_map(|(_, it)| match it {
            Target::Field(name, ..) => Some(name),
            _ => None,
        })
        .collect();
    if let Some(body) = body.as_ref().filter(|_| !is_whole) {
        if body.fields.is_empty() && body.required {
            lacking.push("body".to_owned());
        } else if body.required || !parts.is_empty() {
            let fields =
                body.fields.iter().filter(|(field, is)| *is && !parts.contains(&&field.name));
            lacking.extend(fields.map(|(field, _)| field.name.clone()));
        }
    }
    lacking
}

/// Whether a type, as it is written, is one that JSON has.
fn is_data(annotation: &str) -> bool {
    const DATA: &[&str] = &[
        "",
        "Any",
        "Dict",
        "List",
        "Mapping",
        "None",
        "Optional",
        "Sequence",
        "Union",
        "abc",
        "bool",
        "collections",
        "dict",
        "float",
        "int",
        "list",
        "object",
        "str",
        "typing",
    ];
    let mut words = annotation.split(|letter: char| letter != '_' && !letter.is_alphanumeric());
    words.all(|word| DATA.contains(&word))
}
