//! What goes and what stays, byte by byte.

use insta::assert_snapshot;
use proptest::prelude::*;
use ruff_python_ast::Stmt;

use super::*;

/// The text after, and what is left; every import of `gone` and everything below it goes, and so do routers of it.
fn without(source: &str) -> String {
    let mut gone = Gone::default();
    for (number, line) in source.lines().enumerate() {
        let line_number = number + 1;
        let words = line.split(|c: char| !c.is_alphanumeric() && !"_.".contains(c));
        for word in words.filter(|word| word.starts_with("gone")) {
            gone.imports.insert((line_number, word.to_owned()));
            // A call may begin in the line before.
            gone.taken_in.insert((line_number, word.to_owned()));
            gone.taken_in.insert((line_number - 1, word.to_owned()));
        }
        if line.ends_with("import *  # gone") {
            gone.imports.insert((line_number, String::new()));
        }
    }
    // Only lines of imports bind.
    gone.imports.retain(|(line, _)| {
        source
            .lines()
            .nth(line - 1)
            .is_some_and(|line| line.contains("import") || line.ends_with(','))
    });
    let edited = edit(source, &gone).unwrap();
    let left = edited.left.iter().map(|(line, name)| format!("left {line} {name}\n"));
    format!("{}{}", edited.text, left.collect::<String>())
}

#[test]
fn names_go_out_of_imports() {
    assert_snapshot!(without("import a, gone1, b\nfrom x import gone2\nfrom x import (\n    gone3,\n    c,  # stays\n    gone4,\n)\nfrom y import gone5, gone6, d, gone7, gone8\nfrom z import *  # gone\nimport e\n"), @r"
    import a, b
    from x import (
        c,  # stays
    )
    from y import d
    import e
    ");
}

#[test]
fn a_block_is_never_left_empty() {
    assert_snapshot!(without("try:\n    import gone1\nexcept ImportError:\n    x = 1\nif True:\n    import gone2\n    import gone3\nimport a; import gone4; import b\nimport c; import gone5\ndef f():\n    '''Doc.'''\n    import gone6\n"), @r"
    try:
        pass
    except ImportError:
        x = 1
    if True:
        pass
    import a; import b
    import c
    def f():
        '''Doc.'''
    ");
}

#[test]
fn routers_are_not_taken_in_any_more() {
    assert_snapshot!(without("from x import gone1, a\nimport gone2.b\nfor prefix in ('/v1', '/v2'):\n    app.include_router(a.router, prefix=prefix)\n    app.include_router(\n        gone1, prefix=prefix\n    )  # this\napp.include_router(gone1.router)\napp.mount('/x', gone2.b)\n"), @r"
    from x import a
    for prefix in ('/v1', '/v2'):
        app.include_router(a.router, prefix=prefix)
    ");
}

#[test]
fn lists_lose_their_elements() {
    assert_snapshot!(without("from x import gone1, a\nALL = [gone1, a]\nALL = [a, gone1]\nALL = [gone1]\nALL = [gone1.x, gone1]\nALL = [\n    (a, '/a'),\n    (gone1.router, '/b'),\n    (a, '/c'),\n]\nTABLE = {'a': a, 'b': gone1}\n__all__ = ['gone1', 'a']\n"), @r"
    from x import a
    ALL = [a]
    ALL = [a]
    ALL = []
    ALL = []
    ALL = [
        (a, '/a'),
        (a, '/c'),
    ]
    TABLE = {'a': a}
    __all__ = ['a']
    ");
}

#[test]
fn what_still_uses_a_name_is_named() {
    assert_snapshot!(without("from x import gone1, a\nprint(gone1.x)\ndef f(gone1):\n    return gone1\ndef g():\n    gone1 = 2\n    return gone1\ndef h() -> gone1:\n    return other.gone1, gone1\n"), @r"
    from x import a
    print(gone1.x)
    def f(gone1):
        return gone1
    def g():
        gone1 = 2
        return gone1
    def h() -> gone1:
        return other.gone1, gone1
    left 2 gone1
    left 8 gone1
    left 9 gone1
    ");
}

#[test]
fn what_is_no_python_is_refused() {
    assert_eq!(edit("def (:\n", &Gone::default()).unwrap_err().line, 1);
}

/// The names that an import or a list at the top of a text has.
fn names(text: &str) -> Vec<String> {
    let parsed = python::parse(text).unwrap();
    assert_eq!(parsed.mistake, None, "{text}");
    parsed
        .module
        .body
        .iter()
        .flat_map(|statement| match statement {
            Stmt::ImportFrom(import) => {
                import.names.iter().map(|alias| alias.name.to_string()).collect()
            }
            Stmt::Assign(assigned) => {
                let parts = elements(&assigned.value).unwrap_or_default();
                parts.iter().filter_map(chain).map(|name| format!("= {name}")).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        })
        .collect()
}

proptest! {
    #[test]
    fn whatever_goes_the_others_stay(goes in prop::collection::vec(any::<bool>(), 1..9), form in 0..6) {
        let all: Vec<String> = (0..goes.len()).map(|number| format!("n{number}")).collect();
        let lines = |end: &str| {
            let lines: Vec<String> = all.iter().map(|name| format!("    {name}{end}\n")).collect();
            lines.concat()
        };
        let import = match form {
            0 | 1 => format!("from x import {}\n", all.join(", ")),
            2 | 3 => format!("from x import (\n{})\n", lines(",  # why")),
            _ => format!("from x import ({})\n", all.join(" ,")),
        };
        let list = match form {
            0 | 2 => format!("ALL = [{}]\n", all.join(",")),
            1 | 4 => format!("ALL = {{\n{}}}\n", lines(",")),
            _ => format!("ALL = [{},]\n", all.join(", ")),
        };
        let source = format!("{import}{list}x = 1\n");
        let lines = Lines::of(&source);
        let is_gone = |name: &String| all.iter().zip(&goes).any(|(known, goes)| known == name && *goes);
        let mut gone = Gone::default();
        for name in all.iter().filter(|name| is_gone(name)) {
            gone.imports.insert((lines.at(source.find(name.as_str()).unwrap()), name.clone()));
        }
        let edited = edit(&source, &gone).unwrap();
        let kept: Vec<String> = all.iter().filter(|name| !is_gone(name)).cloned().collect();
        let wanted: Vec<String> = kept.iter().cloned().chain(kept.iter().map(|name| format!("= {name}"))).collect();
        prop_assert_eq!(names(&edited.text), wanted, "{}", edited.text);
        prop_assert!(edited.left.is_empty() && edited.text.ends_with("x = 1\n"));
    }
}
