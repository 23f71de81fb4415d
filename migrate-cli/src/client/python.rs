//! Words of Python: names that are none of its own, texts, and comments.

use std::collections::BTreeSet;

use heck::{ToShoutySnakeCase as _, ToSnakeCase as _, ToUpperCamelCase as _};

/// Words that no name may be.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Names that annotations need: a field of this name would hide them from those after it.
const TYPES: &[&str] = &["Any", "Literal", "bool", "dict", "float", "int", "list", "str"];

/// Names that annotations and the module's own code need.
const TAKEN: &[&str] = &[
    "ApiError",
    "AsyncClient",
    "Any",
    "Client",
    "Literal",
    "Mapping",
    "TypedDict",
    "aclose",
    "bool",
    "cast",
    "close",
    "dict",
    "float",
    "functools",
    "httpx",
    "int",
    "isinstance",
    "list",
    "object",
    "os",
    "quote",
    "self",
    "ssl",
    "str",
    "type",
];

/// What else stands at the top of a module, or is used there.
const MODULE: &[&str] = &[
    "Exception",
    "REPLACES",
    "TIMEOUT",
    "ValueError",
    "_answer",
    "_given",
    "_headers",
    "_part",
    "_tls",
    "_url",
    "super",
];

/// Classes that Python has by itself: nobody who reads `except KeyError` should think of another one.
const CLASSES: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BaseExceptionGroup",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "Ellipsis",
    "EncodingWarning",
    "EnvironmentError",
    "Exception",
    "ExceptionGroup",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplemented",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
];

/// Whether a word can stand where Python wants a name.
pub(crate) fn is_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && letters.all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
        && !KEYWORDS.contains(&word)
}

/// Whether a word can be a field of a class whose annotations use the names of built-in types.
pub(crate) fn is_field(word: &str) -> bool {
    is_name(word) && !TYPES.contains(&word) && !word.starts_with("__")
}

/// Whether a word can be the name of a function beside everything else of the module.
pub(crate) fn is_function(word: &str) -> bool {
    is_name(word) && !TAKEN.contains(&word) && !MODULE.contains(&word) && !word.starts_with("__")
}

/// Whether a type, as it is written, has `None` in it.
pub(crate) fn may_be_none(annotation: &str) -> bool {
    annotation == "None" || annotation.ends_with(" | None")
}

/// A name in snake case: of an operation, or of a parameter.
pub(crate) fn snake(word: &str) -> String {
    free(&word.to_snake_case())
}

/// A name in camel case: of a type.
pub(crate) fn camel(word: &str) -> String {
    let mut name = free(&word.to_upper_camel_case());
    if CLASSES.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// A name in capitals: of a variable of the environment.
pub(crate) fn shouting(word: &str) -> String {
    free(&word.to_shouty_snake_case())
}

fn free(word: &str) -> String {
    let ascii: String = word.chars().filter(|c| *c == '_' || c.is_ascii_alphanumeric()).collect();
    let begins = ascii.chars().next();
    let mut name = match begins {
        Some(first) if !first.is_ascii_digit() => ascii,
        _ => format!("x{ascii}"),
    };
    if !is_name(&name) || TAKEN.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// A name that nobody has yet, and takes it.
pub(crate) fn unused(taken: &mut BTreeSet<String>, mut name: String) -> String {
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}

/// A text as Python writes it. JSON's form is also Python's, but for the letters past the first plane, which need none.
pub(crate) fn text(value: &str) -> String {
    let mut written = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            control if control.is_control() => {
                written.extend(format!("\\u{:04x}", u32::from(control)).chars());
            }
            other => written.push(other),
        }
    }
    written.push('"');
    written
}

/// Words of a document as they may stand in a docstring or a comment: one paragraph, without what would end it.
pub(crate) fn words(value: &str) -> String {
    let plain = value.replace('\\', "/").replace('"', "'");
    let shown: Vec<&str> = plain.split_whitespace().collect();
    let mut line = shown.join(" ");
    line.retain(|letter| !letter.is_control());
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_pythons_and_nobody_elses() {
        assert_eq!(snake("get_api_v1_agents"), "get_api_v1_agents");
        assert_eq!(snake("listAllThings"), "list_all_things");
        assert_eq!(
            [snake("class"), snake("list"), snake("2nd"), snake("é")],
            ["class_", "list_", "x2nd", "x"]
        );
        assert_eq!([camel("show_thing"), camel("any")], ["ShowThing", "Any_"]);
        assert_eq!([camel("ValueError"), camel("value_error")], ["ValueError_", "ValueError_"]);
        assert!(is_function("open") && !is_function("_headers") && !is_function("ValueError"));
        assert!(is_field("type") && !is_field("list") && !is_field("class") && !is_field("a-b"));
        assert!(may_be_none("int | None") && may_be_none("None") && !may_be_none("PhaseNone"));
        assert_eq!(shouting("Agent service"), "AGENT_SERVICE");
    }

    proptest! {
        #[test]
        fn any_word_becomes_a_name(word in ".*") {
            prop_assert!(is_name(&snake(&word)), "{}", snake(&word));
            prop_assert!(is_name(&camel(&word)), "{}", camel(&word));
        }

        #[test]
        fn no_text_ends_early(word in ".*") {
            let written = text(&word);
            prop_assert_eq!(written.lines().count(), 1);
            let source = format!("x = {written}\n\"\"\"{}\"\"\"\n", words(&word));
            prop_assert!(scan::Facts::of(&source).mistake.is_none(), "{}", source);
        }
    }
}
