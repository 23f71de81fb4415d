//! An OpenAPI document as operations that a client can have.

use std::collections::{BTreeMap, BTreeSet};

use oas3::Spec;
use oas3::spec::{
    MediaType, ObjectOrReference, Operation as Described, Parameter as DescribedParameter,
    ParameterIn, PathItem, RequestBody, Response, SecurityScheme,
};
use serde::Serialize;

use super::python::{camel, snake, unused, words};
use super::types::{Field, Record, Types};

/// Why a document can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    /// It is no JSON, or not of OpenAPI's shape.
    #[error("it is no OpenAPI document: {0}")]
    Shape(#[from] serde_json::Error),
    /// It is of another version.
    #[error("it says `openapi: {0}`; versions 3.1.x are understood")]
    Version(String),
    /// Two operations would be one method.
    #[error("the operations `{0}` and `{1}` would both be the method `{2}`")]
    Twice(String, String, String),
    /// A reference leads nowhere.
    #[error("{method} {path}: {why}")]
    Reference {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl DocumentError {
    /// What to do about it.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::Shape(_) | Self::Version(_) => {
                "give an OpenAPI document of version 3.1 as JSON, such as FastAPI and utoipa write"
            }
            Self::Twice(..) => {
                "give each its own operationId in the service, or leave one of them out with --only"
            }
            Self::Reference { .. } => {
                "correct the document where it is written, or leave the path out with --only"
            }
        }
    }
}

/// What a service offers.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) about: Option<String>,
    /// Where it says that it stands, if it says so whole.
    pub(crate) server: Option<String>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) records: Vec<Record>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// What a client shows to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    /// The name of the argument: `api_key`, `token`.
    pub(crate) argument: String,
    /// The header.
    pub(crate) header: String,
    /// What stands before it there.
    pub(crate) before: &'static str,
}

/// An operation that the client does without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) operation: String,
    pub(crate) why: String,
}

/// One request that can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// As the document names it.
    pub(crate) id: String,
    /// The method of the client.
    pub(crate) name: String,
    /// `GET`.
    pub(crate) method: String,
    /// With parameters in braces.
    pub(crate) path: String,
    /// What it does, in the words of the document.
    pub(crate) about: String,
    /// Those of the path, in its order.
    pub(crate) path_parameters: Vec<Parameter>,
    pub(crate) query: Vec<Parameter>,
    pub(crate) headers: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) answer: Answer,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// In the request.
    pub(crate) name: String,
    /// In Python.
    pub(crate) argument: String,
    pub(crate) annotation: String,
    pub(crate) required: bool,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// The argument of the method.
    pub(crate) argument: String,
    pub(crate) annotation: String,
    pub(crate) required: bool,
    /// Its fields, where it has names for them, and whether each must be there.
    pub(crate) fields: Vec<(Field, bool)>,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) annotation: String,
    /// As JSON; else as text.
    pub(crate) is_json: bool,
}

impl Api {
    /// Reads it; operations for which `is_wanted` does not hold are as if they were not there.
    pub(crate) fn of(text: &str, is_wanted: &dyn Fn(&str) -> bool) -> Result<Self, DocumentError> {
        let version: Version = serde_json::from_str(text)?;
        if !version.openapi.starts_with("3.1.") {
            return Err(DocumentError::Version(version.openapi));
        }
        let spec: Spec = serde_json::from_str(text)?;
        let mut reading = Reading { spec: &spec, types: Types::of(&spec), left_out: Vec::new() };
        let mut operations: Vec<Operation> = Vec::new();
        let mut taken = stated(&spec, is_wanted)?;
        for (path, item) in spec.paths.iter().flatten().filter(|(path, _)| is_wanted(path)) {
            for (method, described) in item.methods() {
                let found = reading.operation(path, method.as_str(), item, described);
                let Some(mut operation) = found.map_err(|why| DocumentError::Reference {
                    method: method.to_string(),
                    path: path.clone(),
                    why,
                })?
                else {
                    continue;
                };
                if described.operation_id.is_none() {
                    operation.name = unused(&mut taken, operation.name);
                }
                operations.push(operation);
            }
        }
        let Reading { types, left_out, .. } = reading;
        let server = spec.servers.first().map(|server| server.url.clone());
        Ok(Self {
            title: words(&spec.info.title),
            version: words(&spec.info.version),
            about: spec.info.description.as_deref().map(words).filter(|about| !about.is_empty()),
            server: server.filter(|url| url.starts_with("http") && !url.contains('{')),
            secrets: secrets(&spec),
            records: types.records(),
            operations,
            left_out,
        })
    }

