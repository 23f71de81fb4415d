//! Reads values with their places out of a TOML document, so that every problem in it can be told at once.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Problem, bounded};

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written<T> {
    pub(crate) value: T,
    /// Byte range in the text, quotes included.
    pub(crate) span: Range<usize>,
}

impl<T> Written<T> {
    pub(crate) fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }

    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Written<U> {
        Written { value: change(self.value), span: self.span }
    }
}

/// A text, with what was found wrong in it so far.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    pub(crate) text: &'t str,
    /// Where each line starts, but for the first.
    line_starts: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Document<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let line_starts = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        Self { text, line_starts, problems: RefCell::default() }
    }

    pub(crate) fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// What was reported, in order of place.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        bounded(self.problems.into_inner())
    }

    /// The line (from 1) of a byte offset.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset) + 1
    }

    /// The place of a part of a written text. Exact where the text is written without escapes, else the whole.
    pub(crate) fn part(&self, written: &Written<String>, part: Range<usize>) -> Range<usize> {
        let raw = self.text.get(written.span.clone()).unwrap_or_default();
        let quoted = raw.len() == written.value.len() + 2
            && raw.get(1..raw.len() - 1) == Some(written.value.as_str());
        if !quoted {
            return written.span.clone();
        }
        let start = written.span.start + 1;
        start + part.start..start + part.end
    }
}

/// One table of a document. Each key is asked for once; [`Section::finish`] reports those that nobody asked for.
#[derive(Debug)]
pub(crate) struct Section<'d, 't> {
    document: &'d Document<'t>,
    table: Option<&'d DeTable<'t>>,
    /// Where the section begins; problems about what it lacks point here.
    pub(crate) span: Range<usize>,
    /// How messages name it: `in [limits]`, `at the top level`.
    place: String,
    asked: Vec<&'static str>,
}

impl<'d, 't> Section<'d, 't> {
    pub(crate) fn root(document: &'d Document<'t>, table: &'d DeTable<'t>) -> Self {
        Self::new(document, Some(table), 0..0, "at the top level".to_owned())
    }

    fn new(
        document: &'d Document<'t>,
        table: Option<&'d DeTable<'t>>,
        span: Range<usize>,
        place: String,
    ) -> Self {
        Self { document, table, span, place, asked: Vec::new() }
    }

    pub(crate) fn report(&self, problem: Problem) {
        self.document.report(problem);
    }

    pub(crate) fn document(&self) -> &'d Document<'t> {
        self.document
    }

    fn take(&mut self, key: &'static str) -> Option<(Range<usize>, &'d Spanned<DeValue<'t>>)> {
        self.asked.push(key);
        let (key, value) = self.table?.get_key_value(key)?;
        Some((key.span(), value))
    }

    fn wrong_type(&self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str, example: &str) {
        let found = value.get_ref().type_str();
        self.report(
            Problem::new(value.span(), format!("`{key}` is {}, not {wanted}", article(found)))
                .help(format!("write {example}")),
        );
    }

    /// A text; `example` shows one in the help of a problem.
    pub(crate) fn text(&mut self, key: &'static str, example: &str) -> Option<Written<String>> {
        let (_, value) = self.take(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(value, key, "a text", &format!("`{key} = {example}`"));
        }
        Some(Written::new(text?.to_owned(), value.span()))
    }

    /// `true` or `false`.
    pub(crate) fn switch(&mut self, key: &'static str) -> Option<bool> {
        let (_, value) = self.take(key)?;
        let switch = value.get_ref().as_bool();
        if switch.is_none() {
            self.wrong_type(value, key, "true or false", &format!("`{key} = true`"));
        }
        switch
    }

