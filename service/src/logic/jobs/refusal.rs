//! The text in which the monolith passes on why a typed request does not hold, down to the version of its library.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::python::repr::repr;
use crate::python::value;
use crate::validation::Problem;

/// Where the text sends its reader.
const EXPLAINED: &str = "https://errors.pydantic.dev/2.13/v";

/// The most bytes of a quoted value; of a longer one the first and the last are shown.
const QUOTED: usize = 50;
const FIRST: usize = 25;
const LAST: usize = 24;

/// The text for the fields of `sent` that do not fit the request called `name`.
pub fn text(name: &str, sent: &Map<String, Value>, problems: &[Problem]) -> String {
    let s = if problems.len() == 1 { "" } else { "s" };
    let mut text = format!("{} validation error{s} for {name}", problems.len());
    for Problem { field, message, code } in problems {
        let path = field.strip_prefix("body.").unwrap_or(field);
        let found = at(sent, path).unwrap_or(&Value::Null);
        let (quoted, kind) = (shortened(&repr(found)), value::type_name(found));
        // Writing to a String cannot fail.
        let _infallible = write!(
            text,
            "\n{path}\n  {message} [type={code}, input_value={quoted}, input_type={kind}]\n    \
             For further information visit {EXPLAINED}/{code}"
        );
    }
    text
}

/// The value at a path of field names and indexes.
fn at<'s>(sent: &'s Map<String, Value>, path: &str) -> Option<&'s Value> {
    let mut parts = path.split('.');
    let first = sent.get(parts.next()?)?;
    parts.try_fold(first, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    })
}

fn shortened(text: &str) -> String {
    if text.len() <= QUOTED {
        return text.to_owned();
    }
    let (first, last) =
        (text.floor_char_boundary(FIRST), text.ceil_char_boundary(text.len() - LAST));
    let (first, last) = (text.get(..first), text.get(last..));
    format!("{}...{}", first.unwrap_or_default(), last.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validation::Place;

    #[test]
    fn the_text_is_that_of_the_library() {
        let sent = json!({"prompt": 5, "stop_sequences": ["a", ["x".repeat(60)]]});
        let body = Place::root("body");
        let problems = [
            body.within("prompt").problem("string_type", "Input should be a valid string"),
            body.within("stop_sequences")
                .within("1")
                .problem("string_type", "Input should be a valid string"),
        ];
        insta::assert_snapshot!(text("LLMRequest", sent.as_object().unwrap(), &problems), @r"
        2 validation errors for LLMRequest
        prompt
          Input should be a valid string [type=string_type, input_value=5, input_type=int]
            For further information visit https://errors.pydantic.dev/2.13/v/string_type
        stop_sequences.1
          Input should be a valid string [type=string_type, input_value=['xxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxx'], input_type=list]
            For further information visit https://errors.pydantic.dev/2.13/v/string_type
        ");
    }

    #[test]
    fn a_quoted_value_is_cut_between_characters() {
        assert_eq!(shortened(&repr(&json!(["é".repeat(60)]))), "['ééééééééééé...ééééééééééé']");
        let exact = repr(&json!(["x".repeat(46)]));
        assert_eq!(shortened(&exact), exact);
    }
}
