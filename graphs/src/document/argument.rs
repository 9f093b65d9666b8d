//! Arguments of a graph: `"steps": Int(default: 30, min: 1, max: 100, doc: "..")`.

use super::fields::{Fields, Problems};
use super::read;
use crate::problem::{Code, Problem};
use crate::source::{Span, Spanned};
use crate::suggest;
use crate::syntax::{self, Kind};
use selfsame_sdk::{InputPort, Range, Type, Widget};

/// Extensions of the pictures that an `Image` argument names.
const IMAGE_EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// An argument of a graph.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its name: `--set name=value`, `Arg("name")`, and the name of the input when the graph is used as a node.
    pub name: Spanned<String>,
    /// How the file declares it.
    pub kind: ArgKind,
    /// What it takes, in the words of a node's input.
    pub port: InputPort,
    /// Where its default stands, or its declaration if there is none.
    pub default_span: Span,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident,)*) => {
        /// How a graph file declares an argument. All but [`Input`](Self::Input) can be set by `--set`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ArgKind {
            $($(#[doc = $doc])+ $kind,)*
        }

        impl ArgKind {
            /// Every kind.
            pub const ALL: &'static [ArgKind] = &[$(ArgKind::$kind),*];

            /// Its name in the file.
            pub fn name(self) -> &'static str {
                match self {
                    $(ArgKind::$kind => stringify!($kind),)*
                }
            }
        }
    };
}

kinds! {
    /// An INT: `default`, `min`, `max`, `step`, `unit`.
    Int,
    /// A FLOAT: `default`, `min`, `max`, `step`, `unit`.
    Float,
    /// A BOOL: `default`.
    Bool,
    /// A STRING: `default`, `multiline`.
    Text,
    /// An INT of 64 bits: `default`.
    Seed,
    /// A STRING out of `choices`: `default`.
    Choice,
    /// A STRING `#rrggbb`: `default`.
    Color,
    /// A STRING that names a picture: `default`.
    Image,
    /// A STRING that names a file: `default`, `extensions`.
    File,
    /// A STRING that names a folder: `default`.
    Folder,
    /// A STRING that names a model in the model folders of a kind: `folder`, `default`.
    Model,
    /// A value of any `type`, which a graph that uses this one links: `optional`, `default`.
    Input,
}

