//! How often a node runs, and on what: a list that meets an input of single values is a call for each element.

use super::prepare::{PreparedNode, Source};
use crate::cache::{Ref, RefList};
use selfsame_sdk::{Error, InputPort, Literal, Type, Value, Widget};
use std::sync::Arc;

/// The most calls of one node, so that lists of lists of lists do not fill any memory.
const MAX_CALLS: usize = 1_000_000;

/// What an input of a call is given.
#[derive(Clone, Debug)]
pub(super) enum SlotRef {
    Given(Ref),
    Unset,
    Pending,
}

/// The calls of a node, and how their outputs become those of the node.
pub(super) struct Calls {
    pub calls: Vec<Vec<SlotRef>>,
    shape: Shape,
    /// For each port, whether its value is the same for every call.
    whole: Vec<bool>,
}

enum Shape {
    Call(usize),
    List(Vec<Shape>),
}

impl Calls {
    /// `outputs` gives the outputs of a node; `asked` are the lazy inputs that are known.
    ///
    /// # Errors
    /// If a value does not fit its input, or lists of different lengths meet.
    pub fn new(
        node: &PreparedNode,
        asked: &[usize],
        outputs: &dyn Fn(usize, usize) -> Option<Ref>,
    ) -> Result<Calls, Error> {
        let ports = &node.node_type.descriptor().inputs;
        let mut slots = Vec::with_capacity(ports.len());
        for (i, (port, input)) in ports.iter().zip(&node.inputs).enumerate() {
            slots.push(match input {
                None => SlotRef::Unset,
                Some(Source::Output { .. } | Source::List(_)) if port.lazy && !asked.contains(&i) => SlotRef::Pending,
                Some(source) => {
                    let value =
                        resolve(source, outputs).ok_or_else(|| Error::input(&port.name, "it was not computed"))?;
                    SlotRef::Given(if port.list { without_nothing(port, as_list(value)) } else { value })
                }
            });
        }
        // What is not gone through element by element is the same for every call.
        for (port, slot) in ports.iter().zip(&mut slots) {
            if let SlotRef::Given(value) = slot
                && !matches!(value, Ref::List(list) if !takes_whole(port, list))
            {
                *value = fit(port, value)?;
            }
        }
        let mut calls = Calls { calls: Vec::new(), shape: Shape::List(Vec::new()), whole: Vec::new() };
        calls.whole = ports.iter().zip(&slots).map(|(port, slot)| is_whole(port, slot)).collect();
        calls.shape = calls.split(ports, slots)?;
        Ok(calls)
    }

    fn split(&mut self, ports: &[InputPort], mut slots: Vec<SlotRef>) -> Result<Shape, Error> {
        let mut length: Option<(usize, &str)> = None;
        let mut mapped = Vec::new();
        for (i, (port, slot)) in ports.iter().zip(&slots).enumerate() {
            let SlotRef::Given(Ref::List(list)) = slot else { continue };
            if self.whole.get(i) == Some(&true) || takes_whole(port, list) {
                continue;
            }
            mapped.push(i);
            match (length, list.items.len()) {
                (None, new) => length = Some((new, &port.name)),
                (Some((known, _)), new) if known == new || new == 1 => {}
                (Some((1, _)), new) => length = Some((new, &port.name)),
                (Some((known, other)), new) => {
                    let message = format!("a list of {new} values meets a list of {known} at input `{other}`");
                    return Err(Error::input(&port.name, message)
                        .hint("lists that are gone through together need one length, or a single element"));
                }
            }
        }
        let Some((length, _)) = length else {
            for ((port, slot), whole) in ports.iter().zip(&mut slots).zip(&self.whole) {
                if let (SlotRef::Given(value), false) = (slot, whole) {
                    *value = fit(port, value)?;
                }
            }
            if self.calls.len() >= MAX_CALLS {
                return Err(Error::new(format!("the node would run more than {MAX_CALLS} times")));
            }
            self.calls.push(slots);
            return Ok(Shape::Call(self.calls.len() - 1));
        };
        let element = |i: usize| {
            let mut slots = slots.clone();
            for port in &mapped {
                if let Some(SlotRef::Given(value)) = slots.get_mut(*port)
                    && let Ref::List(list) = value
                {
                    let item = list.items.get(i).or(list.items.last());
                    *value = item.cloned().unwrap_or(Ref::Missing);
                }
            }
            slots
        };
        (0..length).map(|i| self.split(ports, element(i))).collect::<Result<_, _>>().map(Shape::List)
    }

    /// Whether there is one call for each element of a list.
    pub fn is_mapped(&self) -> bool {
        matches!(self.shape, Shape::List(_))
    }

    /// The outputs of the node from those of all calls.
    pub fn assemble(&self, outputs: usize, of_call: &dyn Fn(usize) -> Option<Arc<[Ref]>>) -> Vec<Ref> {
        (0..outputs).map(|output| assemble(&self.shape, output, of_call)).collect()
    }
}

fn assemble(shape: &Shape, output: usize, of_call: &dyn Fn(usize) -> Option<Arc<[Ref]>>) -> Ref {
    match shape {
        Shape::Call(call) => of_call(*call).and_then(|refs| refs.get(output).cloned()).unwrap_or(Ref::Missing),
        Shape::List(items) => Ref::list(items.iter().map(|item| assemble(item, output, of_call)).collect()),
    }
}