    /// The operation at a method and a path, whatever its parameters are called.
    pub(crate) fn at(&self, method: &str, path: &str) -> Option<&Operation> {
        let shape = |path: &str| -> Vec<String> {
            let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
            parts.map(str::to_owned).collect()
        };
        let wanted = shape(path);
        self.operations.iter().find(|it| it.method == method && shape(&it.path) == wanted)
    }
}

/// The methods of operations that have a name in the document.
fn stated(
    spec: &Spec,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<BTreeSet<String>, DocumentError> {
    let paths = spec.paths.iter().flatten().filter(|(path, _)| is_wanted(path));
    let all = paths.flat_map(|(_, item)| item.methods());
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for id in all.filter_map(|(_, described)| described.operation_id.clone()) {
        let name = snake(&id);
        if let Some(other) = by_name.insert(name.clone(), id.clone()) {
            return Err(DocumentError::Twice(other, id, name));
        }
    }
    Ok(by_name.into_keys().collect())
}

#[derive(serde::Deserialize)]
struct Version {
    openapi: String,
}

struct Reading<'s> {
    spec: &'s Spec,
    types: Types<'s>,
    left_out: Vec<LeftOut>,
}

impl Reading<'_> {
    fn operation(
        &mut self,
        path: &str,
        method: &str,
        item: &PathItem,
        described: &Described,
    ) -> Result<Option<Operation>, String> {
        let id = described.operation_id.clone().unwrap_or_else(|| format!("{method} {path}"));
        let mut left_out = |why: &str| {
            self.left_out.push(LeftOut { operation: id.clone(), why: why.to_owned() });
            Ok(None)
        };
        let body = match &described.request_body {
            None => None,
            Some(body) => {
                let body: RequestBody = body.resolve(self.spec).map_err(|it| it.to_string())?;
                if json(&body.content).is_none() {
                    return left_out("its body is no JSON");
                }
                Some(body)
            }
        };
        let answer = good(self.spec, described)?;
        if answer.iter().any(|it| it.content.keys().any(|it| it.starts_with("text/event-stream"))) {
            return left_out("its answer is a stream of events");
        }
        let name = snake(&id);
        let mut taken: BTreeSet<String> = ["self".to_owned(), "body".to_owned()].into();
        let (mut of_path, mut query, mut headers) = (Vec::new(), Vec::new(), Vec::new());
        for one in self.parameters(item, described)? {
            let kind = match one.location {
                ParameterIn::Path => &mut of_path,
                ParameterIn::Query => &mut query,
                ParameterIn::Header => &mut headers,
                // A cookie belongs to the client as a whole.
                ParameterIn::Cookie => continue,
            };
            let kind_name = format!("{}{}", camel(&name), camel(&one.name));
            kind.push(Parameter {
                argument: unused(&mut taken, snake(&one.name)),
                annotation: self.types.annotation(one.schema.as_ref(), &kind_name),
                required: one.required == Some(true) || one.location == ParameterIn::Path,
                name: one.name,
            });
        }
        let path_parameters = in_order(path, &of_path, &mut taken)?;
        Ok(Some(Operation {
            about: about(described, method, path),
            method: method.to_owned(),
            path: path.to_owned(),
            path_parameters,
            query,
            headers,
            body: body.map(|body| self.body(&body, &name)),
            answer: self.answer(answer.as_ref(), &name),
            name,
            id,
        }))
    }

    /// Those of the operation go before those of the path as a whole.
    fn parameters(
        &self,
        item: &PathItem,
        described: &Described,
    ) -> Result<Vec<DescribedParameter>, String> {
        let mut all: Vec<DescribedParameter> = Vec::new();
        for one in described.parameters.iter().chain(&item.parameters) {
            let one: DescribedParameter = one.resolve(self.spec).map_err(|it| it.to_string())?;
            let is_same =
                |it: &DescribedParameter| it.name == one.name && it.location == one.location;
            if !all.iter().any(is_same) {
                all.push(one);
            }
        }
        Ok(all)
    }

    fn body(&mut self, body: &RequestBody, name: &str) -> Body {
        let schema = json(&body.content).and_then(|it| it.schema.as_ref());
        let annotation = self.types.annotation(schema, &format!("{}Body", camel(name)));
        let record = self.types.record(annotation.trim_end_matches(" | None"));
        let fields = record.map_or_else(Vec::new, |it| {
            let required = it.required.iter().map(|field| (field.clone(), true));
            required.chain(it.optional.iter().map(|field| (field.clone(), false))).collect()
        });
        let required = body.required == Some(true);
        Body { argument: "body".to_owned(), annotation, required, fields }
    }

    fn answer(&mut self, answer: Option<&Response>, name: &str) -> Answer {
        let Some(answer) = answer.filter(|answer| !answer.content.is_empty()) else {
            return Answer { annotation: "None".to_owned(), is_json: true };
        };
        match json(&answer.content) {
            Some(media) => {
                let name = format!("{}Answer", camel(name));
                let annotation = self.types.annotation(media.schema.as_ref(), &name);
                Answer { annotation, is_json: true }
            }
            None => Answer { annotation: "str".to_owned(), is_json: false },
        }
    }
}

