//! Walks two documents side by side and records where they differ.

use std::collections::{HashMap, VecDeque};

use routes::admin::{DifferenceKind as Kind, Gap, Grade};
use routes::compare::CompareRules;
use serde_json::{Map, Value};

use super::digest::Digests;
use super::document::Document;
use super::marks::{Mark, Marks};
use super::scalar::{Numeric, Relation};
use super::{shape, time};
use crate::difference::Rule;
use crate::excerpt::View;
use crate::findings::{Findings, Sort};
use crate::path::{Path, Step};
use crate::rules::Rules;

pub(super) struct Walk<'v, 'r, 'f> {
    old: Side<'v, 'r>,
    new: Side<'v, 'r>,
    tolerance: f64,
    path: Path<'v>,
    findings: &'f mut Findings<'r>,
    /// Values visited.
    steps: u64,
}

/// What is known of one document.
struct Side<'v, 'r> {
    digests: Digests<'v, 'r>,
    view: View<'v>,
}

impl<'v, 'r: 'v> Side<'v, 'r> {
    fn new(document: &'v Document, rules: &'r Rules) -> Self {
        let CompareRules { allow, .. } = &rules.compare;
        let marks = Marks::new(&document.root, &rules.compare);
        let digests = Digests::new(document, marks, allow.contains(&Gap::NullMissing));
        Self { digests, view: View::new(document, &rules.masks) }
    }

    fn mark(&self, value: &'v Value) -> Mark<'r> {
        self.digests.marks.of(value)
    }

    fn number(&self, value: &'v Value) -> Option<Numeric<'v>> {
        Numeric::of(value, self.digests.document)
    }

    /// What tells the elements of a set apart: the field, or the whole element where it has none. The field keys even
    /// where its value is ignored.
    fn key(&mut self, element: &'v Value, field: &str) -> u64 {
        match element.get(field).filter(|_| !field.is_empty()) {
            Some(value) => self.digests.of_content(value, Mark::default()),
            None => self.digests.of(element),
        }
    }
}

impl<'v, 'r: 'v, 'f> Walk<'v, 'r, 'f> {
    pub(super) fn new(
        old: &'v Document,
        new: &'v Document,
        rules: &'r Rules,
        findings: &'f mut Findings<'r>,
    ) -> Self {
        let (old, new) = (Side::new(old, rules), Side::new(new, rules));
        let tolerance = rules.compare.tolerance;
        Self { old, new, tolerance, path: Path::default(), findings, steps: 0 }
    }

    pub(super) fn run(mut self) {
        let (old, new) = (self.old.digests.document, self.new.digests.document);
        self.values(&old.root, &new.root);
        self.findings.took(self.steps + self.old.digests.steps + self.new.digests.steps);
    }

    /// Recursion is bounded by the depth that [`Document::parse`] lets pass.
    fn values(&mut self, old: &'v Value, new: &'v Value) {
        self.steps += 1;
        let mark = self.old.mark(old).or(self.new.mark(new));
        if let Some(rule) = mark.ignore {
            self.findings.compared();
            if old != new {
                self.findings.silenced(Rule::Ignore(rule));
            }
            return;
        }
        match (old, new) {
            (Value::Array(olds), Value::Array(news)) => match mark.unordered {
                Some((rule, field)) => self.sets(olds, news, rule, field),
                None => self.arrays((old, olds), (new, news)),
            },
            (Value::Object(old), Value::Object(new)) => self.objects(old, new),
            _ => {
                self.findings.compared();
                if let Some(sort) = self.scalars(mark, old, new) {
                    self.different(sort, old, new);
                }
            }
        }
    }

    fn different(&mut self, sort: impl Into<Sort>, old: &'v Value, new: &'v Value) {
        let views = (&self.old.view, &self.new.view);
        self.findings.add(sort, &self.path, || (views.0.excerpt(old), views.1.excerpt(new)));
    }

    /// What sort of difference there is between two values that are not both arrays or both objects.
    fn scalars(&mut self, mark: Mark<'_>, old: &'v Value, new: &'v Value) -> Option<Sort> {
        match (self.old.number(old), self.new.number(new)) {
            (Some(old), Some(new)) => return self.numbers(mark, old, new),
            (Some(number), None) => return Some(retyped(number, new)),
            (None, Some(number)) => return Some(retyped(number, old)),
            (None, None) => {}
        }
        match (old, new) {
            (Value::String(old), Value::String(new)) => self.texts(mark, old, new),
            (Value::Bool(old), Value::Bool(new)) => (old != new).then(|| Kind::Value.into()),
            (Value::Null, Value::Null) => None,
            _ => Some(Kind::Type.into()),
        }
    }

    fn texts(&mut self, mark: Mark<'_>, old: &str, new: &str) -> Option<Sort> {
        if old == new {
            return None;
        }
        let timestamp = mark.timestamp.filter(|_| time::is_time(old) && time::is_time(new));
        let identifier = mark.identifier.filter(|_| shape::same_text(old, new));
        let rule = timestamp.map(Rule::Timestamp).or(identifier.map(Rule::Identifier));
        if let Some(rule) = rule {
            self.findings.silenced(rule);
            return None;
        }
        let sort = Sort::from(Kind::Value);
        Some(match time::gaps(old, new) {
            Some((gaps, grade)) => sort.explained(gaps).graded(grade),
            None => sort,
        })
    }

    fn numbers(&mut self, mark: Mark<'_>, old: Numeric<'_>, new: Numeric<'_>) -> Option<Sort> {
        let relation = old.relation(new);
        if relation == Relation::Same {
            return None;
        }
        let identifier = mark.identifier.filter(|_| {
            let digits = old.integer().zip(new.integer());
            digits.is_some_and(|(old, new)| shape::same_integer(&old, &new))
        });
        let number = mark.number.filter(|_| !old.is_not_finite() && !new.is_not_finite());
        let tolerance = old.is_within(new, self.tolerance).then_some(Rule::Tolerance);
        let rule = identifier.map(Rule::Identifier).or(number.map(Rule::Number)).or(tolerance);
        if let Some(rule) = rule {
            self.findings.silenced(rule);
            return None;
        }
        let sort = Sort::from(Kind::Value);
        Some(match relation {
            Relation::Retyped => sort.gap(Gap::IntegerFloat).graded(Grade::Cosmetic),
            Relation::Rounded => sort.gap(Gap::LargeInteger),
            Relation::Same | Relation::Different => sort,
        })
    }

    fn objects(&mut self, old: &'v Map<String, Value>, new: &'v Map<String, Value>) {
        for (name, old) in old {
            self.path.push(Step::Member(name));
            match new.get(name) {
                Some(new) => self.values(old, new),
                None => self.missing(member(Kind::Missing, old), old),
            }
            self.path.pop();
        }
        for (name, new) in new {
            if !old.contains_key(name) {
                self.path.push(Step::Member(name));
                self.extra(member(Kind::Extra, new), new);
                self.path.pop();
            }
        }
    }

    fn missing(&mut self, sort: Sort, old: &'v Value) {
        self.steps += 1;
        self.findings.compared();
        if let Some(rule) = self.old.mark(old).ignore {
            return self.findings.silenced(Rule::Ignore(rule));
        }
        let view = &self.old.view;
        self.findings.add(sort, &self.path, || (view.excerpt(old), String::new()));
    }

    fn extra(&mut self, sort: Sort, new: &'v Value) {
        self.steps += 1;
        self.findings.compared();
        if let Some(rule) = self.new.mark(new).ignore {
            return self.findings.silenced(Rule::Ignore(rule));
        }
        let view = &self.new.view;
        self.findings.add(sort, &self.path, || (String::new(), view.excerpt(new)));
    }

    /// Arrays whose order means something. The same elements in another order are one difference; otherwise elements
    /// are compared by index, and what one side has more of is reported once.
    fn arrays(
        &mut self,
        (old, olds): (&'v Value, &'v [Value]),
        (new, news): (&'v Value, &'v [Value]),
    ) {
        if olds.len() == news.len() {
            if olds.len() > 1 && self.is_reordered(olds, news) {
                return self.different(Kind::Order, old, new);
            }
        } else {
            let show = |elements: &[Value]| format!("{} elements", elements.len());
            self.findings.add(Kind::Length, &self.path, || (show(olds), show(news)));
        }
        for (index, (old, new)) in olds.iter().zip(news).enumerate() {
            self.element(index, |walk| walk.values(old, new));
        }
    }

    fn is_reordered(&mut self, olds: &'v [Value], news: &'v [Value]) -> bool {
        let mut olds: Vec<u64> = olds.iter().map(|old| self.old.digests.of(old)).collect();
        let mut news: Vec<u64> = news.iter().map(|new| self.new.digests.of(new)).collect();
        if olds == news {
            return false;
        }
        olds.sort_unstable();
        news.sort_unstable();
        olds == news
    }

    /// Arrays compared as sets: elements with the same key are partners, in order where a key comes more than once.
    fn sets(&mut self, olds: &'v [Value], news: &'v [Value], rule: usize, field: &str) {
        let mut partners: HashMap<u64, VecDeque<usize>> = HashMap::new();
        for (index, new) in news.iter().enumerate() {
            partners.entry(self.new.key(new, field)).or_default().push_back(index);
        }
        let mut is_taken = vec![false; news.len()];
        let mut is_reordered = false;
        for (index, old) in olds.iter().enumerate() {
            let partner = partners.get_mut(&self.old.key(old, field)).and_then(VecDeque::pop_front);
            is_reordered |= partner.is_some_and(|partner| partner != index);
            let partner =
                partner.and_then(|partner| Some((is_taken.get_mut(partner)?, news.get(partner)?)));
            match partner {
                Some((is_taken, new)) => {
                    *is_taken = true;
                    self.element(index, |walk| walk.values(old, new));
                }
                None => self.element(index, |walk| walk.missing(Kind::Missing.into(), old)),
            }
        }
        for (index, (new, is_taken)) in news.iter().zip(is_taken).enumerate() {
            if !is_taken {
                self.element(index, |walk| walk.extra(Kind::Extra.into(), new));
            }
        }
        if is_reordered {
            self.findings.silenced(Rule::Unordered(rule));
        }
    }

    fn element(&mut self, index: usize, visit: impl FnOnce(&mut Self)) {
        self.path.push(Step::Element(index));
        visit(self);
        self.path.pop();
    }
}

/// A number on one side and something else on the other.
fn retyped(number: Numeric<'_>, other: &Value) -> Sort {
    let sort = Sort::from(Kind::Type);
    match other {
        Value::Null | Value::String(_) if number.is_not_finite() => sort.gap(Gap::NotANumber),
        Value::String(text) if number.is_written(text) => sort.gap(Gap::DecimalText),
        _ => sort,
    }
}

/// A member that one side has.
fn member(kind: Kind, value: &Value) -> Sort {
    let sort = Sort::from(kind);
    if value.is_null() { sort.gap(Gap::NullMissing) } else { sort }
}
