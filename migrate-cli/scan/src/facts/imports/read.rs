//! Reads imports and names out of the tree of a file.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Comprehension, Expr, ExprCall, ExprContext, Stmt, StmtIf, StmtImportFrom};
use ruff_text_size::Ranged as _;

use super::{Form, Import, Imports, Moment, Untold};
use crate::python::{Lines, dotted, elements, text};

/// Reads them.
pub fn of(body: &[Stmt], source: &str, lines: &Lines) -> Imports {
    let mut walk = Walk {
        source,
        lines,
        found: Imports::default(),
        functions: 0,
        classes: 0,
        is_typing: false,
        takes_in: false,
        loaders: ["import_module", "__import__"].map(str::to_owned).into(),
        assigned: None,
        taken: None,
        relative: Vec::new(),
    };
    walk.visit_body(body);
    let Walk { mut found, relative, .. } = walk;
    // `{"A": ".a"}` names modules where a dynamic import may read it.
    if !found.untold.is_empty() {
        found.all.extend(relative);
    }
    found
}

struct Walk<'a> {
    source: &'a str,
    lines: &'a Lines,
    found: Imports,
    /// How many functions and classes the place is in.
    functions: usize,
    classes: usize,
    is_typing: bool,
    takes_in: bool,
    /// Names of functions that import what their argument names.
    loaders: BTreeSet<String>,
    /// The name that the value gets which is being looked at.
    assigned: Option<String>,
    /// What is taken of the value that is being looked at.
    taken: Option<String>,
    /// Texts such as `".a"`.
    relative: Vec<Import>,
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                    let line = self.lines.at(alias.range.start().to_usize());
                    let module = alias.name.to_string();
                    self.add(Form::Import, line, (0, module), None, bound);
                }
            }
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::If(branch) => self.branch(branch),
            Stmt::FunctionDef(function) => {
                self.define(function.name.as_str());
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.visit_parameters(&function.parameters);
                if let Some(returns) = &function.returns {
                    self.visit_annotation(returns);
                }
                self.functions += 1;
                self.visit_body(&function.body);
                self.functions -= 1;
            }
            Stmt::ClassDef(class) => {
                self.define(class.name.as_str());
                self.classes += 1;
                walk_stmt(self, statement);
                self.classes -= 1;
            }
            // A docstring.
            Stmt::Expr(alone) if alone.value.is_string_literal_expr() => {}
            Stmt::Assign(assigned) => {
                if let [Expr::Name(target)] = &assigned.targets[..] {
                    self.exported(target.id.as_str(), &assigned.value);
                    if matches!(&*assigned.value, Expr::Call(call) if self.loads(call)) {
                        self.assigned = Some(target.id.to_string());
                    }
                }
                walk_stmt(self, statement);
                self.assigned = None;
            }
            Stmt::AnnAssign(assigned) => {
                if let (Expr::Name(target), Some(value)) = (&*assigned.target, &assigned.value) {
                    self.exported(target.id.as_str(), value);
                }
                walk_stmt(self, statement);
            }
            Stmt::AugAssign(assigned) => {
                if let Expr::Name(target) = &*assigned.target {
                    self.exported(target.id.as_str(), &assigned.value);
                }
                walk_stmt(self, statement);
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx == ExprContext::Store => self.define(name.id.as_str()),
            Expr::Name(name) => self.uses(name.id.to_string()),
            Expr::Attribute(attribute) => {
                if let Some(chain) = dotted(expression) {
                    return self.uses(chain);
                }
                if matches!(&*attribute.value, Expr::Call(call) if self.loads(call)) {
                    self.taken = Some(attribute.attr.to_string());
                }
                walk_expr(self, expression);
                self.taken = None;
            }
            Expr::Call(call) if self.loads(call) => self.load(call),
            Expr::Call(call) => {
                self.visit_expr(&call.func);
                let before = self.takes_in;
                let function = crate::classes::last_name(&call.func).unwrap_or_default();
                self.takes_in |= matches!(function.as_str(), "include_router" | "mount");
                self.visit_arguments(&call.arguments);
                self.takes_in = before;
            }
            Expr::StringLiteral(literal) => {
                let line = self.lines.at(literal.range.start().to_usize());
                self.text(line, literal.value.to_str());
            }
            _ => walk_expr(self, expression),
        }
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        // Its names are gone when it ends.
        self.functions += 1;
        self.visit_expr(&comprehension.target);
        self.functions -= 1;
        self.visit_expr(&comprehension.iter);
        for condition in &comprehension.ifs {
            self.visit_expr(condition);
        }
    }
}

