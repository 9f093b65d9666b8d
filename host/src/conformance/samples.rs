//! Values that are made up for the inputs of a node.

use selfsame_sdk::{Image, InputPort, Latent, Literal, Mask, NodeDescriptor, Slot, Tensor, Type, Value, Widget};
use std::path::Path;

/// A set of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    /// Defaults, and small pictures.
    Usual,
    /// The lowest numbers that are allowed, pictures of one pixel, empty texts.
    Least,
    /// Pictures with alpha, several in a batch; the last choice; what is optional is set.
    Rich,
}

impl Samples {
    pub const ALL: [Samples; 3] = [Samples::Usual, Samples::Least, Samples::Rich];

    /// What they are, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            Samples::Usual => "with defaults and small pictures",
            Samples::Least => "with the lowest numbers and pictures of one pixel",
            Samples::Rich => "with several pictures and everything that is optional",
        }
    }

    /// A slot for each input; else what there is no value for.
    pub fn slots(self, node: &NodeDescriptor, folder: &Path) -> Result<Vec<Slot>, String> {
        let slot = |port: &InputPort| {
            if port.optional && self != Samples::Rich {
                return Ok(Slot::Unset);
            }
            match (self.value(port, folder), port.optional) {
                (Some(value), _) => Ok(Slot::Value(value)),
                (None, true) => Ok(Slot::Unset),
                (None, false) => Err(format!("there is no sample of {} for input `{}`", port.value_type(), port.name)),
            }
        };
        node.inputs.iter().map(slot).collect()
    }

    fn value(self, port: &InputPort, folder: &Path) -> Option<Value> {
        if let Some(default) = port.default.as_ref().filter(|_| self != Samples::Least) {
            return Some(Value::from(&default.for_type(&port.value_type()).ok()?));
        }
        let one = self.one(port, folder)?;
        if !port.list {
            return Some(one);
        }
        let count = if self == Samples::Rich { 3 } else { 1 };
        Some(Value::list(std::iter::repeat_n(one, count)))
    }

    fn one(self, port: &InputPort, folder: &Path) -> Option<Value> {
        let choice = if self == Samples::Rich { port.choices.last() } else { port.choices.first() };
        match (&port.widget, choice) {
            (_, Some(choice)) => Some(text(choice)),
            (Widget::File { extensions }, _) => Some(text(&file(extensions, folder)?)),
            (Widget::Folder, _) => Some(text(&folder.to_string_lossy())),
            (Widget::Color, _) => Some(text("#336699")),
            (Widget::Model { .. }, _) => None,
            _ => port.ty.members().iter().find_map(|ty| self.of_type(ty, port)),
        }
    }

    fn of_type(self, ty: &Type, port: &InputPort) -> Option<Value> {
        let least = port.hard.min.unwrap_or(0.0);
        let number =
            if self == Samples::Least { least } else { port.hard.max.unwrap_or(3.0).clamp(least, least + 3.0) };
        let dims = match self {
            Samples::Usual => [1, 4, 6, 3],
            Samples::Least => [1, 1, 1, 1],
            Samples::Rich => [2, 5, 3, 4],
        };
        Some(match ty {
            ty if *ty == Type::BOOL => Value::Bool(self == Samples::Rich),
            ty if *ty == Type::INT => Value::Int(number as i64),
            ty if *ty == Type::FLOAT => Value::Float(number),
            ty if *ty == Type::STRING => text(if self == Samples::Least { "" } else { "sample" }),
            ty if *ty == Type::IMAGE => Value::object(Image::new(dims, values(dims.iter().product())).ok()?),
            ty if *ty == Type::MASK => {
                Value::object(Mask::new([dims[0], dims[1], dims[2]], values(dims[..3].iter().product())).ok()?)
            }
            ty if *ty == Type::LATENT => {
                let dims = [dims[0], 4, dims[1], dims[2]];
                Value::object(Latent::new(Tensor::new(dims, values(dims.iter().product())).ok()?).ok()?)
            }
            Type::Any => Value::Int(3),
            Type::List(element) => Value::list([self.of_type(element, port)?]),
            _ => return None,
        })
    }
}

/// A small file of a kind that anybody can make.
fn file(extensions: &[String], folder: &Path) -> Option<String> {
    let is = |wanted: &str| extensions.iter().any(|extension| extension == wanted);
    if !extensions.is_empty() && !is("txt") {
        return None;
    }
    let path = folder.join("sample.txt");
    std::fs::write(&path, "1 2 3\n").ok()?;
    Some(path.display().to_string())
}

fn text(text: &str) -> Value {
    Value::from(&Literal::from(text))
}

/// Values from 0 to 1 that differ from their neighbours.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7 % 11) as f32 / 10.0).collect()
}
