//! Where statements and elements stand among the tokens of a text, and what has to go with them.

use std::ops::Range;

use ruff_python_ast::token::{Token, TokenKind, Tokens};
use ruff_text_size::{Ranged, TextRange};

use super::splices::Splices;

/// A text by its tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) source: &'a str,
    pub(super) tokens: &'a Tokens,
}

/// What holds elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// An import.
    Names,
    /// A list, set or dictionary, which has brackets of its own.
    Bracketed(TextRange),
    /// A tuple; whether it has brackets of its own.
    Tuple(TextRange, bool),
}

impl<'a> Layout<'a> {
    /// Takes statements of a block out; where none would stay, `pass` comes in their place.
    pub(super) fn statements(self, ranges: &[TextRange], goes: &[bool], splices: &mut Splices) {
        let is_empty = goes.iter().all(|goes| *goes);
        let mut first = 0;
        while first < ranges.len() {
            // Statements with semicolons between them.
            let mut last = first;
            while let (Some(one), Some(next)) = (ranges.get(last), ranges.get(last + 1))
                && !self.between(end(*one), start(*next)).any(|it| it.kind() == TokenKind::Newline)
            {
                last += 1;
            }
            let (Some(line), Some(goes)) = (ranges.get(first..=last), goes.get(first..=last))
            else {
                break;
            };
            let all = line.first().zip(line.last()).map(|(from, to)| start(*from)..end(*to));
            match (all, goes.iter().all(|goes| *goes)) {
                (Some(all), true) if is_empty && first == 0 => splices.put(all, "pass"),
                (Some(all), true) => splices.remove(self.lines_of(&all)),
                _ => {
                    for run in runs(goes) {
                        splices.remove(parted(line, &run));
                    }
                }
            }
            first = last + 1;
        }
    }

    /// Takes elements with commas between them out.
    pub(super) fn elements(
        self,
        ranges: &[TextRange],
        goes: &[bool],
        holder: Holder,
        splices: &mut Splices,
    ) {
        let ranges: Vec<TextRange> =
            ranges.iter().map(|range| self.with_brackets(*range, holder)).collect();
        let kept: Vec<usize> =
            (0..ranges.len()).filter(|at| goes.get(*at) == Some(&false)).collect();
        if let (Holder::Tuple(whole, false), []) = (holder, &kept[..]) {
            return splices.put(start(whole)..end(whole), "()");
        }
        let mut comma_stays = ranges.last().is_some_and(|last| self.comma(end(*last)).is_some());
        for run in runs(goes) {
            let (Some(from), Some(to)) = (ranges.get(run.start), ranges.get(run.end - 1)) else {
                continue;
            };
            let until = self.comma(end(*to)).unwrap_or_else(|| end(*to));
            if let Some(lines) = self.own_lines(start(*from), until) {
                comma_stays |= run.end == ranges.len() && run.start > 0;
                splices.remove(lines);
            } else if kept.is_empty() {
                splices.remove(start(*from)..until);
            } else {
                splices.remove(parted(&ranges, &run));
            }
        }
        // One element in brackets is a tuple by its comma only.
        if let (Holder::Tuple(..), [only], false) = (holder, &kept[..], comma_stays)
            && let Some(only) = ranges.get(*only)
        {
            splices.put(end(*only)..end(*only), ",");
        }
    }

    /// The lines of statements that have them to themselves, with what comes behind.
    fn lines_of(self, statements: &Range<usize>) -> Range<usize> {
        let before = self.source.get(..statements.start).unwrap_or_default();
        let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let blank = before.get(line..).unwrap_or_default();
        let mark = if blank.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let last = self.after(statements.end).find(|token| token.kind() == TokenKind::Newline);
        line + mark..last.map_or(statements.end, |token| end(token.range()))
    }

