//! Inputs and outputs of a node.

use crate::{Literal, Type};
use serde::{Deserialize, Serialize};
use std::ops::{RangeFrom, RangeInclusive, RangeToInclusive};

/// One input of a node: what it takes, and what a person must know to set it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputPort {
    /// The stable key by which graphs set it: `guidance_scale`.
    pub name: String,
    /// Former names; graphs that use them still load.
    pub aliases: Vec<String>,
    /// The type of the value; with [`list`](Self::list), of one element.
    pub ty: Type,
    /// What it does, with shapes and units. Markdown.
    pub doc: String,
    /// The value when the graph sets none. An input without one must be set, unless it is [`optional`](Self::optional).
    pub default: Option<Literal>,
    /// The node also works without a value. Such an input has no default.
    pub optional: bool,
    /// What feeds it is computed only if the node asks for it while it runs.
    pub lazy: bool,
    /// It takes `LIST<ty>` whole, and a graph may give several links: `[Out("a.image"), Out("b.image")]`. A list that
    /// arrives at an input without this flag runs the node once for each element.
    pub list: bool,
    /// Numbers beyond these bounds are errors.
    pub hard: Range,
    /// The bounds of a slider; numbers beyond them are unusual, not wrong.
    pub soft: Range,
    /// How far one click moves the number.
    pub step: Option<f64>,
    /// The unit of the number: `px`, `s`, `deg`.
    pub unit: Option<String>,
    /// The only strings it takes, if there are any here.
    pub choices: Vec<String>,
    /// How a person sets it.
    pub widget: Widget,
}

impl Default for InputPort {
    fn default() -> Self {
        InputPort::new("", Type::Any)
    }
}

impl InputPort {
    /// An input that must be set. A `LIST<T>` becomes an input of `T` with [`list`](Self::list) set.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        let (ty, list) = match ty {
            Type::List(element) => (*element, true),
            ty => (ty, false),
        };
        InputPort {
            name: name.into(),
            aliases: Vec::new(),
            ty,
            doc: String::new(),
            default: None,
            optional: false,
            lazy: false,
            list,
            hard: Range::default(),
            soft: Range::default(),
            step: None,
            unit: None,
            choices: Vec::new(),
            widget: Widget::default(),
        }
    }

    /// What it does.
    pub fn doc(mut self, doc: impl Into<String>) -> Self {
        self.doc = doc.into();
        self
    }

    /// A former name.
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(name.into());
        self
    }

    /// The value when the graph sets none.
    pub fn default(mut self, value: impl Into<Literal>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// Works without a value too.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Computed only when asked for.
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// Bounds beyond which a number is an error.
    pub fn hard(mut self, range: impl Into<Range>) -> Self {
        self.hard = range.into();
        self
    }

    /// Bounds of the slider.
    pub fn soft(mut self, range: impl Into<Range>) -> Self {
        self.soft = range.into();
        self
    }

    /// How far one click moves the number.
    pub fn step(mut self, step: f64) -> Self {
        self.step = Some(step);
        self
    }

    /// The unit of the number.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// The only strings it takes.
    pub fn choices<C: Into<String>>(mut self, choices: impl IntoIterator<Item = C>) -> Self {
        self.choices = choices.into_iter().map(Into::into).collect();
        self
    }

    /// How a person sets it.
    pub fn widget(mut self, widget: Widget) -> Self {
        self.widget = widget;
        self
    }

    /// The type of the value that arrives: `LIST<ty>` for a list input.
    pub fn value_type(&self) -> Type {
        if self.list { Type::list(self.ty.clone()) } else { self.ty.clone() }
    }

    /// Whether a graph has to set it.
    pub fn is_required(&self) -> bool {
        !self.optional && self.default.is_none()
    }
}

/// One output of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputPort {
    /// The stable key by which graphs link it: `image`.
    pub name: String,
    /// Former names; graphs that use them still load.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The type of the value.
    pub ty: Type,
    /// What it is, with shapes and units. Markdown.
    #[serde(default)]
    pub doc: String,
}

impl OutputPort {
    /// An output.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        OutputPort { name: name.into(), aliases: Vec::new(), ty, doc: String::new() }
    }

    /// What it is.
    pub fn doc(mut self, doc: impl Into<String>) -> Self {
        self.doc = doc.into();
        self
    }

    /// A former name.
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(name.into());
        self
    }
}

/// Bounds of a number; a missing one is no bound. Both ends belong to the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The smallest number.
    pub min: Option<f64>,
    /// The largest number.
    pub max: Option<f64>,
}

impl Range {
    /// Whether `x` lies within.
    pub fn contains(&self, x: f64) -> bool {
        self.min.is_none_or(|min| x >= min) && self.max.is_none_or(|max| x <= max)
    }

    /// Whether there is any bound.
    pub fn is_bounded(&self) -> bool {
        self.min.is_some() || self.max.is_some()
    }
}

/// In words, for messages: `between 1 and 8`.
impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "between {min} and {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("any number"),
        }
    }
}

macro_rules! range_from {
    ($($number:ty),*) => {$(
        impl From<RangeInclusive<$number>> for Range {
            fn from(range: RangeInclusive<$number>) -> Self {
                Range { min: Some(*range.start() as f64), max: Some(*range.end() as f64) }
            }
        }

        impl From<RangeFrom<$number>> for Range {
            fn from(range: RangeFrom<$number>) -> Self {
                Range { min: Some(range.start as f64), max: None }
            }
        }

        impl From<RangeToInclusive<$number>> for Range {
            fn from(range: RangeToInclusive<$number>) -> Self {
                Range { min: None, max: Some(range.end as f64) }
            }
        }
    )*};
}
range_from!(f64, i32, i64);

/// How a person sets an input. It also says what a STRING means: a file, a model, a colour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Widget {
    /// What the type suggests: a number field, a toggle, a line of text, a combo box if there are choices.
    #[default]
    Auto,
    /// No widget: only links.
    None,
    /// A number field.
    Number,
    /// A slider over the soft range.
    Slider,
    /// On or off.
    Toggle,
    /// One of the choices.
    Combo,
    /// One line of text.
    Text,
    /// Several lines of text.
    Multiline,
    /// An INT of 64 random bits, 0 to 2^64-1. Values from 2^63 on travel as the negative i64 of the same bits.
    Seed,
    /// A STRING `#rrggbb` or `#rrggbbaa`.
    Color,
    /// A STRING that names an existing file.
    File {
        /// Extensions without the dot, lower case; none means any file.
        extensions: Vec<String>,
    },
    /// A STRING that names an existing folder.
    Folder,
    /// A STRING that names a model file in one of the model folders of a kind.
    Model {
        /// The kind of folder: `checkpoints`, `loras`, `controlnet`.
        folder: String,
    },
}
