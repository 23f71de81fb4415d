//! The text of a client's module, and whether a text is one that nobody has edited.

use askama::Template;
use sha2::{Digest as _, Sha256};

use super::document::{Api, Operation, Parameter, Secret, pieces};
use super::functions::Function;
use super::python::{is_field, may_be_none, shouting, text, words};
use super::types::Record;

/// What the first line of a module begins with; the digest of all other lines follows.
const MARK: &str = "# A generated client; the rest of this file is sha256:";

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A module as it was written.
    Generated,
    /// A module that somebody has edited.
    Edited,
    /// Something else.
    Foreign,
}

/// What the text of a file is.
pub(crate) fn standing(text: &str) -> Standing {
    let Some((first, rest)) = text.split_once('\n') else { return Standing::Foreign };
    match first.strip_prefix(MARK) {
        Some(digest) if digest == self::digest(rest) => Standing::Generated,
        Some(_) => Standing::Edited,
        None => Standing::Foreign,
    }
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The module's text.
///
/// # Errors
/// The template can't be filled in.
pub(crate) fn write(
    api: &Api,
    functions: &[Function],
    command: &str,
) -> Result<String, askama::Error> {
    let prefix = shouting(&api.title);
    let secrets = api.secrets.iter();
    let secrets = secrets.map(|it| (it, format!("{prefix}_{}", shouting(&it.argument)))).collect();
    let mut exported = vec!["ApiError".to_owned(), "AsyncClient".to_owned(), "Client".to_owned()];
    exported.extend(api.records.iter().map(|record| record.name.clone()));
    exported.extend(functions.iter().map(|function| function.name.clone()));
    exported.sort();
    let typing = typing(api, functions);
    let page = Module {
        api,
        functions,
        command: &words(command),
        prefix: &prefix,
        secrets,
        exported,
        typing,
        kinds: &KINDS,
    };
    let rest = page.render()? + "\n";
    Ok(format!("{MARK}{}\n{rest}", digest(&rest)))
}

/// What is taken of `typing`: nothing that is not used.
fn typing(api: &Api, functions: &[Function]) -> Vec<&'static str> {
    let fields = api.records.iter().flat_map(|it| it.required.iter().chain(&it.optional));
    let fields = fields.map(|it| it.annotation.as_str());
    let of_operations = api.operations.iter().flat_map(|it| {
        let all = it.path_parameters.iter().chain(&it.query).chain(&it.headers);
        let body = it.body.as_ref().map(|body| body.annotation.as_str());
        all.map(|it| it.annotation.as_str()).chain(body).chain([it.answer.annotation.as_str()])
    });
    let has_literal = fields.chain(of_operations).any(|it| it.contains("Literal["));
    let has_cast =
        api.operations.iter().any(Module::is_cast) || functions.iter().any(|it| it.body.is_some());
    let wanted = [
        ("Any", true),
        ("Literal", has_literal),
        ("TypedDict", !api.records.is_empty()),
        ("cast", has_cast),
    ];
    wanted.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
}

#[derive(Template)]
#[template(path = "client.py", escape = "none")]
struct Module<'a> {
    api: &'a Api,
    functions: &'a [Function],
    command: &'a str,
    prefix: &'a str,
    /// Each with the variable of the environment that may hold it.
    secrets: Vec<(&'a Secret, String)>,
    exported: Vec<String>,
    /// What it needs of `typing`.
    typing: Vec<&'static str>,
    kinds: &'a [ClientKind],
}

/// What one of the two clients is called and how its words go.
struct ClientKind {
    name: &'static str,
    about: &'static str,
    http: &'static str,
    transport: &'static str,
    def: &'static str,
    awaits: &'static str,
    enter: &'static str,
    exit: &'static str,
    close: &'static str,
}

