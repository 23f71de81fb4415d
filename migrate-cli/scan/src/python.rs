//! Python text as a tree, whatever is wrong with it.

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_ast::{Expr, Mod, ModModule};
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};
use ruff_text_size::Ranged as _;

/// Deepest nesting of a statement that is read: walking and dropping a tree takes stack for each level. Python's own compiler
/// gives up long before.
const DEEPEST: usize = 2_000;

/// A module as a tree.
#[derive(Debug)]
pub struct Source {
    /// The tree; where the text has a mistake, what is around it.
    pub module: ModModule,
    /// Where lines begin.
    pub lines: Lines,
    /// The first mistake, if there is one.
    pub mistake: Option<Mistake>,
}

/// Why a text is no Python.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mistake {
    /// 1-based.
    pub line: usize,
    /// What is wrong, as the parser says it.
    pub what: String,
}

/// The tree of a text.
///
/// # Errors
/// A statement nests too deeply; nothing of the text is known then. Every other mistake stands beside the tree.
pub fn parse(text: &str) -> Result<Source, Mistake> {
    let lines = Lines::of(text);
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    if let Some(offset) = too_deep(&parsed) {
        // Dropping it would take the stack that is missing.
        std::mem::forget(parsed);
        let what = format!("a statement nests more than {DEEPEST} levels deep; it was not read");
        return Err(Mistake { line: lines.at(offset), what });
    }
    let mistake = parsed.errors().first().map(|error| Mistake {
        line: lines.at(error.location.start().to_usize()),
        what: error.error.to_string(),
    });
    match parsed.into_syntax() {
        Mod::Module(module) => Ok(Source { module, lines, mistake }),
        Mod::Expression(_) => Err(Mistake { line: 1, what: "an expression, no module".to_owned() }),
    }
}

/// The tokens of a text that [`parse`] has read.
pub fn tokens(text: &str) -> Tokens {
    parse_unchecked(text, ParseOptions::from(Mode::Module)).tokens().clone()
}

/// Where a statement may nest more than [`DEEPEST`] levels deep. Brackets nest, and what stands in a row without a comma may.
fn too_deep(parsed: &Parsed<Mod>) -> Option<usize> {
    let mut open = vec![0_usize];
    let mut deep = 0;
    for token in parsed.tokens() {
        match token.kind() {
            TokenKind::Newline => {
                open = vec![0];
                deep = 0;
            }
            TokenKind::Comma => {
                if let Some(level) = open.last_mut() {
                    deep -= std::mem::take(level);
                }
            }
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                if let Some(level) = open.last_mut() {
                    *level += 1;
                }
                deep += 1;
                open.push(0);
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if open.len() > 1 => {
                deep -= open.pop().unwrap_or_default();
            }
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline => {}
            _ => {
                if let Some(level) = open.last_mut() {
                    *level += 1;
                }
                deep += 1;
            }
        }
        if deep > DEEPEST {
            return Some(token.range().start().to_usize());
        }
    }
    None
}

/// Where the lines of a text begin.
#[derive(Debug, Clone)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// The 1-based line of a byte.
    pub fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }

    /// How many lines the text has that this was made of.
    pub fn count(&self, text: &str) -> usize {
        if text.is_empty() || text.ends_with('\n') { self.0.len() - 1 } else { self.0.len() }
    }
}

/// `a.b.c`, where an expression is nothing but names and dots.
pub fn dotted(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Name(name) => Some(name.id.to_string()),
        Expr::Attribute(attribute) => {
            let mut chain = dotted(&attribute.value)?;
            chain.push('.');
            chain.push_str(attribute.attr.as_str());
            Some(chain)
        }
        _ => None,
    }
}

/// `a.b`, `a.make()`, `Api().router`.
pub fn chain(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Call(call) => Some(format!("{}()", chain(&call.func)?)),
        Expr::Attribute(attribute) => {
            Some(format!("{}.{}", chain(&attribute.value)?, attribute.attr))
        }
        Expr::Await(awaited) => chain(&awaited.value),
        _ => dotted(expression),
    }
}

/// A text that is written out.
pub fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::StringLiteral(literal) => Some(literal.value.to_str()),
        _ => None,
    }
}

/// The elements of a list, tuple or set that is written out.
pub fn elements(expression: &Expr) -> Option<&[Expr]> {
    match expression {
        Expr::List(list) => Some(&list.elts),
        Expr::Tuple(tuple) => Some(&tuple.elts),
        Expr::Set(set) => Some(&set.elts),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_leaves_what_is_around_it() {
        let source = parse("import a\n\ndef (:\n\nimport b\n").unwrap();
        assert_eq!(source.mistake.unwrap().line, 3);
        assert!(source.module.body.iter().filter(|s| s.is_import_stmt()).count() == 2);
    }

    #[test]
    fn what_nests_too_deeply_is_not_walked() {
        for text in
            ["(".repeat(300_000), "-".repeat(300_000), format!("x = {}1", "1+\\\n".repeat(90_000))]
        {
            let refused = parse(&text).unwrap_err();
            assert!(refused.what.contains("nests"), "{refused:?}");
        }
        let wide = format!("x = [{}]", "(1, -2), ".repeat(50_000));
        assert!(parse(&wide).unwrap().mistake.is_none());
    }

    #[test]
    fn lines_are_counted_from_one() {
        let lines = Lines::of("a\nb\n");
        assert_eq!([lines.at(0), lines.at(1), lines.at(2), lines.at(4)], [1, 1, 2, 3]);
    }
}