impl<'a> Walk<'a> {
    fn add(
        &mut self,
        form: Form,
        line: usize,
        (level, module): (usize, String),
        name: Option<String>,
        bound: String,
    ) {
        let moment = self.moment();
        let is_top = self.is_top();
        self.found.all.push(Import { line, form, level, module, name, bound, moment, is_top });
    }

    fn moment(&self) -> Moment {
        match (self.is_typing, self.functions) {
            (true, _) => Moment::Typing,
            (false, 0) => Moment::Load,
            _ => Moment::Call,
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let level = usize::try_from(import.level).unwrap_or(usize::MAX);
        let module = import.module.as_ref().map(ToString::to_string).unwrap_or_default();
        for alias in &import.names {
            let line = self.lines.at(alias.range.start().to_usize());
            let name = alias.name.to_string();
            let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
            if module == "importlib" && self.loaders.contains(&name) {
                self.loaders.insert(bound.clone());
            }
            let place = (level, module.clone());
            if name == "*" {
                self.add(Form::Star, line, place, None, String::new());
            } else {
                self.add(Form::From, line, place, Some(name), bound);
            }
        }
    }

    fn branch(&mut self, branch: &'a StmtIf) {
        self.visit_expr(&branch.test);
        let before = self.is_typing;
        let name = crate::classes::last_name(&branch.test);
        self.is_typing |= name.as_deref() == Some("TYPE_CHECKING");
        self.visit_body(&branch.body);
        self.is_typing = before;
        for clause in &branch.elif_else_clauses {
            self.visit_elif_else_clause(clause);
        }
    }

    fn is_top(&self) -> bool {
        self.functions == 0 && self.classes == 0
    }

    fn define(&mut self, name: &str) {
        if self.is_top() {
            self.found.defined.insert(name.to_owned());
        }
    }

    fn uses(&mut self, chain: String) {
        *self.found.used.entry(chain).or_default() |= !self.takes_in;
    }

    fn exported(&mut self, target: &str, value: &Expr) {
        if target == "__all__"
            && self.functions == 0
            && let Some(names) = elements(value)
        {
            let names = names.iter().filter_map(text).map(str::to_owned);
            self.found.exported.get_or_insert_default().extend(names);
        }
    }

    fn loads(&self, call: &ExprCall) -> bool {
        crate::classes::last_name(&call.func).is_some_and(|name| self.loaders.contains(&name))
    }

    /// A dynamic import. `package=` may be written out; else it is the file's own.
    fn load(&mut self, call: &'a ExprCall) {
        self.visit_expr(&call.func);
        let line = self.lines.at(call.range().start().to_usize());
        let arguments = &call.arguments;
        let first = arguments.find_argument_value("name", 0);
        let package = arguments.find_argument_value("package", 1);
        let bound = self.assigned.take().unwrap_or_default();
        let name = self.taken.take();
        if let Some(named) = first.and_then(text) {
            let module = named.trim_start_matches('.');
            let level = named.len() - module.len();
            let place = match package.and_then(text) {
                Some(package) if level > 0 => (0, below(package, level, module)),
                _ => (level, module.to_owned()),
            };
            return self.add(Form::Dynamic, line, place, name, bound);
        }
        let range = arguments.range;
        let what = self.source.get(range.start().to_usize()..range.end().to_usize());
        let what = what.unwrap_or_default().chars().take(80).collect();
        self.found.untold.push(Untold { line, what });
        if let Some(first) = first {
            self.visit_expr(first);
        }
    }

    /// A text that may name a module.
    fn text(&mut self, line: usize, value: &str) {
        let is_relative = value.starts_with('.');
        let (path, name) = match value.split_once(':') {
            Some((path, name)) => (path, Some(name)),
            None => (value, None),
        };
        let is_name = |part: &str| {
            part.chars().all(|c| c == '_' || c.is_alphanumeric())
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && !part.is_empty()
        };
        let module = path.trim_start_matches('.');
        let is_module = (is_relative || module.contains('.')) && module.split('.').all(is_name);
        if !is_module || !name.is_none_or(is_name) || value.len() > 300 {
            return;
        }
        let import = Import {
            line,
            form: Form::Text,
            level: path.len() - module.len(),
            module: module.to_owned(),
            name: name.map(str::to_owned),
            bound: String::new(),
            moment: self.moment(),
            is_top: self.is_top(),
        };
        if is_relative { self.relative.push(import) } else { self.found.all.push(import) }
    }
}

/// `module` in `package` after `level - 1` steps up.
fn below(package: &str, level: usize, module: &str) -> String {
    let mut parts: Vec<&str> = package.split('.').collect();
    parts.truncate(parts.len().saturating_sub(level - 1));
    parts.push(module);
    parts.join(".")
}
