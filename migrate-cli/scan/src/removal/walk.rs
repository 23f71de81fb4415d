//! Goes through the statements and expressions of a file, and says of each what becomes of it.

use ruff_python_ast::token::Tokens;
use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{
    Alias, Comprehension, Expr, ExprContext, Identifier, ModModule, Stmt, StmtFunctionDef,
};
use ruff_text_size::{Ranged, TextRange};

use super::layout::{Holder, Layout, end, start};
use super::scopes::{Import, Kind, Meaning, Scope, Scopes};
use super::splices::Splices;
use super::{Edited, Gone, literals};
use crate::python::{Lines, chain, dotted, elements};

/// All that is to be changed, and what is to be said of it.
pub(super) fn over(
    source: &str,
    module: &ModModule,
    lines: &Lines,
    tokens: &Tokens,
    gone: &Gone,
) -> (Splices, Edited) {
    let mut walk = Walk {
        layout: Layout { source, tokens },
        lines,
        gone,
        scopes: Scopes::default(),
        is_type: false,
        is_fixed: false,
        each: None,
        splices: Splices::default(),
        found: Edited::default(),
    };
    walk.enter(Kind::Module, &module.body, |scope| scope);
    walk.visit_body(&module.body);
    (walk.splices, walk.found)
}

pub(super) struct Walk<'a> {
    pub(super) layout: Layout<'a>,
    pub(super) lines: &'a Lines,
    pub(super) gone: &'a Gone,
    pub(super) scopes: Scopes,
    /// Whether texts are read as expressions: in annotations.
    pub(super) is_type: bool,
    /// Whether each element of a list has a place of its own, so that none can go.
    pub(super) is_fixed: bool,
    /// What a loop takes in of each element of the list that it goes through: `router`.
    pub(super) each: Option<String>,
    pub(super) splices: Splices,
    pub(super) found: Edited,
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_body(&mut self, body: &'a [Stmt]) {
        let goes: Vec<bool> = body.iter().map(|statement| self.goes(statement)).collect();
        let ranges: Vec<TextRange> = body.iter().map(Ranged::range).collect();
        self.layout.statements(&ranges, &goes, &mut self.splices);
        for (statement, goes) in body.iter().zip(goes) {
            if goes {
                self.note(statement.range());
            } else {
                self.visit_stmt(statement);
            }
        }
    }

    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                self.rewire_modules(import);
                self.aliases(&import.names);
            }
            Stmt::ImportFrom(import) => {
                if !self.rewire_names(import) {
                    self.aliases(&import.names);
                }
            }
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => {
                class.decorator_list.iter().for_each(|it| self.visit_decorator(it));
                class.type_params.iter().for_each(|it| self.visit_type_params(it));
                class.arguments.iter().for_each(|it| self.visit_arguments(it));
                self.enter(Kind::Class, &class.body, |scope| scope);
                self.class_names(class.range());
                self.visit_body(&class.body);
                self.scopes.leave();
            }
            // The name is another one of the module, or of a function around.
            Stmt::Global(outer) => self.outer(&outer.names),
            Stmt::Nonlocal(outer) => self.outer(&outer.names),
            _ if self.exports(statement) => {}
            Stmt::AugAssign(assigned) => {
                if let Expr::Name(name) = &*assigned.target {
                    self.used(name.range, name.id.as_str());
                }
                walk_stmt(self, statement);
            }
            Stmt::For(each) => {
                self.each = literals::taken_of_each(each);
                self.visit_expr(&each.iter);
                self.each = None;
                self.visit_expr(&each.target);
                self.visit_body(&each.body);
                self.visit_body(&each.orelse);
            }
            Stmt::Assign(assigned) if assigned.targets.iter().any(|it| elements(it).is_some()) => {
                self.fixed(|walk| walk_stmt(walk, statement));
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_annotation(&mut self, annotation: &'a Expr) {
        self.as_type(true, |walk| walk.visit_expr(annotation));
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx == ExprContext::Store => {}
            Expr::Name(_) | Expr::Attribute(_) => match dotted(expression) {
                Some(chain) => self.chain(expression, &chain),
                None => walk_expr(self, expression),
            },
            Expr::StringLiteral(literal) => self.text(literal),
            Expr::Lambda(lambda) => {
                let scope = Scope::empty(Kind::Function);
                let scope = match &lambda.parameters {
                    Some(parameters) => {
                        self.visit_parameters(parameters);
                        scope.with(parameters)
                    }
                    None => scope,
                };
                self.scopes.enter(scope);
                self.visit_expr(&lambda.body);
                self.scopes.leave();
            }
            Expr::ListComp(it) => self.comprehension(&it.generators, &[&it.elt]),
            Expr::SetComp(it) => self.comprehension(&it.generators, &[&it.elt]),
            Expr::Generator(it) => self.comprehension(&it.generators, &[&it.elt]),
            Expr::DictComp(it) => match &it.key {
                Some(key) => self.comprehension(&it.generators, &[key, &it.value]),
                None => self.comprehension(&it.generators, &[&it.value]),
            },
            Expr::Dict(pairs) => self.dictionary(pairs),
            Expr::List(_) | Expr::Set(_) | Expr::Tuple(_) => self.sequence(expression),
            Expr::Starred(_) => self.fixed(|walk| walk_expr(walk, expression)),
            Expr::Subscript(taken) => self.subscript(taken),
            Expr::Call(call) => self.call(call),
            _ => walk_expr(self, expression),
        }
    }
}

impl<'a> Walk<'a> {
    /// What becomes of what an import brings.
    fn import(&self, alias: &Alias) -> Import {
        match self.source(alias) {
            Some(source) if source.name.is_none() && alias.asname.is_none() => {
                Import::Renamed(source.module.clone())
            }
            None if self.alias_goes(alias) => Import::Goes,
            _ => Import::Stays,
        }
    }

