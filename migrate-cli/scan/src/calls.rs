//! The functions of a file and what names are used for in it, read only where it is asked for: most files are never asked.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{AnyParameterRef, Expr, ExprCall, ExprContext, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged;

use crate::python::{self, Lines, Mistake, dotted};

mod body;
#[cfg(test)]
mod tests;

use body::Body;

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
    /// The line where it gives an error in place of an answer, outside of an `except`.
    pub raises: Option<usize>,
    /// The line where that depends on the answer: `if found is None: raise …`.
    pub withholds: Option<usize>,
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
    /// Anything else, as it is written.
    Other(String),
}

impl std::fmt::Display for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(text) | Self::Other(text) => f.write_str(text),
            Self::Part(of, part) => write!(f, "{of}.{part}"),
            Self::Whole(of) => write!(f, "{of}.model_dump()"),
        }
    }
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
    let mut walk = Walk { source, lines: &parsed.lines, found: Vec::new() };
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
    let written = |expression: &Expr| written(expression, source);
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
        hands_over: body.hands_over(source, lines),
        called: body.called.iter().filter_map(|call| dotted(&call.func)).collect(),
        raises: body.raises.first().map(|at| lines.at(*at)),
        withholds: body.withholds().map(|at| lines.at(at)),
    }
}

/// An expression as it is written.
fn written(expression: &Expr, source: &str) -> String {
    let (start, end) = (expression.start().to_usize(), expression.end().to_usize());
    source.get(start..end).unwrap_or_default().to_owned()
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

fn call(call: &ExprCall, source: &str, lines: &Lines) -> Option<Call> {
    let arguments = &call.arguments;
    let given = |value: &Expr| given(value, source);
    let named = arguments.keywords.iter();
    let named = named.filter_map(|it| Some((it.arg.as_ref()?.to_string(), given(&it.value))));
    Some(Call {
        line: lines.at(call.start().to_usize()),
        function: dotted(&call.func)?,
        placed: arguments.args.iter().map(&given).collect(),
        named: named.collect(),
        is_open: arguments.args.iter().any(Expr::is_starred_expr)
            || arguments.keywords.iter().any(|it| it.arg.is_none()),
    })
}

fn given(value: &Expr, source: &str) -> Given {
    let other = || Given::Other(written(value, source));
    if let Some(chain) = dotted(value) {
        return match chain.split_once('.') {
            None => Given::Name(chain),
            Some((of, part)) if !part.contains('.') => Given::Part(of.to_owned(), part.to_owned()),
            Some(_) => other(),
        };
    }
    let Expr::Call(call) = value else { return other() };
    let chain = dotted(&call.func).unwrap_or_default();
    match chain.split_once('.') {
        Some((of, "model_dump" | "dict")) => Given::Whole(of.to_owned()),
        _ => other(),
    }
}

struct Walk<'a> {
    source: &'a str,
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
                match call(made, self.source, self.lines) {
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
