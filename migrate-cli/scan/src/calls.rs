//! The functions of a file and what names are used for in it, read only where it is asked for: most files are never asked.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{AnyParameterRef, Expr, ExprCall, ExprContext, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged;

use crate::python::{self, Lines, Mistake, dotted};

/// All of a file.
#[derive(Debug, Default)]
pub struct Calls {
    /// The functions at its top.
    pub functions: Vec<Function>,
    /// Where names are read, in the order of the text.
    pub mentions: Vec<Mention>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// 1-based.
    pub line: usize,
    /// Whether it is to be awaited.
    pub is_async: bool,
    /// Why a call is not what it looks like: a decorator, `yield`.
    pub oddity: Option<String>,
    /// In their order.
    pub parameters: Vec<Parameter>,
    /// What it says that it gives back, as it is written.
    pub returns: Option<String>,
    /// The call whose answer it gives back, where that is all it gives back.
    pub hands_over: Option<Call>,
    /// The names of what it calls.
    pub called: Vec<String>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// How it is filled.
    pub kind: Kind,
    /// Its type, as it is written.
    pub annotation: Option<String>,
    /// What it is unless something is given.
    pub default: Option<Preset>,
}

/// How a parameter is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By its place only.
    Placed,
    /// By its place or its name.
    Either,
    /// By its name only.
    Named,
    /// `*rest`, `**rest`.
    Rest,
}

/// The default of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preset {
    /// A literal, as it is written.
    Plain(String),
    /// Something that is worked out.
    Other,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// 1-based.
    pub line: usize,
    /// Who is called: `f`, `a.f`.
    pub function: String,
    /// What is given by place.
    pub placed: Vec<Given>,
    /// What is given by name.
    pub named: Vec<(String, Given)>,
    /// Whether something is unpacked into it: `*rest`, `**rest`.
    pub is_open: bool,
}

/// What is given to a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A name: `a`.
    Name(String),
    /// A part of what a name stands for: `a.b`.
    Part(String, String),
    /// All of what a name stands for, as data: `a.model_dump()`, `a.dict()`.
    Whole(String),
    /// Anything else.
    Other,
}

/// Where a name is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// 1-based.
    pub line: usize,
    /// `a`, `a.b.c`.
    pub chain: String,
    /// The call, where it is called.
    pub call: Option<Call>,
}

impl Call {
    /// What each parameter gets.
    ///
    /// # Errors
    /// Why that can't be told, or the call would fail.
    pub fn bound<'a>(
        &'a self,
        parameters: &'a [Parameter],
    ) -> Result<Vec<(&'a Parameter, &'a Given)>, String> {
        if self.is_open {
            return Err("unpacks arguments, so that can't be told which".to_owned());
        }
        let by_place =
            parameters.iter().filter(|it| matches!(it.kind, Kind::Placed | Kind::Either));
        let mut bound: Vec<_> = by_place.zip(&self.placed).collect();
        if bound.len() < self.placed.len() {
            return Err(format!("gives {} arguments by place", self.placed.len()));
        }
        for (name, given) in &self.named {
            let is_it =
                |it: &&Parameter| it.name == *name && matches!(it.kind, Kind::Either | Kind::Named);
            let found = parameters.iter().find(is_it);
            bound.push((found.ok_or_else(|| format!("gives `{name}`"))?, given));
        }
        Ok(bound)
    }
}

/// Reads them.
///
/// # Errors
/// The text is not read at all; what is around a smaller mistake is.
pub fn of(source: &str) -> Result<Calls, Mistake> {
    let parsed = python::parse(source)?;
    let mut walk = Walk { lines: &parsed.lines, found: Vec::new() };
    walk.visit_body(&parsed.module.body);
    let functions = parsed.module.body.iter().filter_map(|statement| match statement {
        Stmt::FunctionDef(function) => Some(self::function(function, source, &parsed.lines)),
        _ => None,
    });
    Ok(Calls { functions: functions.collect(), mentions: walk.found })
}

fn function(function: &StmtFunctionDef, source: &str, lines: &Lines) -> Function {
    let mut body = Body::default();
    body.visit_body(&function.body);
    let written = |expression: &Expr| {
        let (start, end) = (expression.start().to_usize(), expression.end().to_usize());
        source.get(start..end).unwrap_or_default().to_owned()
    };
    let decorated = function.decorator_list.first();
    let decorated = decorated.map(|it| format!("is decorated with {}", written(&it.expression)));
    let yields = body.yields.then(|| "yields what it gives".to_owned());
    Function {
        name: function.name.to_string(),
        line: lines.at(function.name.start().to_usize()),
        is_async: function.is_async,
        oddity: decorated.or(yields),
        parameters: parameters(function, &written),
        returns: function.returns.as_deref().map(written),
        hands_over: body.hands_over(lines),
        called: body.called.iter().filter_map(|call| dotted(&call.func)).collect(),
    }
}

fn parameters(function: &StmtFunctionDef, written: &dyn Fn(&Expr) -> String) -> Vec<Parameter> {
    let all = &function.parameters;
    let kind = |one: &AnyParameterRef<'_>| {
        let is_in = |list: &[ruff_python_ast::ParameterWithDefault]| {
            list.iter().any(|other| other.parameter.range == one.as_parameter().range)
        };
        match () {
            () if one.is_variadic() => Kind::Rest,
            () if is_in(&all.posonlyargs) => Kind::Placed,
            () if is_in(&all.kwonlyargs) => Kind::Named,
            () => Kind::Either,
        }
    };
    let preset = |value: &Expr| match value {
        Expr::NoneLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::StringLiteral(_) => Preset::Plain(written(value)),
        _ => Preset::Other,
    };
    let parameter = |one: AnyParameterRef<'_>| Parameter {
        name: one.name().to_string(),
        kind: kind(&one),
        annotation: one.annotation().map(written),
        default: one.default().map(preset),
    };
    all.iter_source_order().map(parameter).collect()
}

