//! Reads routers and routes out of the tree of a file.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Arguments, Comprehension, Decorator, Expr, ExprCall, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::{Handed, Mount, Over, Place, Route, Router, Routing, Turn};
use crate::classes::last_name;
use crate::facts::bindings::{Item, Scope, list};
use crate::facts::text::Text;
use crate::python::{Lines, chain, dotted, elements, text};

/// Reads it.
pub fn of(body: &[Stmt], lines: &Lines) -> Routing {
    let mut walk = Walk {
        lines,
        found: Routing::default(),
        scope: Scope::default(),
        turns: Vec::new(),
        makers: ["FastAPI", "Starlette", "APIRouter", "Router"]
            .map(|name| (name.to_owned(), matches!(name, "FastAPI" | "Starlette")))
            .into(),
        held: BTreeSet::new(),
    };
    walk.visit_body(body);
    walk.found
}

struct Walk<'a> {
    lines: &'a Lines,
    found: Routing,
    scope: Scope,
    turns: Vec<Turn>,
    /// What makes a router; whether it is an application.
    makers: BTreeMap<String, bool>,
    /// Names that hold a router, those of parameters among them.
    held: BTreeSet<String>,
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    let known = self.makers.get(alias.name.as_str()).copied();
                    if let (Some(is_app), Some(other)) = (known, &alias.asname) {
                        self.makers.insert(other.to_string(), is_app);
                    }
                }
            }
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => {
                let mut bases = class.bases().iter().filter_map(last_name);
                if let Some(is_app) = bases.find_map(|base| self.maker(&base)) {
                    self.makers.insert(class.name.to_string(), is_app);
                }
                let inner = self.scope.class(class.name.as_str());
                let outer = std::mem::replace(&mut self.scope, inner);
                self.visit_body(&class.body);
                self.scope = outer;
            }
            Stmt::Assign(assigned) => {
                if let [target] = &assigned.targets[..] {
                    self.assigned(target, &assigned.value);
                }
                walk_stmt(self, statement);
            }
            Stmt::AnnAssign(assigned) => {
                if let Some(value) = &assigned.value {
                    self.assigned(&assigned.target, value);
                }
                walk_stmt(self, statement);
            }
            Stmt::For(each) => {
                let turn = turn(&each.target, &each.iter);
                let depth = self.turns.len();
                self.turns.extend(turn);
                self.visit_body(&each.body);
                self.turns.truncate(depth);
                self.visit_body(&each.orelse);
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::ListComp(comprehension) => {
                self.repeated(&comprehension.generators, &comprehension.elt);
            }
            Expr::Call(call) => {
                self.call(call);
                walk_expr(self, expression);
            }
            _ => walk_expr(self, expression),
        }
    }
}

impl<'a> Walk<'a> {
    fn function(&mut self, function: &'a StmtFunctionDef) {
        for decorator in &function.decorator_list {
            self.decorated(decorator, function.name.as_str());
        }
        let inner = self.scope.function(function.name.as_str());
        let outer = std::mem::replace(&mut self.scope, inner);
        for parameter in &function.parameters {
            let name = parameter.name().as_str();
            let class = parameter.annotation().and_then(last_name);
            let is_router = class.map_or_else(
                || matches!(name, "app" | "application" | "router" | "api"),
                |class| self.maker(&class).is_some(),
            );
            if is_router {
                self.held.insert(self.scope.name(name));
            }
        }
        self.visit_body(&function.body);
        self.scope = outer;
    }

    /// `[app.include_router(one) for one in routers]`.
    fn repeated(&mut self, generators: &'a [Comprehension], element: &'a Expr) {
        let depth = self.turns.len();
        self.turns.extend(generators.iter().filter_map(|one| turn(&one.target, &one.iter)));
        self.visit_expr(element);
        self.turns.truncate(depth);
    }

    /// Whether a call of this makes a router, and whether that is an application.
    fn maker(&self, name: &str) -> Option<bool> {
        let known = self.makers.get(name).copied();
        // A subclass that another file defines.
        let is_likely = name.ends_with("Router") && name.starts_with(char::is_uppercase);
        known.or_else(|| is_likely.then_some(false))
    }

    fn place(&self, call: &ExprCall) -> Place {
        Place {
            line: self.lines.at(call.range().start().to_usize()),
            scope: self.scope.path.clone(),
            turns: self.turns.clone(),
        }
    }

    fn assigned(&mut self, target: &'a Expr, value: &'a Expr) {
        let Some(target) = dotted(target) else { return };
        let Expr::Call(call) = value else { return };
        let Some(is_app) = last_name(&call.func).and_then(|maker| self.maker(&maker)) else {
            return;
        };
        let prefix = call.arguments.find_keyword("prefix").map(|given| Text::of(&given.value));
        let name = self.scope.name(&target);
        self.held.insert(name.clone());
        self.found.routers.push(Router {
            name,
            line: self.lines.at(call.range().start().to_usize()),
            is_app,
            prefix: prefix.unwrap_or_default(),
        });
    }

