//! Whether a route answers with what a function gives back: nobody else's model, no error in its place, no argument of its own.

use scan::calls::{Function, Parameter, Preset};
use scan::used::Answered;

use super::is_data;

/// Why the answer of a route may be another than what the function gives back.
pub(super) fn other(function: &Function, route: &Answered) -> Option<String> {
    let at = format!("{}:{}", route.file, route.line);
    if route.is_open {
        return Some(format!("the route that answers with it says more than can be told ({at})"));
    }
    if let Some((name, value)) = route.declared.iter().find(|(name, value)| shapes(name, value)) {
        return Some(format!("the route changes what it gives back, by {name}={value} ({at})"));
    }
    let declared = route.declared.get("response_model");
    let model = declared.or(route.returns.as_ref()).filter(|model| *model != "None");
    if let Some(model) = model.filter(|model| !keeps(model, function)) {
        return Some(format!("the route answers with `{model}`, which may have less of it ({at})"));
    }
    let file = &route.file;
    if let Some(line) = route.withholds {
        return Some(format!(
            "the handler looks at it, and may raise in its place ({file}:{line})"
        ));
    }
    let line = route.raises.filter(|_| may_be_none(function))?;
    Some(format!("may give back None, and the handler raises ({file}:{line})"))
}

/// What a handler gives to a parameter that no request has, and that callers may leave out.
pub(super) fn fixed(parameter: &Parameter, route: &Answered) -> Option<String> {
    let given = route.given.get(&parameter.name)?.to_string();
    let is_default = match parameter.default.as_ref()? {
        Preset::Plain(text) => *text == given,
        Preset::Other => false,
    };
    let (own, at) = (&parameter.name, format!("{}:{}", route.file, route.line));
    (!is_default)
        .then(|| format!("the handler gives `{given}` as `{own}`, not what a request has ({at})"))
}

/// Whether something that a route says of itself changes the answer.
fn shapes(name: &str, value: &str) -> bool {
    match name {
        "response_model_exclude_none"
        | "response_model_exclude_unset"
        | "response_model_exclude_defaults" => value != "False",
        "response_model_include" | "response_model_exclude" => value != "None",
        "response_class" => !matches!(
            value.rsplit('.').next(),
            Some("JSONResponse" | "ORJSONResponse" | "UJSONResponse")
        ),
        "status_code" => {
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            !matches!(digits.as_str(), "200" | "201" | "202" | "203")
        }
        _ => false,
    }
}

/// Whether a model lets all of a function's answer through: it is the same type, or one that says nothing of what is in it.
fn keeps(model: &str, function: &Function) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    let is_same = function.returns.as_ref().is_some_and(|own| plain(own) == plain(model));
    let is_open = |word: &str| {
        matches!(
            word,
            "" | "Any"
                | "Dict"
                | "List"
                | "None"
                | "Optional"
                | "Union"
                | "dict"
                | "list"
                | "object"
                | "str"
                | "typing"
        )
    };
    is_data(model) && (is_same || words(model).all(is_open))
}

fn may_be_none(function: &Function) -> bool {
    let returns = function.returns.as_deref().unwrap_or("None");
    let mut depth = 0_usize;
    // What stands in brackets is not what it gives back itself.
    let outside = returns.split(|letter: char| {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == '|' && depth == 0
    });
    let mut kinds = outside.map(|kind| kind.trim().trim_start_matches("typing."));
    kinds.any(|kind| {
        matches!(kind, "None" | "Any" | "object")
            || kind.starts_with("Optional[")
            || (kind.starts_with("Union[") && kind.contains("None"))
    })
}

fn words(annotation: &str) -> impl Iterator<Item = &str> {
    annotation.split(|letter: char| letter != '_' && !letter.is_alphanumeric())
}
