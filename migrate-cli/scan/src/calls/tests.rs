//! Functions in, what they hand over out.

use super::*;

fn only(text: &str) -> Function {
    of(text).unwrap().functions.remove(0)
}

#[test]
fn a_handler_that_gives_back_one_answer_hands_over() {
    let direct =
        "async def show(id, db):\n    with failures():\n        return await find(db, id=id)\n";
    let named = "def show(id, db):\n    check(id)\n    found = find(db, id=id)\n    return found\n";
    for text in [direct, named] {
        let call = only(text).hands_over.unwrap();
        assert_eq!((call.function.as_str(), call.placed.len()), ("find", 1));
        assert_eq!(call.named, [("id".to_owned(), Given::Name("id".to_owned()))]);
    }
}

#[test]
fn one_that_adds_something_does_not() {
    for text in [
        "def show(id):\n    if id: return None\n    return find(id)\n",
        "def show(id):\n    found = find(id)\n    found['a'] = 1\n    return found\n",
        "def show(id):\n    found = find(id)\n    found.update(a=1)\n    return found\n",
        "def show(id):\n    found = find(id)\n    found = other(found)\n    return found\n",
        "def show(id):\n    return {'a': find(id)}\n",
        "def show(id):\n    found = find(id)\n    or_404(found)\n    return found\n",
    ] {
        assert_eq!(only(text).hands_over, None, "{text}");
    }
}

#[test]
fn an_answer_that_is_looked_at_and_withheld_is_seen() {
    let line = |text: &str| only(text).withholds;
    let guarded = "def show(id):\n    found = find(id)\n    if found is None:\n        raise NotFound\n    return found\n";
    assert_eq!(line(guarded), Some(4));
    assert_eq!(
        line("def show(id):\n    found = find(id)\n    assert found\n    return found\n"),
        Some(3)
    );
    let before = only("def show(id):\n    if not id:\n        raise Odd\n    return find(id)\n");
    assert_eq!((before.withholds, before.raises), (None, Some(3)));
    let mapped = only(
        "def show(id):\n    try:\n        return find(id)\n    except Lost:\n        raise NotFound\n",
    );
    assert_eq!((mapped.withholds, mapped.raises, mapped.hands_over.is_some()), (None, None, true));
}

#[test]
fn parameters_are_read_as_they_are_written() {
    let function =
        only("def f(a, /, b: int = 1, *rest, c: 'str' = X, **more) -> dict[str, int]: ...\n");
    let kinds: Vec<_> = function.parameters.iter().map(|it| (it.name.as_str(), it.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("a", Kind::Placed),
            ("b", Kind::Either),
            ("rest", Kind::Rest),
            ("c", Kind::Named),
            ("more", Kind::Rest)
        ]
    );
    assert_eq!(function.parameters[1].default, Some(Preset::Plain("1".to_owned())));
    assert_eq!(function.parameters[3].default, Some(Preset::Other));
    assert_eq!(function.returns.as_deref(), Some("dict[str, int]"));
}

#[test]
fn a_call_is_bound_as_python_does() {
    let function = only("def f(a, b=1, *, c=2): ...\n");
    let bound = |text: &str| {
        let call = of(text).unwrap().mentions.remove(0).call.unwrap();
        let bound = call.bound(&function.parameters);
        bound.map(|all| all.iter().map(|(it, _)| it.name.clone()).collect::<Vec<_>>())
    };
    assert_eq!(bound("f(x, c=y.z)").unwrap(), ["a", "c"]);
    assert!(bound("f(x, y, z)").unwrap_err().contains("3 arguments"));
    assert!(bound("f(x, d=1)").unwrap_err().contains("`d`"));
    assert!(bound("f(*x)").unwrap_err().contains("unpacks"));
}

#[test]
fn who_is_called_is_told_from_who_is_named() {
    let calls = of("a.f(b, c.d())\nhandlers = [a.f]\n").unwrap();
    let shown: Vec<_> =
        calls.mentions.iter().map(|it| (it.chain.as_str(), it.call.is_some())).collect();
    assert_eq!(shown, [("a.f", true), ("b", false), ("c.d", true), ("a.f", false)]);
}
