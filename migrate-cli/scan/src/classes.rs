//! The classes of Python files: their bases, their fields, and the members of enumerations.

use std::collections::BTreeMap;

use ruff_python_ast::{Arguments, Expr, Stmt, StmtClassDef, StmtFunctionDef};

use crate::python::{self, Lines, Mistake};

/// Classes and functions of every file that was read.
#[derive(Debug, Default)]
pub struct Classes {
    /// In the order in which they were found.
    pub all: Vec<Class>,
    /// What functions at the top of a file return, where they are one expression: by file and name.
    pub returned: BTreeMap<(String, String), Expr>,
}

/// A class.
#[derive(Debug)]
pub struct Class {
    /// The file that it stands in.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// The last part of each base's name.
    pub bases: Vec<String>,
    /// Whether it says `table=True`.
    pub is_table: bool,
    /// What its body declares.
    pub fields: Vec<Field>,
}

/// `name: annotation = value`, of which one may lack.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The type.
    pub annotation: Option<Expr>,
    /// The value.
    pub value: Option<Expr>,
}

impl Classes {
    /// Adds what a file has, and gives back where it is no Python. What is around a mistake is read all the same.
    pub fn add(&mut self, file: &str, text: &str) -> Option<Mistake> {
        match python::parse(text) {
            Ok(source) => {
                self.add_block(file, &source.lines, &source.module.body);
                source.mistake
            }
            Err(mistake) => Some(mistake),
        }
    }

    /// Adds the classes of a block. They may stand under `if` and `try` as well.
    fn add_block(&mut self, file: &str, lines: &Lines, block: &[Stmt]) {
        for statement in block {
            match statement {
                Stmt::ClassDef(class) => self.all.push(class_of(file, lines, class)),
                Stmt::FunctionDef(function) => {
                    if let Some(returned) = returned(function) {
                        let key = (file.to_owned(), function.name.to_string());
                        self.returned.insert(key, returned);
                    }
                }
                Stmt::If(branch) => {
                    self.add_block(file, lines, &branch.body);
                    for clause in &branch.elif_else_clauses {
                        self.add_block(file, lines, &clause.body);
                    }
                }
                Stmt::Try(attempt) => {
                    self.add_block(file, lines, &attempt.body);
                    self.add_block(file, lines, &attempt.orelse);
                }
                _ => {}
            }
        }
    }

    /// The class that a name means in a file: one of that file, else the only one anywhere.
    pub fn named(&self, file: &str, name: &str) -> Option<&Class> {
        let mut found = self.all.iter().filter(|class| class.name == name);
        let here = self.all.iter().find(|class| class.name == name && class.file == file);
        here.or_else(|| found.next().filter(|_| found.next().is_none()))
    }

    /// A class and what it inherits, the remotest base first. A circle of bases ends where it closes.
    pub fn lineage<'c>(&'c self, class: &'c Class) -> Vec<&'c Class> {
        let mut line = vec![class];
        let mut at = 0;
        while let Some(current) = line.get(at) {
            let bases = current.bases.iter().filter_map(|base| self.named(&current.file, base));
            let new: Vec<&Class> = bases
                .filter(|base| !line.iter().any(|known| std::ptr::eq(*known, *base)))
                .collect();
            line.extend(new);
            at += 1;
        }
        line.reverse();
        line
    }

    /// The names of an enumeration's members; none where the class is no enumeration.
    pub fn members(&self, file: &str, name: &str) -> Option<Vec<String>> {
        let class = self.named(file, name)?;
        let is_enum = |base: &String| base.ends_with("Enum") || base.ends_with("Flag");
        let lineage = self.lineage(class);
        lineage.iter().any(|class| class.bases.iter().any(is_enum)).then(|| {
            let fields = lineage.iter().flat_map(|class| &class.fields);
            let members = fields.filter(|field| {
                field.annotation.is_none() && field.value.is_some() && !field.name.starts_with('_')
            });
            members.map(|field| field.name.clone()).collect()
        })
    }
}

fn class_of(file: &str, lines: &Lines, class: &StmtClassDef) -> Class {
    let keyword = class
        .keywords()
        .iter()
        .find(|keyword| keyword.arg.as_ref().is_some_and(|name| name.as_str() == "table"));
    let is_table = keyword
        .is_some_and(|keyword| matches!(&keyword.value, Expr::BooleanLiteral(is) if is.value));
    Class {
        file: file.to_owned(),
        line: lines.at(class.name.range.start().to_usize()),
        name: class.name.to_string(),
        bases: class.bases().iter().filter_map(last_name).collect(),
        is_table,
        fields: class.body.iter().filter_map(field).collect(),
    }
}

fn field(statement: &Stmt) -> Option<Field> {
    match statement {
        Stmt::AnnAssign(assigned) => Some(Field {
            name: last_name(&assigned.target)?,
            annotation: Some((*assigned.annotation).clone()),
            value: assigned.value.as_deref().cloned(),
        }),
        Stmt::Assign(assigned) => {
            let [target] = &assigned.targets[..] else { return None };
            let name = last_name(target)?;
            Some(Field { name, annotation: None, value: Some((*assigned.value).clone()) })
        }
        _ => None,
    }
}

/// What a function returns that does nothing else.
fn returned(function: &StmtFunctionDef) -> Option<Expr> {
    let is_docstring =
        |statement: &&Stmt| matches!(statement, Stmt::Expr(e) if e.value.is_string_literal_expr());
    let mut rest = function.body.iter().skip_while(is_docstring);
    match (rest.next(), rest.next()) {
        (Some(Stmt::Return(returned)), None) => returned.value.as_deref().cloned(),
        _ => None,
    }
}

/// What stands in the brackets of a call, if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'e>(Option<&'e Arguments>);

impl<'e> Given<'e> {
    /// The value of `name=…`.
    pub fn named(self, name: &str) -> Option<&'e Expr> {
        self.0?.find_keyword(name).map(|keyword| &keyword.value)
    }

    /// What comes without a name.
    pub fn unnamed(self) -> &'e [Expr] {
        self.0.map(|arguments| &arguments.args[..]).unwrap_or_default()
    }

    /// `name=True` or `name=False`.
    pub fn flag(self, name: &str) -> Option<bool> {
        match self.named(name)? {
            Expr::BooleanLiteral(is) => Some(is.value),
            _ => None,
        }
    }
}

/// `name(…)` as the last part of the name and what is in the brackets.
pub fn called(value: &Expr) -> Option<(&str, Given<'_>)> {
    let Expr::Call(call) = value else { return None };
    let name = match &*call.func {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return None,
    };
    Some((name, Given(Some(&call.arguments))))
}

/// `Column` of `sa.Column`, `list` of `list[str]`.
pub fn last_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Name(name) => Some(name.id.to_string()),
        Expr::Attribute(attribute) => Some(attribute.attr.to_string()),
        Expr::Subscript(subscript) => last_name(&subscript.value),
        _ => None,
    }
}