    fn enter(&mut self, kind: Kind, body: &[Stmt], with: impl FnOnce(Scope) -> Scope) {
        let scope = Scope::of(kind, body, &|alias| self.import(alias));
        self.scopes.enter(with(scope));
    }

    fn function(&mut self, function: &'a StmtFunctionDef) {
        function.decorator_list.iter().for_each(|it| self.visit_decorator(it));
        function.type_params.iter().for_each(|it| self.visit_type_params(it));
        self.visit_parameters(&function.parameters);
        function.returns.iter().for_each(|it| self.visit_annotation(it));
        self.enter(Kind::Function, &function.body, |scope| scope.with(&function.parameters));
        self.visit_body(&function.body);
        self.scopes.leave();
    }

    fn comprehension(&mut self, generators: &'a [Comprehension], elements: &[&'a Expr]) {
        // What the first one goes through is seen from outside.
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        self.scopes.enter(Scope::empty(Kind::Function).through(generators));
        for (at, one) in generators.iter().enumerate() {
            if at > 0 {
                self.visit_expr(&one.iter);
            }
            one.ifs.iter().for_each(|condition| self.visit_expr(condition));
        }
        elements.iter().copied().for_each(|element| self.visit_expr(element));
        self.scopes.leave();
    }

    /// Whether a statement goes as a whole.
    fn goes(&self, statement: &Stmt) -> bool {
        let all_go = |names: &[Alias]| {
            names.iter().all(|it| self.alias_goes(it) && self.source(it).is_none())
        };
        match statement {
            Stmt::Import(import) => all_go(&import.names),
            Stmt::ImportFrom(import) => all_go(&import.names),
            Stmt::Expr(alone) => {
                self.takes_in(&alone.value) || self.exports_what_goes(&alone.value)
            }
            _ => false,
        }
    }

    /// `app.include_router(…)` or `app.mount(…)` of a router that goes.
    fn takes_in(&self, expression: &Expr) -> bool {
        let line = self.line(expression.range());
        taken_in(expression).is_some_and(|name| self.gone.taken_in.contains(&(line, name)))
    }

    pub(super) fn alias_goes(&self, alias: &Alias) -> bool {
        let bound = match alias.asname.as_ref().unwrap_or(&alias.name).as_str() {
            "*" => "",
            name => name,
        };
        self.gone.imports.contains(&(self.line(alias.range), bound.to_owned()))
    }

    fn aliases(&mut self, names: &[Alias]) {
        let ranges: Vec<TextRange> = names.iter().map(|alias| alias.range).collect();
        let goes: Vec<bool> = names.iter().map(|alias| self.alias_goes(alias)).collect();
        self.take(&ranges, &goes, Holder::Names);
    }

    /// Takes elements out.
    pub(super) fn take(&mut self, ranges: &[TextRange], goes: &[bool], holder: Holder) {
        for (range, _) in ranges.iter().zip(goes).filter(|(_, goes)| **goes) {
            self.note(*range);
        }
        self.layout.elements(ranges, goes, holder, &mut self.splices);
    }

    /// A name that is used, with what is taken of it.
    fn chain(&mut self, expression: &Expr, chain: &str) {
        match self.scopes.meaning(chain, &self.gone.lost) {
            Meaning::Gone(name) => self.left(expression.range(), name),
            Meaning::Renamed(old, new) => self.rename(expression, &old, &new),
            Meaning::Other => {}
        }
    }

    /// A name that is used in a way that keeps it from being another one.
    pub(super) fn used(&mut self, range: TextRange, chain: &str) {
        match self.scopes.meaning(chain, &self.gone.lost) {
            Meaning::Gone(name) | Meaning::Renamed(name, _) => self.left(range, name),
            Meaning::Other => {}
        }
    }

    fn outer(&mut self, names: &[Identifier]) {
        for name in names {
            self.used(name.range, name.as_str());
            let here = self.scopes.inner().is_some_and(|scope| scope.gone.contains(name.as_str()));
            if here {
                self.left(name.range, name.to_string());
            }
        }
    }

    /// What an import in a class binds is an attribute, which anybody may use.
    fn class_names(&mut self, class: TextRange) {
        let gone = self.scopes.inner().map(|scope| scope.gone.clone()).unwrap_or_default();
        for name in gone {
            self.left(class, name);
        }
    }

    pub(super) fn left(&mut self, range: TextRange, name: String) {
        self.found.left.push((self.line(range), name));
    }

    /// Reads texts as expressions, or does not.
    pub(super) fn as_type(&mut self, is_type: bool, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.is_type, is_type);
        visit(self);
        self.is_type = before;
    }

    /// Takes nothing out of the list that is visited.
    pub(super) fn fixed(&mut self, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.is_fixed, true);
        visit(self);
        self.is_fixed = before;
    }

    pub(super) fn line(&self, range: TextRange) -> usize {
        self.lines.at(start(range))
    }

    pub(super) fn note(&mut self, range: TextRange) {
        self.found.removed.push((self.line(range), self.shown(range)));
    }

    /// A part of the text in one line.
    pub(super) fn shown(&self, range: TextRange) -> String {
        let what = self.layout.source.get(start(range)..end(range));
        what.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What `app.include_router(…)` or `app.mount(…)` takes in, as the code names it.
pub(super) fn taken_in(expression: &Expr) -> Option<String> {
    let Expr::Call(call) = expression else { return None };
    let given = &call.arguments;
    let child = match chain(&call.func)?.rsplit('.').next()? {
        "include_router" => given.find_argument_value("router", 0),
        "mount" => given.find_argument_value("app", 1),
        _ => None,
    };
    child.and_then(chain)
}
