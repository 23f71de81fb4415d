//! Takes names out of a Python text by their exact places: imports, routers that are taken in, and elements of lists; or brings them
//! from somewhere else.

mod rewired;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ruff_python_ast::visitor::{Visitor, walk_body, walk_expr, walk_stmt};
use ruff_python_ast::{Alias, Expr, ExprContext, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange, TextSize};

use crate::python::{self, Lines, Mistake, chain, elements, text};

pub use rewired::{Rewired, Source};

/// What goes out of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// Imports, by their line and the name that the code reaches them by; empty for a star.
    pub imports: BTreeSet<(usize, String)>,
    /// Routers that are taken in, by the line and as the code names them.
    pub taken_in: BTreeSet<(usize, String)>,
    /// Imports that bring the same from somewhere else, likewise.
    pub rewired: BTreeMap<(usize, String), Source>,
}

/// A file without them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// The text.
    pub text: String,
    /// What went: the line of the old text, and what stood there.
    pub removed: Vec<(usize, String)>,
    /// Where a name is used that nothing binds any more: the line of the old text, and the name.
    pub left: Vec<(usize, String)>,
    /// What comes from somewhere else.
    pub rewired: Vec<Rewired>,
}

/// Edits a text.
///
/// # Errors
/// The text, or what would come out, is no Python.
pub fn edit(source: &str, gone: &Gone) -> Result<Edited, Mistake> {
    let parsed = python::parse(source)?;
    if let Some(mistake) = parsed.mistake {
        return Err(mistake);
    }
    let mut walk = Walk {
        source,
        lines: &parsed.lines,
        gone,
        bound: gone.imports.iter().map(|(_, name)| name.as_str()).collect(),
        own: Vec::new(),
        renamed: BTreeMap::new(),
        splices: BTreeMap::new(),
        found: Edited::default(),
    };
    walk.visit_body(&parsed.module.body);
    let Walk { splices, mut found, .. } = walk;
    source.clone_into(&mut found.text);
    for (start, (end, with)) in splices.into_iter().rev() {
        found.text.replace_range(start..end, &with);
    }
    found.removed.sort();
    found.rewired.sort();
    found.left.sort();
    found.left.dedup();
    match python::parse(&found.text)?.mistake {
        Some(mistake) => Err(mistake),
        None => Ok(found),
    }
}

