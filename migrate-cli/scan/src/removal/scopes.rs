//! What names stand for in the scopes of a file, once some of its imports are gone.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{
    Alias, Comprehension, ExceptHandler, Expr, ExprContext, Identifier, Parameters, Pattern, Stmt,
};

/// What an import does once the file is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Import {
    /// It stays, or brings the same name from somewhere else.
    Stays,
    /// It goes.
    Goes,
    /// `import a.b` becomes an import of a module of this name.
    Renamed(String),
}

/// What a chain of names begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Something that nothing binds any more.
    Gone(String),
    /// A module that has another name now: the old one and the new one.
    Renamed(String, String),
    /// Something else.
    Other,
}

/// What kind of block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Module,
    /// Its names are seen in itself only.
    Class,
    Function,
}

/// A block that has names of its own.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) kind: Kind,
    /// What imports that go have bound, as the code reaches it: `run`, `app.agents`.
    pub(super) gone: BTreeSet<String>,
    renamed: BTreeMap<String, String>,
    /// What imports that stay bind; of `import a.b`, `a`.
    imported: BTreeSet<String>,
    /// What anything else binds.
    own: BTreeSet<String>,
    global: BTreeSet<String>,
}

/// The scopes around a place, the module first.
#[derive(Debug, Default)]
pub(super) struct Scopes(Vec<Scope>);

impl Scope {
    /// That of a block.
    pub(super) fn of(kind: Kind, body: &[Stmt], what: &dyn Fn(&Alias) -> Import) -> Self {
        let mut read = Read { scope: Self::empty(kind), what };
        read.visit_body(body);
        read.scope.roots()
    }

    /// That of a function or a lambda without its body, or of a comprehension.
    pub(super) fn empty(kind: Kind) -> Self {
        Self {
            kind,
            gone: BTreeSet::new(),
            renamed: BTreeMap::new(),
            imported: BTreeSet::new(),
            own: BTreeSet::new(),
            global: BTreeSet::new(),
        }
    }

    /// With parameters.
    pub(super) fn with(mut self, parameters: &Parameters) -> Self {
        self.own.extend(parameters.iter().map(|one| one.name().to_string()));
        self
    }

    /// With what a comprehension goes through.
    pub(super) fn through(mut self, generators: &[Comprehension]) -> Self {
        let mut targets = Stored::default();
        for one in generators {
            targets.visit_expr(&one.target);
        }
        self.own.extend(targets.0);
        self
    }

    /// Whether something else than imports that go binds a name, too.
    pub(super) fn binds(&self, name: &str) -> bool {
        self.own.contains(name) || self.imported.contains(name)
    }

    /// `import a.b` binds `a`, which other imports may bind as well.
    fn roots(mut self) -> Self {
        let roots = self.gone.iter().filter_map(|name| Some(name.split_once('.')?.0));
        let lost: Vec<String> = roots.filter(|root| !self.binds(root)).map(str::to_owned).collect();
        self.gone.extend(lost);
        self
    }
}

impl Scopes {
    pub(super) fn enter(&mut self, scope: Scope) {
        self.0.push(scope);
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// The one that a place is in.
    pub(super) fn inner(&self) -> Option<&Scope> {
        self.0.last()
    }

    /// Whether a place is outside of functions and classes.
    pub(super) fn is_module(&self) -> bool {
        self.0.len() == 1
    }

    /// What a chain of names begins with; `lost` are chains that imports which stay don't bring any more.
    pub(super) fn meaning(&self, chain: &str, lost: &BTreeSet<String>) -> Meaning {
        let first = chain.split('.').next().unwrap_or_default();
        let mut is_imported = false;
        let mut is_global = false;
        for (depth, scope) in self.0.iter().enumerate().rev() {
            let is_seen = scope.kind != Kind::Class || depth + 1 == self.0.len();
            if !is_seen || (is_global && depth > 0) {
                continue;
            }
            if depth > 0 && scope.global.contains(first) {
                is_global = true;
                continue;
            }
            // An import of a module around the place has loaded it for every name of its package.
            let counts = |name: &str| !is_imported || name.contains('.');
            if let Some(name) = longest(&scope.gone, chain).filter(|name| counts(name)) {
                return Meaning::Gone(name.to_owned());
            }
            if let Some((old, new)) = scope.renamed.iter().find(|(old, _)| is_below(chain, old)) {
                return Meaning::Renamed(old.clone(), new.clone());
            }
            if scope.own.contains(first) {
                return Meaning::Other;
            }
            is_imported |= scope.imported.contains(first);
        }
        longest(lost, chain).map_or(Meaning::Other, |name| Meaning::Gone(name.to_owned()))
    }
}

/// The longest of some names that a chain begins with.
fn longest<'n>(names: &'n BTreeSet<String>, chain: &str) -> Option<&'n str> {
    let fitting = names.iter().filter(|name| is_below(chain, name));
    fitting.max_by_key(|name| name.len()).map(String::as_str)
}

/// Whether a chain is a name, or begins with it.
fn is_below(chain: &str, name: &str) -> bool {
    chain.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Reads what a block binds, without the blocks in it.
struct Read<'w> {
    scope: Scope,
    what: &'w dyn Fn(&Alias) -> Import,
}

impl Read<'_> {
    fn own(&mut self, name: Option<&Identifier>) {
        self.scope.own.extend(name.map(ToString::to_string));
    }

    fn import(&mut self, names: &[Alias]) {
        for alias in names {
            let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            let root = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
            match (self.what)(alias) {
                Import::Goes => {
                    self.scope.gone.insert(bound.to_owned());
                }
                Import::Stays => {
                    self.scope.imported.insert(root(bound));
                }
                Import::Renamed(new) => {
                    self.scope.imported.insert(root(&new));
                    self.scope.renamed.insert(bound.to_owned(), new);
                }
            }
        }
    }
}

impl<'a> Visitor<'a> for Read<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => self.import(&import.names),
            Stmt::ImportFrom(import) => self.import(&import.names),
            Stmt::FunctionDef(function) => self.own(Some(&function.name)),
            Stmt::ClassDef(class) => self.own(Some(&class.name)),
            Stmt::Global(global) => {
                self.scope.global.extend(global.names.iter().map(ToString::to_string));
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx == ExprContext::Store => {
                self.scope.own.insert(name.id.to_string());
            }
            Expr::Lambda(_) => {}
            _ => walk_expr(self, expression),
        }
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        // Its own names are gone when it ends; those of `:=` are not.
        self.visit_expr(&comprehension.iter);
        comprehension.ifs.iter().for_each(|condition| self.visit_expr(condition));
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(own) = handler;
        self.own(own.name.as_ref());
        walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchAs(capture) => self.own(capture.name.as_ref()),
            Pattern::MatchStar(capture) => self.own(capture.name.as_ref()),
            Pattern::MatchMapping(mapping) => self.own(mapping.rest.as_ref()),
            _ => {}
        }
        walk_pattern(self, pattern);
    }
}

/// Names that something is stored in.
#[derive(Default)]
struct Stored(BTreeSet<String>);

impl<'a> Visitor<'a> for Stored {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && name.ctx == ExprContext::Store
        {
            self.0.insert(name.id.to_string());
        }
        walk_expr(self, expression);
    }
}
