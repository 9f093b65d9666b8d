//! RON as written: a tree that keeps every place, every comment and the spelling of every literal.
//!
//! The `ron` crate reads values into types, and drops comments, places and the names of structs on the way. Here these
//! are what matters, so this module reads the part of RON that graphs use by itself: identifiers (raw ones too),
//! structs, tuples, maps, lists, integers, floats, strings and comments. Everything read here is RON: tests compare
//! with the `ron` crate.
//!
//! Not taken are characters, byte strings, number suffixes (`1i32`), infinities, extension attributes, and
//! identifiers with letters beyond ASCII. Graphs have no use for them.

mod parser;
mod recover;
#[cfg(test)]
mod recover_tests;
mod scalar;
#[cfg(test)]
mod tests;
mod trivia;

pub(crate) use parser::parse;
pub(crate) use scalar::spell_identifier;

use crate::source::{Span, Spanned};
use selfsame_sdk::Literal;

/// A file: one value and the comments around it.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub lead: Vec<Comment>,
    /// Whether a blank line stands between the comments and the value.
    pub blank_before: bool,
    pub value: Value,
    pub tail: Vec<Comment>,
}

#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub span: Span,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A literal and how it was spelled.
    Scalar { literal: Literal, spelling: String },
    /// An identifier alone.
    Word(String),
    /// Anything in brackets.
    Group(Group),
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The identifier before round brackets.
    pub name: Option<Spanned<String>>,
    pub brackets: Brackets,
    pub items: Vec<Item>,
    /// Comments between the last item and the closing bracket.
    pub tail: Vec<Comment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brackets {
    /// `( )`: fields, each with a name, or the values of a tuple, none with a name.
    Round,
    /// `[ ]`: values.
    Square,
    /// `{ }`: entries, each with a value as its key.
    Curly,
}

/// What stands between two commas.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Comments before it.
    pub lead: Vec<Comment>,
    /// Whether a blank line stands between it and what precedes it.
    pub blank_before: bool,
    pub key: Option<Key>,
    pub value: Value,
    /// Comments after it on its line, with a space between two.
    pub trail: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Key {
    Name(Spanned<String>),
    /// Always a literal.
    Value(Value),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    /// With its `//` or `/* */`, without spaces at the end.
    pub text: String,
    pub blank_before: bool,
}

/// Why a text is not RON, or not the part of it that graphs use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub span: Span,
    pub message: String,
    pub hint: Option<String>,
}

impl Brackets {
    pub fn open(self) -> char {
        match self {
            Brackets::Round => '(',
            Brackets::Square => '[',
            Brackets::Curly => '{',
        }
    }

    pub fn close(self) -> char {
        match self {
            Brackets::Round => ')',
            Brackets::Square => ']',
            Brackets::Curly => '}',
        }
    }
}

// Trees made by hand, by the writer and by migrations.
impl Value {
    pub fn literal(literal: &Literal) -> Value {
        match literal {
            Literal::List(items) => {
                Value::group(None, Brackets::Square, items.iter().map(|i| (None, Value::literal(i))))
            }
            scalar => Value::new(Kind::Scalar { literal: scalar.clone(), spelling: scalar.to_string() }),
        }
    }

    pub fn group(
        name: Option<&str>,
        brackets: Brackets,
        items: impl IntoIterator<Item = (Option<Key>, Value)>,
    ) -> Value {
        let items = items
            .into_iter()
            .map(|(key, value)| Item { lead: Vec::new(), blank_before: false, key, value, trail: None })
            .collect();
        Value::new(Kind::Group(Group { name: name.map(Spanned::from), brackets, items, tail: Vec::new() }))
    }

    fn new(kind: Kind) -> Value {
        Value { span: Span::default(), kind }
    }

    pub fn as_group(&self, brackets: Brackets) -> Option<&Group> {
        match &self.kind {
            Kind::Group(group) if group.brackets == brackets => Some(group),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { literal: Literal::Str(text), .. } => Some(text),
            _ => None,
        }
    }

    /// What it is, in words.
    pub fn in_words(&self) -> String {
        match &self.kind {
            Kind::Scalar { literal, .. } => literal.in_words(),
            Kind::Word(word) => format!("the word `{word}`"),
            Kind::Group(Group { name: Some(name), .. }) => format!("`{}(...)`", name.value),
            Kind::Group(Group { brackets: Brackets::Round, .. }) => "`(...)`".to_owned(),
            Kind::Group(Group { brackets: Brackets::Square, .. }) => "a list".to_owned(),
            Kind::Group(Group { brackets: Brackets::Curly, .. }) => "a map `{...}`".to_owned(),
        }
    }
}