    /// `@router.get("/path")` and the like.
    fn decorated(&mut self, decorator: &'a Decorator, handler: &str) {
        if let Expr::Call(call) = &decorator.expression
            && let Expr::Attribute(attribute) = &*call.func
        {
            self.route(attribute.attr.as_str(), &attribute.value, call, handler);
        }
    }

    /// `router.add_api_route("/path", handler)`, `app.include_router(router)`, `app.mount("/path", other)`.
    fn call(&mut self, call: &'a ExprCall) {
        let arguments = &call.arguments;
        let method = match &*call.func {
            Expr::Attribute(attribute) => Some((attribute.attr.as_str(), &*attribute.value)),
            _ => None,
        };
        match method {
            Some((
                verb @ ("add_api_route"
                | "add_route"
                | "add_api_websocket_route"
                | "add_websocket_route"),
                router,
            )) => {
                let handler = arguments.find_argument_value("endpoint", 1).and_then(dotted);
                let verb = if verb.contains("websocket") { "websocket" } else { "route" };
                self.route(verb, router, call, &handler.unwrap_or_default());
            }
            Some(("include_router", parent)) => {
                let child = arguments.find_argument_value("router", 0);
                let prefix = arguments.find_keyword("prefix").map(|given| &given.value);
                self.mount(parent, child, prefix, call, false);
            }
            Some(("mount", parent)) => {
                let child = arguments.find_argument_value("app", 1);
                self.mount(parent, child, arguments.find_argument_value("path", 0), call, true);
            }
            _ => self.hand(call),
        }
    }

    fn mount(
        &mut self,
        parent: &'a Expr,
        child: Option<&'a Expr>,
        prefix: Option<&'a Expr>,
        call: &ExprCall,
        is_mount: bool,
    ) {
        let Some(parent) = chain(parent) else { return };
        self.found.mounts.push(Mount {
            place: self.place(call),
            parent,
            child: child.and_then(chain),
            prefix: prefix.map(Text::of).unwrap_or_default(),
            is_mount,
        });
    }

    fn route(&mut self, verb: &str, router: &'a Expr, call: &'a ExprCall, handler: &str) {
        let Some(router) = chain(router) else { return };
        let given = &call.arguments;
        let methods = match verb {
            "get" | "post" | "put" | "delete" | "patch" | "head" | "options" | "trace" => {
                vec![verb.to_uppercase()]
            }
            "websocket" | "websocket_route" => vec!["GET".to_owned()],
            "api_route" | "route" => methods(given),
            _ => return,
        };
        let Some(path) = given.find_argument_value("path", 0) else { return };
        self.found.routes.push(Route {
            place: self.place(call),
            router,
            methods,
            is_websocket: verb.starts_with("websocket"),
            path: Text::of(path),
            handler: handler.to_owned(),
        });
    }

    /// `register(app, "/v1")`.
    fn hand(&mut self, call: &'a ExprCall) {
        let given = &call.arguments;
        let is_router = |value: &Expr| {
            dotted(value).is_some_and(|name| self.held.contains(&self.scope.name(&name)))
        };
        let has_router = given.args.iter().any(is_router)
            || given.keywords.iter().any(|keyword| is_router(&keyword.value));
        let Some(function) = chain(&call.func).filter(|_| has_router) else { return };
        let unnamed = given.args.iter().map(|value| (None, Item::of(value)));
        let named = given.keywords.iter().filter_map(|keyword| {
            Some((Some(keyword.arg.as_ref()?.to_string()), Item::of(&keyword.value)))
        });
        self.found.handed.push(Handed {
            place: self.place(call),
            function,
            arguments: unnamed.chain(named).collect(),
        });
    }
}

/// `for name in list`, `for key, value in table.items()`, `for at, (a, b) in enumerate(list)`.
fn turn(target: &Expr, over: &Expr) -> Option<Turn> {
    let mut first = 0;
    let (mut target, mut over) = (target, over);
    if let Expr::Call(call) = over {
        let function = last_name(&call.func)?;
        match (&*call.func, function.as_str()) {
            (Expr::Name(_), "enumerate") => {
                over = call.arguments.args.first()?;
                target = elements(target)?.get(1)?;
            }
            (Expr::Name(_), "list" | "tuple" | "sorted" | "reversed") => {
                over = call.arguments.args.first()?;
            }
            (Expr::Attribute(table), "items" | "values") => {
                first = usize::from(function == "values");
                over = &table.value;
            }
            _ => {}
        }
    }
    let names = match elements(target) {
        Some(names) => names.iter().enumerate().filter_map(|(at, name)| Some((dotted(name)?, at))),
        None => return Some(Turn { names: vec![(dotted(target)?, first)], over: what(over)? }),
    };
    Some(Turn { names: names.collect(), over: what(over)? })
}

fn what(over: &Expr) -> Option<Over> {
    list(over).map(Over::Written).or_else(|| chain(over).map(Over::Named))
}

/// `methods=["GET", "POST"]`; FastAPI's default is GET.
fn methods(given: &Arguments) -> Vec<String> {
    match given.find_keyword("methods").map(|given| elements(&given.value)) {
        Some(Some(several)) => several.iter().filter_map(text).map(str::to_uppercase).collect(),
        Some(None) => Vec::new(),
        None => vec!["GET".to_owned()],
    }
}