fn call(call: &ExprCall, lines: &Lines) -> Option<Call> {
    let arguments = &call.arguments;
    let named = arguments.keywords.iter();
    let named = named.filter_map(|it| Some((it.arg.as_ref()?.to_string(), given(&it.value))));
    Some(Call {
        line: lines.at(call.start().to_usize()),
        function: dotted(&call.func)?,
        placed: arguments.args.iter().map(given).collect(),
        named: named.collect(),
        is_open: arguments.args.iter().any(Expr::is_starred_expr)
            || arguments.keywords.iter().any(|it| it.arg.is_none()),
    })
}

fn given(value: &Expr) -> Given {
    if let Some(chain) = dotted(value) {
        return match chain.split_once('.') {
            None => Given::Name(chain),
            Some((of, part)) if !part.contains('.') => Given::Part(of.to_owned(), part.to_owned()),
            Some(_) => Given::Other,
        };
    }
    let Expr::Call(call) = value else { return Given::Other };
    let chain = dotted(&call.func).unwrap_or_default();
    match chain.split_once('.') {
        Some((of, "model_dump" | "dict")) => Given::Whole(of.to_owned()),
        _ => Given::Other,
    }
}

struct Walk<'a> {
    lines: &'a Lines,
    found: Vec<Mention>,
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        let line = self.lines.at(expression.start().to_usize());
        match expression {
            Expr::Name(name) if name.ctx != ExprContext::Load => {}
            Expr::Name(_) | Expr::Attribute(_) if dotted(expression).is_some() => {
                let chain = dotted(expression).unwrap_or_default();
                self.found.push(Mention { line, chain, call: None });
            }
            Expr::Call(made) => {
                match call(made, self.lines) {
                    Some(call) => {
                        let chain = call.function.clone();
                        self.found.push(Mention { line, chain, call: Some(call) });
                    }
                    None => self.visit_expr(&made.func),
                }
                self.visit_arguments(&made.arguments);
            }
            _ => walk_expr(self, expression),
        }
    }
}

/// What a function does, without the functions in it.
#[derive(Default)]
struct Body<'a> {
    returned: Vec<Option<&'a Expr>>,
    assigned: Vec<(&'a str, Option<&'a Expr>)>,
    called: Vec<&'a ExprCall>,
    yields: bool,
}

impl Body<'_> {
    fn hands_over(&self, lines: &Lines) -> Option<Call> {
        let [Some(returned)] = self.returned[..] else { return None };
        let made = match returned {
            Expr::Name(name) => {
                let mut assigned = self.assigned.iter().filter(|(to, _)| *to == name.id.as_str());
                match (assigned.next(), assigned.next()) {
                    (Some((_, value)), None) => (*value)?,
                    _ => return None,
                }
            }
            other => other,
        };
        match made {
            Expr::Await(awaited) => call(awaited.value.as_call_expr()?, lines),
            Expr::Call(made) => call(made, lines),
            _ => None,
        }
    }
}

impl<'a> Visitor<'a> for Body<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => return,
            Stmt::Return(returned) => self.returned.push(returned.value.as_deref()),
            Stmt::Assign(assigned) => {
                if let [Expr::Name(name)] = &assigned.targets[..] {
                    self.assigned.push((name.id.as_str(), Some(&assigned.value)));
                    self.visit_expr(&assigned.value);
                    return;
                }
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Lambda(_) => return,
            Expr::Yield(_) | Expr::YieldFrom(_) => self.yields = true,
            Expr::Name(name) if name.ctx != ExprContext::Load => {
                self.assigned.push((name.id.as_str(), None));
            }
            // `answer["a"] = 1`, `answer.update(…)`: it gives back more than it was given.
            Expr::Subscript(changed) if changed.ctx != ExprContext::Load => {
                self.changed(&changed.value);
            }
            Expr::Attribute(changed) if changed.ctx != ExprContext::Load => {
                self.changed(&changed.value);
            }
            Expr::Call(made) => {
                self.called.push(made);
                if let Expr::Attribute(method) = &*made.func {
                    self.changed(&method.value);
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

impl<'a> Body<'a> {
    fn changed(&mut self, value: &'a Expr) {
        if let Expr::Name(name) = value {
            self.assigned.push((name.id.as_str(), None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Function {
        of(text).unwrap().functions.remove(0)
    }

    #[test]
    fn a_handler_that_gives_back_one_answer_hands_over() {
        let direct =
            "async def show(id, db):\n    with failures():\n        return await find(db, id=id)\n";
        let named =
            "def show(id, db):\n    check(id)\n    found = find(db, id=id)\n    return found\n";
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
        ] {
            assert_eq!(only(text).hands_over, None, "{text}");
        }
    }

    #[test]
    fn parameters_are_read_as_they_are_written() {
        let function =
            only("def f(a, /, b: int = 1, *rest, c: 'str' = X, **more) -> dict[str, int]: ...\n");
        let kinds: Vec<_> =
            function.parameters.iter().map(|it| (it.name.as_str(), it.kind)).collect();
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
}
