//! Named fields, each of which is taken once; what is left over is unknown.

use crate::problem::{Code, Problem};
use crate::source::{Source, Span, Spanned};
use crate::suggest;
use crate::syntax::{Brackets, Group, Key, Kind, Value};
use selfsame_sdk::Literal;

/// Collects problems in a file.
pub(super) struct Problems<'a> {
    pub source: &'a Source,
    pub found: Vec<Problem>,
}

impl Problems<'_> {
    pub fn add(&mut self, span: Span, problem: Problem) {
        self.found.push(problem.at(self.source, span));
    }

    /// Something else stands where the format wants `expected`.
    pub fn wrong_form(&mut self, value: &Value, what: &str, expected: &str) {
        let problem = Problem::new(Code::WrongForm, format!("{what} is not {expected}"));
        self.add(value.span, problem.got(value.in_words()));
    }
}

/// The fields of `Name(a: .., b: ..)`.
pub(super) struct Fields<'t> {
    /// What messages call their owner.
    what: String,
    fields: Vec<(&'t Spanned<String>, &'t Value)>,
    /// All field names that were asked for, to tell the nearest one.
    known: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// The fields of a group; a tuple is reported, as are fields that are set twice.
    pub fn of(group: &'t Group, what: String, problems: &mut Problems) -> Fields<'t> {
        let mut fields: Vec<(&Spanned<String>, &Value)> = Vec::new();
        for item in &group.items {
            match &item.key {
                Some(Key::Name(name)) => match fields.iter().find(|(other, _)| other.value == name.value) {
                    Some((first, _)) => {
                        let message = format!("{what} sets `{}` twice", name.value);
                        let source = problems.source;
                        let problem = Problem::new(Code::DuplicateField, message);
                        problems.add(name.span, problem.related(source, first.span, "first set here"));
                    }
                    None => fields.push((name, &item.value)),
                },
                _ => {
                    let problem = Problem::new(Code::WrongForm, format!("{what} wants its values by name"));
                    problems.add(item.value.span, problem.hint("write name: value".to_owned()));
                    break;
                }
            }
        }
        Fields { what, fields, known: Vec::new() }
    }

    /// The value of a field.
    pub fn take(&mut self, name: &'static str) -> Option<&'t Value> {
        self.known.push(name);
        let at = self.fields.iter().position(|(field, _)| field.value == name)?;
        Some(self.fields.remove(at).1)
    }

    pub fn string(&mut self, name: &'static str, problems: &mut Problems) -> Option<String> {
        let value = self.take(name)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            problems.wrong_form(value, &format!("`{name}` of {}", self.what), "a string");
        }
        text
    }

    pub fn bool(&mut self, name: &'static str, problems: &mut Problems) -> Option<bool> {
        let value = self.take(name)?;
        if let Kind::Scalar { literal: Literal::Bool(b), .. } = value.kind {
            return Some(b);
        }
        problems.wrong_form(value, &format!("`{name}` of {}", self.what), "true or false");
        None
    }

    pub fn number(&mut self, name: &'static str, problems: &mut Problems) -> Option<f64> {
        let value = self.take(name)?;
        match value.kind {
            Kind::Scalar { literal: Literal::Int(i), .. } => Some(i as f64),
            Kind::Scalar { literal: Literal::Float(x), .. } => Some(x),
            _ => {
                problems.wrong_form(value, &format!("`{name}` of {}", self.what), "a number");
                None
            }
        }
    }

    pub fn strings(&mut self, name: &'static str, problems: &mut Problems) -> Option<Vec<Spanned<String>>> {
        let value = self.take(name)?;
        let items = value.as_group(Brackets::Square).and_then(|group| {
            let item = |value: &Value| value.as_str().map(|text| Spanned::new(text.to_owned(), value.span));
            group.items.iter().map(|i| item(&i.value)).collect::<Option<Vec<_>>>()
        });
        if items.is_none() {
            problems.wrong_form(value, &format!("`{name}` of {}", self.what), "a list of strings");
        }
        items
    }

    /// All fields that were not taken, in the order of the file.
    pub fn rest(self) -> Vec<(&'t Spanned<String>, &'t Value)> {
        self.fields
    }

    /// Reports all fields that were not taken.
    pub fn finish(self, problems: &mut Problems) {
        for (name, _) in &self.fields {
            let problem = Problem::new(Code::UnknownField, format!("{} has no field `{}`", self.what, name.value));
            problems.add(name.span, problem.hint(suggest::hint(&name.value, "field", self.known.iter().copied())));
        }
    }
}