/// What a source gives, if that is known.
pub(super) fn resolve(source: &Source, outputs: &dyn Fn(usize, usize) -> Option<Ref>) -> Option<Ref> {
    match source {
        Source::Literal(literal) => Some(literal.clone()),
        Source::Output { node, output } => outputs(*node, *output),
        Source::List(items) => {
            items.iter().map(|item| resolve(item, outputs)).collect::<Option<Vec<_>>>().map(Ref::list)
        }
    }
}

fn as_list(value: Ref) -> Ref {
    match value {
        Ref::List(_) => value,
        one => Ref::list(vec![one]),
    }
}

/// A list without the elements that are nothing, where the others are values and no list is taken as one.
fn without_nothing(port: &InputPort, value: Ref) -> Ref {
    let Ref::List(list) = &value else { return value };
    let is_nothing = |item: &Ref| matches!(item, Ref::List(list) if list.items.is_empty());
    let is_value = |item: &Ref| !matches!(item, Ref::List(_));
    let takes_lists = port.ty.members().iter().any(|ty| matches!(ty, Type::Any | Type::List(_)));
    if takes_lists || !list.items.iter().any(is_value) || !list.items.iter().any(is_nothing) {
        return value;
    }
    Ref::list(list.items.iter().filter(|item| !is_nothing(item)).cloned().collect())
}

/// Whether the value of an input goes into every call as it is.
fn is_whole(port: &InputPort, slot: &SlotRef) -> bool {
    match slot {
        SlotRef::Given(Ref::List(list)) => takes_whole(port, list),
        _ => true,
    }
}

/// Whether an input takes a list as it is. One that takes lists, but no lists of lists, takes those one by one.
fn takes_whole(port: &InputPort, list: &Arc<RefList>) -> bool {
    let takes_lists = port.list || port.ty.members().iter().any(|ty| matches!(ty, Type::Any | Type::List(_)));
    let has_only_lists = !list.items.is_empty() && list.items.iter().all(|item| matches!(item, Ref::List(_)));
    takes_lists && (!has_only_lists || fit_type(&port.value_type(), &Ref::List(list.clone())).is_ok())
}

/// The value as its input takes it: checked, and an INT as a FLOAT where one is wanted.
fn fit(port: &InputPort, value: &Ref) -> Result<Ref, Error> {
    let wanted = port.value_type();
    let fitted =
        fit_type(&wanted, value).map_err(|got| Error::input(&port.name, format!("expected {wanted}, got {got}")))?;
    if port.hard.is_bounded() || !port.choices.is_empty() || port.widget == Widget::Color {
        check_bounds(port, &fitted)?;
    }
    Ok(fitted)
}

/// What the validator checks of a literal, for a value that comes from another node.
fn check_bounds(port: &InputPort, value: &Ref) -> Result<(), Error> {
    let literal = match value {
        Ref::List(list) => return list.items.iter().try_for_each(|item| check_bounds(port, item)),
        Ref::Scalar(Value::Int(i)) if port.widget != Widget::Seed => Literal::Int((*i).into()),
        Ref::Scalar(Value::Float(x)) => Literal::Float(*x),
        Ref::Scalar(Value::Text(text)) => Literal::Str(text.as_ref().to_owned()),
        _ => return Ok(()),
    };
    port.check_value(&literal).map_err(|problem| Error::input(&port.name, problem.to_string()))
}

fn fit_type(wanted: &Type, value: &Ref) -> Result<Ref, String> {
    let members = wanted.members();
    if members.contains(&Type::Any) {
        return Ok(value.clone());
    }
    match value {
        Ref::Missing => Ok(Ref::Missing),
        Ref::Scalar(scalar) => {
            let ty = scalar.ty();
            match scalar {
                _ if members.contains(&ty) => Ok(value.clone()),
                Value::Int(i) if members.contains(&Type::FLOAT) => {
                    let float = *i as f64;
                    if float as i64 == *i && *i != i64::MAX {
                        Ok(Ref::Scalar(Value::Float(float)))
                    } else {
                        Err(format!("the integer {i}, which no FLOAT holds exactly"))
                    }
                }
                other => Err(format!("{ty} ({other})")),
            }
        }
        Ref::Object(object) => {
            let is_it = |ty: &Type| matches!(ty, Type::Named(name) if **name == *object.type_name);
            if members.iter().any(is_it) { Ok(value.clone()) } else { Err(object.type_name.clone()) }
        }
        Ref::List(list) => {
            let mut reason = "a list".to_owned();
            for element in members.iter().filter_map(Type::element) {
                let mut changed = false;
                let fitted = list.items.iter().map(|item| {
                    let fitted = fit_type(element, item)?;
                    changed |= matches!((item, &fitted), (Ref::Scalar(Value::Int(_)), Ref::Scalar(Value::Float(_))));
                    Ok(fitted)
                });
                match fitted.collect::<Result<Vec<_>, String>>() {
                    Ok(_) if !changed => return Ok(value.clone()),
                    Ok(items) => return Ok(Ref::list(items)),
                    Err(got) => reason = format!("a list with {got}"),
                }
            }
            Err(reason)
        }
    }
}
