//! Walks two documents side by side and records where they differ.

use std::collections::{HashMap, VecDeque};

use routes::admin::DifferenceKind as Kind;
use routes::compare::CompareRules;
use serde_json::{Map, Value};

use super::digest::Digests;
use super::marks::Marks;
use super::scalar::{is_time, numbers_equal};
use crate::difference::Findings;
use crate::excerpt::Shown;
use crate::path::{Path, Step};

pub(super) struct Walk<'v, 'r, 'f> {
    old: Digests<'v, 'r>,
    new: Digests<'v, 'r>,
    tolerance: f64,
    path: Path<'v>,
    findings: &'f mut Findings,
}

impl<'v, 'r, 'f> Walk<'v, 'r, 'f> {
    pub(super) fn new(
        old: Marks<'v, 'r>,
        new: Marks<'v, 'r>,
        rules: &CompareRules,
        findings: &'f mut Findings,
    ) -> Self {
        Self {
            old: Digests::new(old),
            new: Digests::new(new),
            tolerance: rules.tolerance,
            path: Path::default(),
            findings,
        }
    }

    pub(super) fn run(mut self, old: &'v Value, new: &'v Value) {
        self.values(old, new);
    }

    /// Recursion is bounded by the depth that [`super::Document::parse`] lets pass.
    fn values(&mut self, old: &'v Value, new: &'v Value) {
        let mark = self.old.marks.of(old).or(self.new.marks.of(new));
        if mark.is_ignored {
            return;
        }
        let kind = match (old, new) {
            (Value::Array(olds), Value::Array(news)) => {
                return match mark.unordered {
                    Some(field) => self.sets(olds, news, field),
                    None => self.arrays((old, olds), (new, news)),
                };
            }
            (Value::Object(old), Value::Object(new)) => return self.objects(old, new),
            (Value::String(old), Value::String(new)) => {
                let is_equal = old == new || (mark.is_timestamp && is_time(old) && is_time(new));
                (!is_equal).then_some(Kind::Value)
            }
            (Value::Number(old), Value::Number(new)) => {
                (!numbers_equal(old, new, self.tolerance)).then_some(Kind::Value)
            }
            (Value::Bool(old), Value::Bool(new)) => (old != new).then_some(Kind::Value),
            (Value::Null, Value::Null) => None,
            _ => Some(Kind::Type),
        };
        if let Some(kind) = kind {
            self.findings.add(kind, &self.path, Shown::Json(old), Shown::Json(new));
        }
    }

    fn objects(&mut self, old: &'v Map<String, Value>, new: &'v Map<String, Value>) {
        for (name, old) in old {
            self.path.push(Step::Member(name));
            match new.get(name) {
                Some(new) => self.values(old, new),
                None => self.missing(old),
            }
            self.path.pop();
        }
        for (name, new) in new {
            if !old.contains_key(name) {
                self.path.push(Step::Member(name));
                self.extra(new);
                self.path.pop();
            }
        }
    }

    fn missing(&mut self, old: &'v Value) {
        if !self.old.marks.of(old).is_ignored {
            self.findings.add(Kind::Missing, &self.path, Shown::Json(old), Shown::Absent);
        }
    }

    fn extra(&mut self, new: &'v Value) {
        if !self.new.marks.of(new).is_ignored {
            self.findings.add(Kind::Extra, &self.path, Shown::Absent, Shown::Json(new));
        }
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
                self.findings.add(Kind::Order, &self.path, Shown::Json(old), Shown::Json(new));
                return;
            }
        } else {
            let show = |elements: &[Value]| format!("{} elements", elements.len());
            let (old, new) = (show(olds), show(news));
            self.findings.add(Kind::Length, &self.path, Shown::Text(&old), Shown::Text(&new));
        }
        for (index, (old, new)) in olds.iter().zip(news).enumerate() {
            self.element(index, |walk| walk.values(old, new));
        }
    }

    fn is_reordered(&mut self, olds: &'v [Value], news: &'v [Value]) -> bool {
        let mut olds: Vec<u64> = olds.iter().map(|old| self.old.of(old)).collect();
        let mut news: Vec<u64> = news.iter().map(|new| self.new.of(new)).collect();
        if olds == news {
            return false;
        }
        olds.sort_unstable();
        news.sort_unstable();
        olds == news
    }

    /// Arrays compared as sets: elements with the same key are partners, in order where a key comes more than once.
    fn sets(&mut self, olds: &'v [Value], news: &'v [Value], field: &str) {
        let mut partners: HashMap<u64, VecDeque<usize>> = HashMap::new();
        for (index, new) in news.iter().enumerate() {
            partners.entry(key(&mut self.new, new, field)).or_default().push_back(index);
        }
        let mut is_taken = vec![false; news.len()];
        for (index, old) in olds.iter().enumerate() {
            let partner = partners
                .get_mut(&key(&mut self.old, old, field))
                .and_then(VecDeque::pop_front)
                .and_then(|partner| Some((is_taken.get_mut(partner)?, news.get(partner)?)));
            match partner {
                Some((is_taken, new)) => {
                    *is_taken = true;
                    self.element(index, |walk| walk.values(old, new));
                }
                None => self.element(index, |walk| walk.missing(old)),
            }
        }
        for (index, (new, is_taken)) in news.iter().zip(is_taken).enumerate() {
            if !is_taken {
                self.element(index, |walk| walk.extra(new));
            }
        }
    }

    fn element(&mut self, index: usize, visit: impl FnOnce(&mut Self)) {
        self.path.push(Step::Element(index));
        visit(self);
        self.path.pop();
    }
}

/// What tells the elements of a set apart: the field, or the whole element where it has none. The field keys even where
/// its value is ignored.
fn key<'v>(side: &mut Digests<'v, '_>, element: &'v Value, field: &str) -> u64 {
    match element.get(field).filter(|_| !field.is_empty()) {
        Some(value) => side.of_content(value, false),
        None => side.of(element),
    }
}