const KINDS: [ClientKind; 2] = [
    ClientKind {
        name: "Client",
        about: "Asks the service and waits for its answers. Threads may share one; close it, or use it in a `with`.",
        http: "httpx.Client",
        transport: "httpx.BaseTransport",
        def: "def",
        awaits: "",
        enter: "__enter__",
        exit: "__exit__",
        close: "close",
    },
    ClientKind {
        name: "AsyncClient",
        about: "Asks the service and is awaited. It belongs to one event loop; close it, or use it in an `async with`.",
        http: "httpx.AsyncClient",
        transport: "httpx.AsyncBaseTransport",
        def: "async def",
        awaits: "await ",
        enter: "__aenter__",
        exit: "__aexit__",
        close: "aclose",
    },
];

impl Module<'_> {
    fn text(value: &str) -> String {
        text(value)
    }

    /// Whether a class can't have all of its fields: some are no names of Python.
    fn is_odd(record: &Record) -> bool {
        !record.required.iter().chain(&record.optional).all(|field| is_field(&field.name))
    }

    /// What ruff need not look at: long lines, and types that are written as calls because a class can't have their fields.
    fn left_alone(&self) -> &'static str {
        if self.api.records.iter().any(Self::is_odd) { "E501, UP013" } else { "E501" }
    }

    fn about(record: &Record) -> Option<String> {
        record.about.as_deref().map(words).filter(|about| !about.is_empty())
    }

    /// The parameters of a method, one a line: those of the path and a body by place, the rest by name.
    fn signature(operation: &Operation) -> Vec<String> {
        let Operation { path_parameters, query, headers, body, .. } = operation;
        let mut lines: Vec<String> = path_parameters.iter().map(parameter).collect();
        if let Some(body) = body {
            let default = if body.required { "" } else { " = None" };
            lines.push(format!("body: {}{default}", open(&body.annotation, body.required)));
        }
        if !query.is_empty() || !headers.is_empty() {
            lines.push("*".to_owned());
            lines.extend(query.iter().chain(headers).map(parameter));
        }
        lines
    }

    /// What is sent, one a line.
    fn sent(operation: &Operation) -> Vec<String> {
        let mut path = operation.path_parameters.iter();
        let pieces = pieces(&operation.path).map(|piece| match piece {
            Ok(_) => {
                path.next().map_or_else(String::new, |it| format!("{{_part({})}}", it.argument))
            }
            Err(written) => written.replace('{', "{{").replace('}', "}}"),
        });
        let written = text(&pieces.collect::<String>());
        let is_plain = operation.path_parameters.is_empty();
        let mut lines =
            vec![text(&operation.method), if is_plain { written } else { format!("f{written}") }];
        for (argument, parameters) in [("query", &operation.query), ("headers", &operation.headers)]
        {
            if !parameters.is_empty() {
                let all =
                    parameters.iter().map(|it| format!("{}: {}", text(&it.name), it.argument));
                let all: Vec<String> = all.collect();
                lines.push(format!("{argument}={{{}}}", all.join(", ")));
            }
        }
        if operation.body.is_some() {
            lines.push("body=body".to_owned());
        }
        if !operation.answer.is_json {
            lines.push("is_json=False".to_owned());
        }
        lines
    }

    /// What stands before the request: an answer is anything until somebody says what it is.
    fn opening(operation: &Operation, awaits: &str) -> String {
        match operation.answer.annotation.as_str() {
            "None" => awaits.to_owned(),
            "Any" => format!("return {awaits}"),
            other => format!("return cast({}, {awaits}", text(other)),
        }
    }

    fn is_cast(operation: &Operation) -> bool {
        !matches!(operation.answer.annotation.as_str(), "None" | "Any")
    }
}

fn parameter(parameter: &Parameter) -> String {
    let default = if parameter.required { "" } else { " = None" };
    format!("{}: {}{default}", parameter.argument, open(&parameter.annotation, parameter.required))
}

/// A type that may be `None` where nothing needs to be given.
fn open(annotation: &str, required: bool) -> String {
    let is_open = required || annotation == "Any" || may_be_none(annotation);
    if is_open { annotation.to_owned() } else { format!("{annotation} | None") }
}