    /// A text that `parse` understands; its error is what to write instead.
    pub(crate) fn parsed<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, (String, String)>,
    ) -> Option<Written<T>> {
        let text = self.text(key, example)?;
        match parse(&text.value) {
            Ok(value) => Some(Written::new(value, text.span)),
            Err((message, help)) => {
                self.report(Problem::new(text.span, message).help(help));
                None
            }
        }
    }

    /// A whole number within `range`.
    pub(crate) fn whole(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<Written<u64>> {
        let (_, value) = self.take(key)?;
        let (least, most) = (*range.start(), *range.end());
        let DeValue::Integer(integer) = value.get_ref() else {
            let example = format!("it without quotes: `{key} = {}`", least.max(1));
            self.wrong_type(value, key, "a whole number", &example);
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let Some(number) = number.filter(|number| range.contains(number)) else {
            self.report(
                Problem::new(value.span(), format!("`{key}` is out of range"))
                    .help(bounds(least, most)),
            );
            return None;
        };
        Some(Written::new(number, value.span()))
    }

    /// A number within `range`, whole or not.
    pub(crate) fn number(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<f64>,
    ) -> Option<Written<f64>> {
        let (_, value) = self.take(key)?;
        let (least, most) = (*range.start(), *range.end());
        let number = match value.get_ref() {
            DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
                .ok()
                .and_then(|whole| whole.to_string().parse().ok()),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => {
                self.wrong_type(value, key, "a number", &format!("`{key} = {most}` at most"));
                return None;
            }
        };
        let Some(number) = number.filter(|number| range.contains(number)) else {
            self.report(
                Problem::new(value.span(), format!("`{key}` is out of range"))
                    .help(format!("write a number from {least} to {most}")),
            );
            return None;
        };
        Some(Written::new(number, value.span()))
    }

    /// A list of texts. What is no text in it is reported and left out.
    pub(crate) fn texts(
        &mut self,
        key: &'static str,
        example: &str,
    ) -> Option<Written<Vec<Written<String>>>> {
        let (_, value) = self.take(key)?;
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(value, key, "a list", &format!("`{key} = {example}`"));
            return None;
        };
        let mut texts = Vec::new();
        for item in list {
            if let Some(text) = item.get_ref().as_str() {
                texts.push(Written::new(text.to_owned(), item.span()));
            } else {
                let example = format!("`{key} = {example}`");
                self.wrong_type(item, key, "a list of texts", &example);
            }
        }
        Some(Written::new(texts, value.span()))
    }

    /// A table below this one; an empty one where there is none.
    pub(crate) fn section(&mut self, key: &'static str, name: &str) -> Self {
        let found = self.take(key);
        let span = found.as_ref().map_or_else(|| self.span.clone(), |(span, _)| span.clone());
        let table = found.and_then(|(_, value)| self.table_of(value, key));
        Self::new(self.document, table, span, format!("in {name}"))
    }

    /// Whether the key is there; does not count as asking for it.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Every key of this table with a table behind it, in order of the text: for tables whose keys are names.
    pub(crate) fn named_sections(&self) -> Vec<(Written<String>, Self)> {
        let mut named = Vec::new();
        for (name, value) in self.table.into_iter().flatten() {
            let text = name.get_ref().to_string();
            let section = self.table_of(value, &text);
            let place = format!("in backend `{text}`");
            let section = Self::new(self.document, section, name.span(), place);
            named.push((Written::new(text, name.span()), section));
        }
        named.sort_by_key(|(name, _)| name.span.start);
        named
    }

    /// Every key of this table with the text behind it, in order of the text: for tables whose keys are free.
    pub(crate) fn named_texts(&self, example: &str) -> Vec<(Written<String>, Written<String>)> {
        let mut named = Vec::new();
        for (name, value) in self.table.into_iter().flatten() {
            let key = Written::new(name.get_ref().to_string(), name.span());
            match value.get_ref().as_str() {
                Some(text) => named.push((key, Written::new(text.to_owned(), value.span()))),
                None => self.wrong_type(value, &key.value, "a text", example),
            }
        }
        named.sort_by_key(|(name, _)| name.span.start);
        named
    }

    /// Each table of an array of tables (`[[routes]]`).
    pub(crate) fn sections(&mut self, key: &'static str, name: &str) -> Vec<Self> {
        let Some((key_span, value)) = self.take(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            let message =
                format!("`{key}` is {}, not a list of tables", article(value.get_ref().type_str()));
            self.report(Problem::new(key_span, message).help(format!("write `[[{key}]]`")));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in list {
            if let Some(table) = self.table_of(item, key) {
                let section = Some(table);
                sections.push(Self::new(self.document, section, item.span(), format!("in {name}")));
            }
        }
        sections
    }

    fn table_of(&self, value: &'d Spanned<DeValue<'t>>, key: &str) -> Option<&'d DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let found = article(value.get_ref().type_str());
            self.report(
                Problem::new(value.span(), format!("`{key}` is {found}, not a table"))
                    .help("give its keys in a table of their own, or as `{ key = value }`"),
            );
        }
        table
    }

    /// Reports every key that nobody asked for, with the nearest one that is known.
    pub(crate) fn finish(self) {
        for (key, _) in self.table.into_iter().flatten() {
            let found: &str = key.get_ref();
            if self.asked.contains(&found) {
                continue;
            }
            let message = format!("unknown key `{found}` {}", self.place);
            let known = || self.asked.iter().copied();
            let help = nearest(found, known()).map_or_else(
                || format!("known are {}", listed(known())),
                |near| format!("did you mean `{near}`?"),
            );
            self.document.report(Problem::new(key.span(), message).help(help));
        }
    }
}

/// The known word nearest to a mistyped one, if any is near enough to be meant.
pub(crate) fn nearest<'w>(
    typed: &str,
    known: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    // Longer than any known word and its typos: not worth the quadratic comparison.
    if typed.len() > 128 {
        return None;
    }
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(&typed, &word.to_lowercase()), word))
        .filter(|(distance, word)| {
            let longer = typed.starts_with(word) || word.starts_with(&typed) && typed.len() > 2;
            longer || *distance <= 1 + word.len() / 4
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// "`a`, `b` and `c`".
pub(crate) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let mut quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.pop() {
        Some(last) if quoted.is_empty() => last,
        Some(last) => format!("{} and {last}", quoted.join(", ")),
        None => "none".to_owned(),
    }
}

fn bounds(least: u64, most: u64) -> String {
    if most >= i64::MAX.unsigned_abs() {
        format!("write a whole number, {least} or more")
    } else {
        format!("write a whole number from {least} to {most}")
    }
}

fn article(type_name: &str) -> String {
    match type_name {
        "string" => "a text".to_owned(),
        "array" | "integer" => format!("an {type_name}"),
        other => format!("a {other}"),
    }
}