struct Walk<'a> {
    source: &'a str,
    lines: &'a Lines,
    gone: &'a Gone,
    /// Names that are not bound any more.
    bound: BTreeSet<&'a str>,
    /// Names that the functions around have for something of their own.
    own: Vec<BTreeSet<String>>,
    /// Modules that have another name now, as the code reaches them.
    renamed: BTreeMap<String, String>,
    /// What goes, by where it begins: where it ends, and what comes instead.
    splices: BTreeMap<usize, (usize, String)>,
    found: Edited,
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_body(&mut self, body: &'a [Stmt]) {
        let goes: Vec<bool> = body.iter().map(|statement| self.goes(statement)).collect();
        let is_empty = goes.iter().all(|goes| *goes);
        for (at, (statement, goes)) in body.iter().zip(goes).enumerate() {
            if !goes {
                self.visit_stmt(statement);
                continue;
            }
            let range = statement.range();
            self.note(range);
            if is_empty && at == 0 {
                self.splices
                    .insert(range.start().to_usize(), (range.end().to_usize(), "pass".to_owned()));
            } else {
                let line = self.whole_line(range);
                self.splices.insert(line.start, (line.end, String::new()));
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
            Stmt::FunctionDef(function) => {
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.visit_parameters(&function.parameters);
                if let Some(returns) = &function.returns {
                    self.visit_annotation(returns);
                }
                self.own.push(Own::of(function));
                self.visit_body(&function.body);
                self.own.pop();
            }
            Stmt::Assign(assigned) => {
                let names = assigned.targets.iter().filter_map(chain);
                if names.into_iter().any(|name| name == "__all__") {
                    self.exports(&assigned.value);
                }
                walk_stmt(self, statement);
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if self.rename(expression) {
            return;
        }
        if let Some(name) = self.mentioned(expression) {
            let line = self.lines.at(expression.range().start().to_usize());
            self.found.left.push((line, name));
        } else if let Expr::Dict(pairs) = expression {
            let ranges: Vec<TextRange> = pairs
                .items
                .iter()
                .map(|pair| {
                    pair.key
                        .as_ref()
                        .map_or(pair.value.range(), |key| key.range().cover(pair.value.range()))
                })
                .collect();
            let goes: Vec<bool> =
                pairs.items.iter().map(|pair| self.is_mention(&pair.value)).collect();
            self.take(&ranges, &goes);
            for (pair, _) in pairs.items.iter().zip(goes).filter(|(_, goes)| !goes) {
                pair.key.iter().for_each(|key| self.visit_expr(key));
                self.visit_expr(&pair.value);
            }
        } else if let (Some(parts), false) = (elements(expression), expression.is_tuple_expr()) {
            let ranges: Vec<TextRange> = parts.iter().map(Ranged::range).collect();
            let goes: Vec<bool> = parts.iter().map(|part| self.is_mention(part)).collect();
            self.take(&ranges, &goes);
            for (part, _) in parts.iter().zip(goes).filter(|(_, goes)| !goes) {
                self.visit_expr(part);
            }
        } else {
            walk_expr(self, expression);
        }
    }
}

impl Walk<'_> {
    /// Whether a statement goes as a whole.
    fn goes(&self, statement: &Stmt) -> bool {
        let all_go = |names: &[Alias]| names.iter().all(|alias| self.alias_goes(alias));
        match statement {
            Stmt::Import(import) => all_go(&import.names),
            Stmt::ImportFrom(import) => all_go(&import.names),
            Stmt::Expr(alone) => match &*alone.value {
                Expr::Call(call) => {
                    let given = &call.arguments;
                    let child =
                        match chain(&call.func).as_deref().and_then(|name| name.rsplit('.').next())
                        {
                            Some("include_router") => given.find_argument_value("router", 0),
                            Some("mount") => given.find_argument_value("app", 1),
                            _ => None,
                        };
                    let line = self.lines.at(call.range().start().to_usize());
                    child
                        .and_then(chain)
                        .is_some_and(|name| self.gone.taken_in.contains(&(line, name)))
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn alias_goes(&self, alias: &Alias) -> bool {
        let line = self.lines.at(alias.range.start().to_usize());
        let bound = match alias.asname.as_ref().unwrap_or(&alias.name).as_str() {
            "*" => "",
            name => name,
        };
        self.gone.imports.contains(&(line, bound.to_owned()))
    }

    fn aliases(&mut self, names: &[Alias]) {
        let ranges: Vec<TextRange> = names.iter().map(|alias| alias.range).collect();
        let goes: Vec<bool> = names.iter().map(|alias| self.alias_goes(alias)).collect();
        self.take(&ranges, &goes);
    }

    /// The names of `__all__` that go.
    fn exports(&mut self, value: &Expr) {
        let Some(parts) = elements(value) else { return };
        let ranges: Vec<TextRange> = parts.iter().map(Ranged::range).collect();
        let goes: Vec<bool> = parts
            .iter()
            .map(|part| text(part).is_some_and(|name| self.bound.contains(name)))
            .collect();
        self.take(&ranges, &goes);
    }

    /// Takes elements with commas between them out.
    fn take(&mut self, ranges: &[TextRange], goes: &[bool]) {
        let mut last_kept: Option<usize> = None;
        for (at, (range, goes)) in ranges.iter().zip(goes).enumerate() {
            if !goes {
                last_kept = Some(range.end().to_usize());
                continue;
            }
            self.note(*range);
            let next = ranges.get(at + 1).map(|next| next.start().to_usize());
            let (start, end) = match (next, last_kept) {
                (Some(next), _) => (range.start().to_usize(), next),
                (None, Some(_)) if self.has_lines_of_its_own(*range) => {
                    let lines = self.whole_line(self.with_comma(*range));
                    (lines.start, lines.end)
                }
                // The last one takes the comma before it along.
                (None, Some(kept)) => (kept, range.end().to_usize()),
                (None, None) => {
                    let range = self.with_comma(*range);
                    (range.start().to_usize(), range.end().to_usize())
                }
            };
            // What went before it reaches up to here already.
            let start = match self.splices.range(..=start).next_back() {
                Some((_, (reached, _))) if *reached > start => *reached,
                _ => start,
            };
            let first = self.splices.range(start..end).next().map(|(first, _)| *first);
            if let Some(first) = first {
                self.splices.retain(|from, _| *from < first || *from >= end);
            }
            self.splices.insert(start, (end, String::new()));
        }
    }

    /// A range with the comma that follows it, if one does.
    fn with_comma(&self, range: TextRange) -> TextRange {
        let rest = self.source.get(range.end().to_usize()..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start().len();
        let comma = rest.trim_start().starts_with(',').then_some(blank + 1);
        let more = comma.and_then(|more| TextSize::try_from(more).ok());
        more.map_or(range, |more| range.add_end(more))
    }

    /// Whether nothing stands before it in its line, and nothing but a comma or a comment behind it.
    fn has_lines_of_its_own(&self, range: TextRange) -> bool {
        let with_comma = self.with_comma(range);
        let before = self.source.get(..range.start().to_usize()).unwrap_or_default();
        let after = self.source.get(with_comma.end().to_usize()..).unwrap_or_default();
        let before = before.rsplit('\n').next().unwrap_or_default();
        let after = after.lines().next().unwrap_or_default().trim_start();
        before.trim().is_empty() && (after.is_empty() || after.starts_with('#'))
    }

    /// A statement with its line, where it has that to itself; else with the semicolon behind it.
    fn whole_line(&self, range: TextRange) -> Range<usize> {
        let (start, end) = (range.start().to_usize(), range.end().to_usize());
        let before = self.source.get(..start).unwrap_or_default();
        let after = self.source.get(end..).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = after.find('\n').map_or(after, |at| after.get(..=at).unwrap_or_default());
        let is_first = before.get(line_start..).is_some_and(|before| before.trim().is_empty());
        let is_last = rest.trim().is_empty() || rest.trim_start().starts_with('#');
        match (is_first, is_last, rest.find(';')) {
            (true, true, _) => line_start..end + rest.len(),
            (_, false, Some(at)) => {
                let behind = rest.get(at + 1..).unwrap_or_default();
                start..end + at + 1 + (behind.len() - behind.trim_start_matches(' ').len())
            }
            // The last one after a semicolon.
            _ => before.trim_end().trim_end_matches(';').len()..end,
        }
    }

    fn note(&mut self, range: TextRange) {
        self.found.removed.push((self.lines.at(range.start().to_usize()), self.shown(range)));
    }

    /// A part of the text in one line.
    fn shown(&self, range: TextRange) -> String {
        let what = self.source.get(range.start().to_usize()..range.end().to_usize());
        what.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// An element that is nothing but a name that goes, or has one among its parts.
    fn is_mention(&self, element: &Expr) -> bool {
        let parts = elements(element).filter(|_| element.is_tuple_expr());
        self.mentioned(element).is_some()
            || parts.is_some_and(|parts| parts.iter().any(|part| self.mentioned(part).is_some()))
    }

    /// The name that goes, where a chain begins with one.
    fn mentioned(&self, expression: &Expr) -> Option<String> {
        if let Expr::Name(name) = expression
            && name.ctx != ExprContext::Load
        {
            return None;
        }
        let chain = chain(expression)
            .filter(|_| matches!(expression, Expr::Name(_) | Expr::Attribute(_)))?;
        let first = chain.split('.').next()?;
        if self.own.iter().any(|own| own.contains(first)) {
            return None;
        }
        let is_it = |bound: &&&str| {
            chain.strip_prefix(**bound).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.bound
            .iter()
            .filter(|bound| !bound.is_empty())
            .find(is_it)
            .map(|bound| (*bound).to_owned())
    }
}

/// Names that a function binds by itself, but for imports.
#[derive(Default)]
struct Own(BTreeSet<String>);

impl Own {
    fn of(function: &StmtFunctionDef) -> BTreeSet<String> {
        let mut own = Self::default();
        walk_body(&mut own, &function.body);
        own.0.extend(function.parameters.iter().map(|one| one.name().to_string()));
        own.0
    }
}

impl<'a> Visitor<'a> for Own {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && name.ctx == ExprContext::Store
        {
            self.0.insert(name.id.to_string());
        }
        walk_expr(self, expression);
    }
}

#[cfg(test)]
mod tests;
