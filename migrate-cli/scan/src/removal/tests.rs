//! What goes and what stays, byte by byte.

use insta::assert_snapshot;
use proptest::prelude::*;
use ruff_python_ast::Stmt;

use super::*;
use crate::python::{self, Lines, chain, elements};

/// The text after, and what is left: imports of names that begin with `gone` go. All of them are routers but `gone_plain`; `kept.gone`
/// is what an import that stays does not bring any more.
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
            if !word.starts_with("gone_plain") {
                gone.routers.insert(word.to_owned());
            }
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
    gone.lost.insert("kept.gone".to_owned());
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
fn imports_in_one_line_go_without_their_neighbours() {
    assert_snapshot!(without("import gone1; import gone2\nfoo()\nx = 0; import gone3; import gone4\nimport gone5; y = 1; import gone6; z = 2;\nif x: import gone7; import gone8\nimport gone9;  # why\nimport gone10, \\\n    a\nimport b, \\\n    gone11  # import\n\\\nimport gone12\nbar()"), @r"
    foo()
    x = 0
    y = 1; z = 2;
    if x: pass
    import a
    import b  # import
    \
    bar()
    ");
}

#[test]
fn brackets_stars_and_comments_of_elements_are_their_own() {
    assert_snapshot!(without("from x import gone1, gone2, a\nL = [(gone1), a]\nL = [a, (gone2)]\nL = [((gone1)), (a), (gone2),]\nL = [\n    a\n    , gone1\n]\nL = [  # all\n    gone1,  # first\n    # about a\n    a,\n    gone2  # last\n    ,\n]\nD = {'g': gone1, **a}\nD = {('a'): (a), ('g'): (gone2)}\nL = [gone1, *a]\n"), @r"
    from x import a
    L = [a]
    L = [a]
    L = [(a),]
    L = [
        a
    ]
    L = [  # all
        # about a
        a,
    ]
    D = {**a}
    D = {('a'): (a)}
    L = [*a]
    ");
}

#[test]
fn what_a_module_exports_loses_its_names() {
    assert_snapshot!(without("from x import gone1, a, gone2\n__all__ = ('gone1', 'a')\n__all__ = ('a', 'gone1')\n__all__ = 'a', 'gone2'\n__all__ = 'gone1', 'gone2'\n__all__ = ('gone1',)\n__all__ = (\n    'a',\n    'gone1'\n)\n__all__: list[str] = ['gone1', 'a']\n__all__ += ['gone1', 'a']\n__all__.extend(('gone1', 'a'))\n__all__.append('gone1')\n__all__.append('a')\n__all__ = ['a', *b.__all__] + sorted({'gone1', 'a'})\n__all__ = {'gone1'}\n__all__.remove('gone2')\n"), @r"
    from x import a
    __all__ = ('a',)
    __all__ = ('a',)
    __all__ = 'a',
    __all__ = ()
    __all__ = ()
    __all__ = (
        'a',
    )
    __all__: list[str] = ['a']
    __all__ += ['a']
    __all__.extend(('a',))
    __all__.append('a')
    __all__ = ['a', *b.__all__] + sorted({'a'})
    __all__ = {'gone1'}
    __all__.remove('gone2')
    left 17 gone1
    left 18 gone2
    ");
}

#[test]
fn what_is_no_router_is_never_taken_out_of_a_list() {
    assert_snapshot!(without("from x import gone1, gone_plain, a\nLEVELS = {gone_plain.HIGH}\nTIMES = {'a': gone_plain.HIGH, 'b': 2}\nL = [gone_plain, a]\nS = {gone1}\nS = {gone1, a}\nT = (gone1, a)\none, two = [gone1, a]\nROWS = [[gone1, '/a'], {'router': gone1}, ('/c', gone1)]\nf(*[gone1, a])\nx = [gone1, a][1]\n"), @r"
    from x import a
    LEVELS = {gone_plain.HIGH}
    TIMES = {'a': gone_plain.HIGH, 'b': 2}
    L = [gone_plain, a]
    S = {gone1}
    S = {a}
    T = (gone1, a)
    one, two = [gone1, a]
    ROWS = [[gone1, '/a'], {'router': gone1}]
    f(*[gone1, a])
    x = [gone1, a][1]
    left 2 gone_plain
    left 3 gone_plain
    left 4 gone_plain
    left 5 gone1
    left 7 gone1
    left 8 gone1
    left 9 gone1
    left 10 gone1
    left 11 gone1
    ");
}

#[test]
fn a_text_that_is_read_as_a_type_uses_its_names() {
    assert_snapshot!(without("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .x import gone1, gone_plain\nall: list['gone1'] = relationship(back_populates='me')\ndef f(a: 'gone1', b: dict[str, 'gone_plain.X | None'] = data['gone1']) -> Literal['gone1']: ...\nx = cast('gone1', data['gone1'])\ny = Optional['gone1']\nz: Mapped['gone1'] = relationship('gone1', lazy='x')\nw: Annotated[str, 'gone1'] = 'gone1'\n"), @r"
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        pass
    all: list['gone1'] = relationship(back_populates='me')
    def f(a: 'gone1', b: dict[str, 'gone_plain.X | None'] = data['gone1']) -> Literal['gone1']: ...
    x = cast('gone1', data['gone1'])
    y = Optional['gone1']
    z: Mapped['gone1'] = relationship('gone1', lazy='x')
    w: Annotated[str, 'gone1'] = 'gone1'
    left 4 gone1
    left 5 gone1
    left 5 gone_plain
    left 6 gone1
    left 7 gone1
    left 8 gone1
    ");
}

#[test]
fn names_are_those_of_their_scopes() {
    assert_snapshot!(without("from x import gone1\nimport kept\ndef f():\n    def inner():\n        gone1 = 2\n        return gone1\n    return gone1\nclass C:\n    gone1 = 1\n    y = gone1\n    def m(self):\n        return gone1\nz = [gone1 for gone1 in ()]\nz = [a for a in gone1]\nz = lambda gone1=gone1: gone1\ngone1 += 1\ndel gone1\ndef g():\n    from y import gone2\n    def h():\n        nonlocal gone2\ndef i():\n    global gone3\n    import gone3\nclass D:\n    import gone4\ndef j():\n    from y import other as gone1\n    return gone1\nprint(kept.gone.x, kept.other)\ndef k(kept):\n    return kept.gone\n"), @r"
    import kept
    def f():
        def inner():
            gone1 = 2
            return gone1
        return gone1
    class C:
        gone1 = 1
        y = gone1
        def m(self):
            return gone1
    z = [gone1 for gone1 in ()]
    z = [a for a in gone1]
    z = lambda gone1=gone1: gone1
    gone1 += 1
    del gone1
    def g():
        def h():
            nonlocal gone2
    def i():
        global gone3
    class D:
        pass
    def j():
        return gone1
    print(kept.gone.x, kept.other)
    def k(kept):
        return kept.gone
    left 7 gone1
    left 12 gone1
    left 14 gone1
    left 15 gone1
    left 16 gone1
    left 17 gone1
    left 21 gone2
    left 23 gone3
    left 25 gone4
    left 29 gone1
    left 30 kept.gone
    ");
}

#[test]
fn a_package_is_bound_by_its_modules() {
    assert_snapshot!(without("import gone.a\nimport gone.b as c, d\ndef f():\n    return gone.a.x, gone.VERSION\n"), @r"
    import gone.b as c, d
    def f():
        return gone.a.x, gone.VERSION
    left 4 gone
    left 4 gone.a
    ");
    let gone = Gone { imports: [(1, "app.a".to_owned())].into(), ..Gone::default() };
    let edited = edit("import app.a\nimport app.b\napp.b.x(app.a.y)\n", &gone).unwrap();
    assert_eq!(edited.text, "import app.b\napp.b.x(app.a.y)\n");
    assert_eq!(edited.left, [(3, "app.a".to_owned())]);
}

#[test]
fn a_module_has_its_new_name_above_the_import_too() {
    let source = "def f():\n    return app.a.run()\nimport app.a\ndef g(app):\n    return app.a.run()\nx: 'app.a.T'\n";
    let source_of = Source { module: "app.clients.a".to_owned(), name: None };
    let rewired = [((3, "app.a".to_owned()), source_of)].into();
    let edited = edit(source, &Gone { rewired, ..Gone::default() }).unwrap();
    let wanted = "def f():\n    return app.clients.a.run()\nimport app.clients.a\ndef g(app):\n    return app.a.run()\nx: 'app.a.T'\n";
    assert_eq!((edited.text.as_str(), &edited.left[..]), (wanted, &[(6, "app.a".to_owned())][..]));
}

#[test]
fn lines_end_as_they_did() {
    let gone = Gone { imports: [(1, "gone1".to_owned())].into(), ..Gone::default() };
    let edited = |text: &str| edit(text, &gone).unwrap().text;
    assert_eq!(edited("import gone1\r\nx = 1\r\n"), "x = 1\r\n");
    assert_eq!(edited("\u{feff}import gone1\nx = 1"), "\u{feff}x = 1");
    assert_eq!(edited("x = 1; import gone1"), "x = 1");
    assert_eq!(edited("import gone1"), "pass");
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
        // An empty set can't be written.
        prop_assume!(!matches!(form, 1 | 4) || goes.contains(&false));
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
            gone.routers.insert(name.clone());
        }
        let edited = edit(&source, &gone).unwrap();
        let kept: Vec<String> = all.iter().filter(|name| !is_gone(name)).cloned().collect();
        let wanted: Vec<String> = kept.iter().cloned().chain(kept.iter().map(|name| format!("= {name}"))).collect();
        prop_assert_eq!(names(&edited.text), wanted, "{}", edited.text);
        prop_assert!(edited.left.is_empty() && edited.text.ends_with("x = 1\n"));
    }
}