impl ArgKind {
    fn named(name: &str) -> Option<ArgKind> {
        ArgKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Argument {
    /// An argument that is declared by hand. The port's name is the argument's.
    pub fn new(kind: ArgKind, port: InputPort) -> Self {
        Argument { name: Spanned::from(port.name.clone()), kind, port, default_span: Span::default() }
    }
}

/// Reads one declaration.
pub(super) fn read(name: Spanned<String>, value: &syntax::Value, problems: &mut Problems) -> Argument {
    // What cannot be read takes anything, so that its uses are no further problem.
    let anything = |name: Spanned<String>| {
        let port = InputPort::new(&name.value, Type::Any).optional();
        Argument { default_span: value.span, name, kind: ArgKind::Input, port }
    };
    let group = match &value.kind {
        Kind::Group(syntax::Group { name: Some(kind), .. }) => Some(kind.value.as_str()),
        Kind::Word(word) => Some(word.as_str()),
        _ => None,
    };
    let what = format!("argument `{}`", name.value);
    let Some(kind_name) = group else {
        problems.wrong_form(value, &what, "a declaration like Int(default: 30)");
        return anything(name);
    };
    let Some(kind) = ArgKind::named(kind_name) else {
        let kinds = ArgKind::ALL.iter().map(|kind| kind.name());
        let problem = Problem::new(Code::WrongForm, format!("{what} is of an unknown kind `{kind_name}`"));
        problems.add(read::name_span(value), problem.hint(suggest::hint(kind_name, "kind", kinds)));
        return anything(name);
    };
    let empty = syntax::Group { name: None, brackets: syntax::Brackets::Round, items: Vec::new(), tail: Vec::new() };
    let group = value.as_group(syntax::Brackets::Round).unwrap_or(&empty);
    let mut fields = Fields::of(group, what.clone(), problems);
    let mut port = InputPort::new(&name.value, Type::STRING);
    port.doc = fields.string("doc", problems).unwrap_or_default();
    kind_fields(kind, &mut port, &mut fields, value.span, problems);

    let mut default_span = value.span;
    if let Some(default) = fields.take("default") {
        default_span = default.span;
        let literal = read::value(default, &what, problems);
        match literal.as_literal() {
            Some(literal) => match literal.for_type(&port.value_type()) {
                Ok(literal) => {
                    if let Err(wrong) = port.check_value(&literal) {
                        problems.add(default.span, Problem::of_value(&format!("the default of {what}"), wrong));
                    }
                    port.default = Some(literal);
                }
                Err(mismatch) => {
                    problems.add(default.span, Problem::of_literal(&what, mismatch));
                }
            },
            None if matches!(literal, super::Value::Unreadable) => {}
            None => problems.wrong_form(default, &format!("the default of {what}"), "a literal"),
        }
    }
    fields.finish(problems);
    check_soundness(&port, &what, value.span, problems);
    Argument { name, kind, port, default_span }
}

/// The fields that only some kinds have.
fn kind_fields(kind: ArgKind, port: &mut InputPort, fields: &mut Fields, span: Span, problems: &mut Problems) {
    let mut missing = None;
    match kind {
        ArgKind::Int | ArgKind::Float => {
            port.ty = if kind == ArgKind::Int { Type::INT } else { Type::FLOAT };
            port.hard = Range { min: fields.number("min", problems), max: fields.number("max", problems) };
            port.step = fields.number("step", problems);
            port.unit = fields.string("unit", problems);
        }
        ArgKind::Bool => port.ty = Type::BOOL,
        ArgKind::Text => {
            let multiline = fields.bool("multiline", problems).unwrap_or(false);
            port.widget = if multiline { Widget::Multiline } else { Widget::Text };
        }
        ArgKind::Seed => {
            port.ty = Type::INT;
            port.widget = Widget::Seed;
        }
        ArgKind::Choice => {
            let choices = fields.strings("choices", problems);
            missing = choices.as_ref().is_none_or(Vec::is_empty).then_some("choices");
            port.choices = choices.unwrap_or_default().into_iter().map(|choice| choice.value).collect();
            port.widget = Widget::Combo;
        }
        ArgKind::Color => port.widget = Widget::Color,
        ArgKind::Image => {
            port.widget = Widget::File { extensions: IMAGE_EXTENSIONS.map(str::to_owned).to_vec() };
        }
        ArgKind::File => {
            let extensions = fields.strings("extensions", problems).unwrap_or_default();
            port.widget = Widget::File { extensions: extensions.into_iter().map(|e| e.value).collect() };
        }
        ArgKind::Folder => port.widget = Widget::Folder,
        ArgKind::Model => {
            let folder = fields.string("folder", problems);
            missing = folder.is_none().then_some("folder");
            port.widget = Widget::Model { folder: folder.unwrap_or_default() };
        }
        ArgKind::Input => {
            port.ty = Type::Any;
            port.optional = fields.bool("optional", problems).unwrap_or(false);
            match fields.take("type").map(|value| (value, value.as_str().map(str::parse::<Type>))) {
                Some((_, Some(Ok(ty)))) => {
                    let typed = InputPort::new("", ty);
                    (port.ty, port.list) = (typed.ty, typed.list);
                }
                Some((value, Some(Err(error)))) => {
                    problems.add(value.span, Problem::new(Code::WrongForm, error.to_string()));
                }
                Some((value, None)) => problems.wrong_form(value, "`type`", "a string like \"IMAGE\""),
                None => missing = Some("type"),
            }
        }
    }
    if let Some(field) = missing {
        let message = format!("argument `{}` of kind {} has no `{field}`", port.name, kind.name());
        problems.add(span, Problem::new(Code::MissingField, message));
    }
}

/// What contradicts itself within one declaration.
fn check_soundness(port: &InputPort, what: &str, span: Span, problems: &mut Problems) {
    let mut contradiction = |message: String| problems.add(span, Problem::new(Code::WrongForm, message));
    if port.optional && port.default.is_some() {
        contradiction(format!("{what} is optional and has a default, which would always be there"));
    }
    if let Range { min: Some(min), max: Some(max) } = port.hard
        && min > max
    {
        contradiction(format!("{what} allows nothing: `min` {min} is above `max` {max}"));
    }
    if port.step.is_some_and(|step| step <= 0.0) {
        contradiction(format!("{what} has a `step` that is not above 0"));
    }
}