/// The parameters of a path in its order; one that is not described is a text.
fn in_order(
    path: &str,
    known: &[Parameter],
    taken: &mut BTreeSet<String>,
) -> Result<Vec<Parameter>, String> {
    let mut all = Vec::new();
    for name in pieces(path).filter_map(Result::ok) {
        let described = known.iter().find(|it| it.name == name).cloned();
        all.push(described.unwrap_or_else(|| Parameter {
            name: name.to_owned(),
            argument: unused(taken, snake(name)),
            annotation: "str".to_owned(),
            required: true,
        }));
    }
    match known.iter().find(|it| !all.contains(it)) {
        Some(other) => Err(format!("the path has no `{{{}}}`", other.name)),
        None => Ok(all),
    }
}

/// The pieces of a path: what is written, and the names of parameters as `Ok`.
pub(crate) fn pieces(path: &str) -> impl Iterator<Item = Result<&str, &str>> {
    let mut rest = path;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(inside) = rest.strip_prefix('{')
            && let Some((name, after)) = inside.split_once('}')
        {
            rest = after;
            return Some(Ok(name));
        }
        let end = rest.get(1..).and_then(|more| more.find('{')).map_or(rest.len(), |at| at + 1);
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(Err(piece))
    })
}

/// The first of the good answers; where none is told, what holds for every other one.
fn good(spec: &Spec, described: &Described) -> Result<Option<Response>, String> {
    let all = described.responses.iter().flatten();
    let mut good: Vec<_> = all.filter(|(status, _)| status.starts_with('2')).collect();
    good.sort_by_key(|(status, _)| (*status).clone());
    let default = described.responses.iter().flatten().find(|(status, _)| *status == "default");
    let first: Option<&ObjectOrReference<Response>> =
        good.first().map(|(_, answer)| *answer).or(default.map(|(_, answer)| answer));
    first.map(|answer| answer.resolve(spec).map_err(|it| it.to_string())).transpose()
}

fn json(content: &oas3::Map<String, MediaType>) -> Option<&MediaType> {
    let is_json = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind == "application/json" || kind.ends_with("+json")
    };
    content.iter().find(|(kind, _)| is_json(kind)).map(|(_, media)| media)
}

fn about(described: &Described, method: &str, path: &str) -> String {
    let said = [&described.summary, &described.description];
    let said = said.into_iter().flatten().map(|it| words(it.as_str())).find(|it| !it.is_empty());
    said.unwrap_or_else(|| words(&format!("{method} {path}")))
}

fn secrets(spec: &Spec) -> Vec<Secret> {
    let schemes = spec.components.iter().flat_map(|it| &it.security_schemes);
    let mut taken = BTreeSet::new();
    let mut found: Vec<Secret> = Vec::new();
    for (name, scheme) in schemes {
        let (argument, header, before) = match scheme.resolve(spec) {
            Ok(SecurityScheme::ApiKey { name: header, location, .. }) if location == "header" => {
                (snake(name), header, "")
            }
            Ok(SecurityScheme::Http { scheme, .. }) if scheme.eq_ignore_ascii_case("bearer") => {
                ("token".to_owned(), "Authorization".to_owned(), "Bearer ")
            }
            Ok(SecurityScheme::OAuth2 { .. } | SecurityScheme::OpenIdConnect { .. }) => {
                ("token".to_owned(), "Authorization".to_owned(), "Bearer ")
            }
            _ => continue,
        };
        if !found.iter().any(|it| it.header.eq_ignore_ascii_case(&header)) {
            found.push(Secret { argument: unused(&mut taken, argument), header, before });
        }
    }
    found
}
