//! One function, as Python is to have it.

use scan::calls::{self, Kind, Preset};
use scan::used::Used;

use super::{Function, Made, Target};
use crate::client::document::Operation;
use crate::client::python::may_be_none;

type Parameters<'a> = [(&'a calls::Parameter, Target)];

/// The function that asks an operation with what its parameters get.
pub(super) fn of(
    used: &Used,
    function: &calls::Function,
    operation: &Operation,
    parameters: &Parameters<'_>,
) -> Function {
    let body = body(operation, parameters);
    let mut given = Vec::new();
    let mut made_with = Vec::new();
    for (parameter, target) in parameters {
        let own = parameter.name.clone();
        match target {
            Target::Argument(name, ..) => given.push((name.clone(), own)),
            Target::Body(_) => given.push(("body".to_owned(), own)),
            Target::Secret(name) => made_with.push((name.clone(), own)),
            Target::Field(..) | Target::Without => {}
        }
    }
    if body.is_some() {
        given.push(("body".to_owned(), "_body".to_owned()));
    }
    Function {
        stands_for: used.key(),
        name: used.name.clone(),
        is_async: function.is_async,
        operation: operation.id.clone(),
        method: operation.name.clone(),
        returns: operation.answer.annotation.clone(),
        request: format!("{} {}", operation.method, operation.path),
        parameters: signature(operation, parameters),
        made_with,
        given,
        body,
    }
}

/// The body, where it is put together from parameters.
fn body(operation: &Operation, parameters: &Parameters<'_>) -> Option<Made> {
    let body = operation.body.as_ref()?;
    if parameters.iter().any(|(_, target)| matches!(target, Target::Body(_))) {
        return None;
    }
    let fields = |wanted: bool| -> Vec<(String, String)> {
        let fields = parameters.iter().filter_map(|(parameter, target)| match target {
            Target::Field(name, _, required) if *required == wanted => {
                Some((name.clone(), parameter.name.clone()))
            }
            _ => None,
        });
        fields.collect()
    };
    let (required, optional) = (fields(true), fields(false));
    let is_sent = body.required || !required.is_empty() || !optional.is_empty();
    let annotation = body.annotation.trim_end_matches(" | None").to_owned();
    is_sent.then_some(Made { annotation, required, optional })
}

/// The parameters, with the marks between those that are filled in different ways.
fn signature(operation: &Operation, parameters: &Parameters<'_>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let placed = parameters.iter().filter(|(it, _)| it.kind == Kind::Placed).count();
    let mut is_named = false;
    for (at, (parameter, target)) in parameters.iter().enumerate() {
        if at == placed && placed > 0 {
            all.push("/".to_owned());
        }
        if parameter.kind == Kind::Named && !is_named {
            is_named = true;
            all.push("*".to_owned());
        }
        all.push(parameter_text(operation, parameter, target));
    }
    if placed > 0 && placed == parameters.len() {
        all.push("/".to_owned());
    }
    all
}

fn parameter_text(operation: &Operation, parameter: &calls::Parameter, target: &Target) -> String {
    let (annotation, required) = match target {
        Target::Argument(_, annotation, required) | Target::Field(_, annotation, required) => {
            (annotation.as_str(), *required)
        }
        Target::Body(annotation) => {
            let is_needed = operation.body.as_ref().is_some_and(|body| body.required);
            (annotation.as_str(), is_needed)
        }
        // Without it the one of the environment would be taken, and the call be made as somebody else.
        Target::Secret(_) => ("str", parameter.default.is_none()),
        Target::Without => ("object", true),
    };
    let is_open = required || annotation == "Any" || may_be_none(annotation);
    let none = if is_open { "" } else { " | None" };
    let default = match &parameter.default {
        Some(Preset::Plain(text)) => format!(" = {text}"),
        Some(Preset::Other) => " = None".to_owned(),
        None => String::new(),
    };
    format!("{}: {annotation}{none}{default}", parameter.name)
}