    /// The lines of a part between brackets, where nothing else but a comment stands in them.
    fn own_lines(self, from: usize, to: usize) -> Option<Range<usize>> {
        let is_end = |token: &&Token| token.kind() == TokenKind::NonLogicalNewline;
        let before = self.before(from).next().filter(is_end)?;
        let after = self.after(to).find(|token| token.kind() != TokenKind::Comment);
        Some(end(before.range())..end(after.filter(is_end)?.range()))
    }

    /// The end of the comma behind something.
    fn comma(self, offset: usize) -> Option<usize> {
        let next = self.after(offset).find(|token| !token.kind().is_trivia())?;
        (next.kind() == TokenKind::Comma).then_some(end(next.range()))
    }

    /// An element with the brackets that are its own.
    fn with_brackets(self, range: TextRange, holder: Holder) -> TextRange {
        let inside = match holder {
            Holder::Names => return range,
            Holder::Bracketed(whole) | Holder::Tuple(whole, true) => {
                start(whole) + 1..end(whole) - 1
            }
            Holder::Tuple(whole, false) => start(whole)..end(whole),
        };
        let mut range = range;
        loop {
            let is_it = |kind: TokenKind| {
                move |token: &&Token| token.kind() == kind && inside.start <= start(token.range())
            };
            let before = self.before(start(range)).find(|token| !token.kind().is_trivia());
            let after = self.after(end(range)).find(|token| !token.kind().is_trivia());
            let after = after.filter(|token| end(token.range()) <= inside.end);
            match (before.filter(is_it(TokenKind::Lpar)), after.filter(is_it(TokenKind::Rpar))) {
                (Some(open), Some(close)) => range = open.range().cover(close.range()),
                _ => return range,
            }
        }
    }

    /// A pair of a dictionary, with the brackets or the stars that are its own.
    pub(super) fn pair(
        self,
        key: Option<TextRange>,
        value: TextRange,
        whole: TextRange,
    ) -> TextRange {
        let value = self.with_brackets(value, Holder::Bracketed(whole));
        if let Some(key) = key {
            return self.with_brackets(key, Holder::Bracketed(whole)).cover(value);
        }
        let before = self.before(start(value)).find(|token| !token.kind().is_trivia());
        let stars = before.filter(|token| token.kind() == TokenKind::DoubleStar);
        stars.map_or(value, |stars| stars.range().cover(value))
    }

    /// The tokens from a byte on.
    fn after(self, offset: usize) -> impl Iterator<Item = &'a Token> {
        let first = self.tokens.partition_point(|token| start(token.range()) < offset);
        self.tokens.iter().skip(first)
    }

    /// The tokens up to a byte, the last one first.
    fn before(self, offset: usize) -> impl Iterator<Item = &'a Token> {
        let first = self.tokens.partition_point(|token| start(token.range()) < offset);
        self.tokens.iter().take(first).rev()
    }

    fn between(self, from: usize, to: usize) -> impl Iterator<Item = &'a Token> {
        self.after(from).take_while(move |token| start(token.range()) < to)
    }
}

/// What goes in a row.
fn runs(goes: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in goes.iter().enumerate().filter(|(_, goes)| **goes) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// A run of what goes, with what parts it from the next, else from the one before.
fn parted(ranges: &[TextRange], run: &Range<usize>) -> Range<usize> {
    let before = run.start.checked_sub(1).and_then(|at| ranges.get(at));
    let first = ranges.get(run.start).map_or(0, |it| start(*it));
    let last = ranges.get(run.end - 1).map_or(first, |it| end(*it));
    match (ranges.get(run.end), before) {
        (Some(next), _) => first..start(*next),
        (None, Some(before)) => end(*before)..last,
        (None, None) => first..last,
    }
}

/// The first byte.
pub(super) fn start(range: TextRange) -> usize {
    range.start().to_usize()
}

/// The byte behind the last one.
pub(super) fn end(range: TextRange) -> usize {
    range.end().to_usize()
}
