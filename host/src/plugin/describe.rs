//! Descriptors of the boundary as ours. Whether they make sense is checked when they are registered.

use selfsame_sdk::ffi::abi::{self, *};
use selfsame_sdk::ffi::{slice, text};
use selfsame_sdk::{
    Caps, Error, ErrorExt, InputPort, Literal, NodeDescriptor, OutputPort, Range, Result, Type, Widget,
};

/// The most inputs, or outputs, of a node.
const MAX_PORTS: u64 = 1000;
/// The most texts in a list, and the most values in a default.
const MAX_ITEMS: u64 = 100_000;
/// How deeply lists in a default may nest.
const MAX_DEPTH: usize = 16;
/// The most bytes of a text.
const MAX_TEXT: u64 = 1 << 20;

/// A descriptor; else the id, as far as it is known, and what is wrong.
///
/// # Safety
/// If the pointer is not null, it is that of a descriptor, which lives as long as the process.
pub unsafe fn read(descriptor: *const SsNodeDescriptor) -> Result<NodeDescriptor, (String, String)> {
    // SAFETY: the table starts with its size.
    unsafe {
        let id = abi::field!(descriptor, SsNodeDescriptor, id).ok_or_else(|| "it has no descriptor".to_owned());
        let id = id.and_then(|id| static_text(id).map_err(|error| format!("its id: {}", error.message)));
        let id = id.map_err(|problem| (String::new(), problem))?;
        node(descriptor, id).map_err(|error| (id.to_owned(), error.to_string()))
    }
}

/// # Safety
/// As for [`read`].
unsafe fn node(node: *const SsNodeDescriptor, id: &str) -> Result<NodeDescriptor> {
    macro_rules! field {
        ($field:ident) => {
            abi::field!(node, SsNodeDescriptor, $field)
                .ok_or_else(|| Error::new(concat!("the descriptor ends before `", stringify!($field), "`")))?
        };
    }
    macro_rules! words {
        ($read:ident, $field:ident) => {
            $read(field!($field)).context(|| concat!("its ", stringify!($field)).to_owned())?
        };
    }
    // SAFETY: the caller promises that everything is as the table says.
    unsafe {
        let name = words!(static_text, name);
        let title = words!(static_text, title);
        let deprecated = words!(static_text, deprecated);
        let flags = field!(flags);
        let has = |flag: u64| flags & flag != 0;
        Ok(NodeDescriptor {
            id: id.to_owned(),
            title: if title.is_empty() { name } else { title }.to_owned(),
            name: name.to_owned(),
            aliases: words!(owned, aliases),
            category: words!(static_text, category).to_owned(),
            doc: words!(static_text, doc).to_owned(),
            version: field!(version),
            search_terms: words!(owned, search_terms),
            deprecated: some(deprecated),
            inputs: ports("input", field!(inputs), field!(n_inputs), |port| input(port))?,
            outputs: ports("output", field!(outputs), field!(n_outputs), |port| output(port))?,
            deterministic: !has(SS_NODE_NOT_DETERMINISTIC),
            output_node: has(SS_NODE_OUTPUT),
            caps: Caps { cuda: has(SS_NODE_CUDA), stream: has(SS_NODE_STREAM), serial: has(SS_NODE_SERIAL) },
        })
    }
}

/// # Safety
/// As many pointers are there, each null or of a port.
unsafe fn ports<T, P>(
    what: &str,
    all: *const *const T,
    count: u64,
    read: impl Fn(*const T) -> Result<P>,
) -> Result<Vec<P>> {
    if count > MAX_PORTS {
        return Err(Error::new(format!("{count} {what}s, more than {MAX_PORTS}")));
    }
    // SAFETY: the caller promises it.
    let all = unsafe { slice(all, count) }?;
    let numbered = |(i, port): (usize, &*const T)| {
        read(*port).map_err(|error| Error::new(format!("{what} number {i}: {}", error.message)))
    };
    all.iter().enumerate().map(numbered).collect()
}

/// # Safety
/// The pointer is null or of a port, all of which lives as long as the process.
unsafe fn input(port: *const SsInputPort) -> Result<InputPort> {
    macro_rules! field {
        ($field:ident) => {
            abi::field!(port, SsInputPort, $field)
                .ok_or_else(|| Error::new(concat!("it ends before `", stringify!($field), "`")))?
        };
    }
    macro_rules! words {
        ($read:ident, $field:ident) => {
            $read(field!($field)).context(|| concat!("its ", stringify!($field)).to_owned())?
        };
    }
    // SAFETY: the caller promises that everything is as the table says.
    unsafe {
        let flags = field!(flags);
        let default = field!(default_value);
        let step = field!(step);
        let mut left = MAX_ITEMS;
        Ok(InputPort {
            name: words!(static_text, name).to_owned(),
            aliases: words!(owned, aliases),
            ty: words!(ty, type_name),
            doc: words!(static_text, doc).to_owned(),
            default: one(default)?.map(|default| literal(default, 0, &mut left)).transpose()?,
            optional: flags & SS_INPUT_OPTIONAL != 0,
            lazy: flags & SS_INPUT_LAZY != 0,
            list: flags & SS_INPUT_LIST != 0,
            hard: range(field!(hard))?,
            soft: range(field!(soft))?,
            step: (step != 0.0).then_some(step),
            unit: some(words!(static_text, unit)),
            choices: words!(owned, choices),
            widget: widget(field!(widget), words!(owned, widget_args)),
        })
    }
}

/// # Safety
/// The pointer is null or of a port, all of which lives as long as the process.
unsafe fn output(port: *const SsOutputPort) -> Result<OutputPort> {
    macro_rules! field {
        ($field:ident) => {
            abi::field!(port, SsOutputPort, $field)
                .ok_or_else(|| Error::new(concat!("it ends before `", stringify!($field), "`")))?
        };
    }
    macro_rules! words {
        ($read:ident, $field:ident) => {
            $read(field!($field)).context(|| concat!("its ", stringify!($field)).to_owned())?
        };
    }
    // SAFETY: the caller promises that everything is as the table says.
    unsafe {
        Ok(OutputPort {
            name: words!(static_text, name).to_owned(),
            aliases: words!(owned, aliases),
            ty: words!(ty, type_name),
            doc: words!(static_text, doc).to_owned(),
        })
    }
}

/// # Safety
/// The pointer is null or of a range.
unsafe fn range(range: *const SsRange) -> Result<Range> {
    // An infinite bound is none; NaN stays, to be found later.
    let bound = |x: f64| (!x.is_infinite()).then_some(x);
    // SAFETY: the caller promises it.
    let range = unsafe { one(range) }?;
    Ok(range.map_or(Range::default(), |range| Range { min: bound(range.min), max: bound(range.max) }))
}

/// What a pointer points at; none if it is null.
///
/// # Safety
/// The pointer is null or of such a value, which lives as long as the process.
unsafe fn one<T>(pointer: *const T) -> Result<Option<&'static T>> {
    // SAFETY: the caller promises it.
    Ok(unsafe { slice(pointer, u64::from(!pointer.is_null())) }?.first())
}

/// `left` is how many values more there may be: a list that contains itself is endless.
///
/// # Safety
/// What the literal points at is as it says.
unsafe fn literal(value: &SsLiteral, depth: usize, left: &mut u64) -> Result<Literal> {
    match value.tag {
        SS_LITERAL_BOOL => Ok(Literal::Bool(value.i != 0)),
        SS_LITERAL_INT => Ok(Literal::Int(value.i.into())),
        SS_LITERAL_UINT => Ok(Literal::Int((value.i as u64).into())),
        SS_LITERAL_FLOAT => Ok(Literal::Float(value.f)),
        // SAFETY: the caller promises it.
        SS_LITERAL_STRING => Ok(Literal::Str(unsafe { static_text(value.text) }?.to_owned())),
        SS_LITERAL_LIST if depth < MAX_DEPTH => {
            let too_many = || Error::new(format!("a default with more than {MAX_ITEMS} values"));
            *left = left.checked_sub(value.n_items).ok_or_else(too_many)?;
            // SAFETY: the caller promises it.
            let items = unsafe { slice(value.items, value.n_items) }?;
            // SAFETY: as above.
            items.iter().map(|item| unsafe { literal(item, depth + 1, left) }).collect::<Result<_>>().map(Literal::List)
        }
        SS_LITERAL_LIST => Err(Error::new(format!("a default with lists that are nested deeper than {MAX_DEPTH}"))),
        tag => Err(Error::new(format!("a default with the unknown tag {tag}"))),
    }
}

fn widget(kind: u32, mut arguments: Vec<String>) -> Widget {
    match kind {
        SS_WIDGET_NONE => Widget::None,
        SS_WIDGET_NUMBER => Widget::Number,
        SS_WIDGET_SLIDER => Widget::Slider,
        SS_WIDGET_TOGGLE => Widget::Toggle,
        SS_WIDGET_COMBO => Widget::Combo,
        SS_WIDGET_TEXT => Widget::Text,
        SS_WIDGET_MULTILINE => Widget::Multiline,
        SS_WIDGET_SEED => Widget::Seed,
        SS_WIDGET_COLOR => Widget::Color,
        SS_WIDGET_FILE => Widget::File { extensions: arguments },
        SS_WIDGET_FOLDER => Widget::Folder,
        SS_WIDGET_MODEL => Widget::Model { folder: arguments.pop().unwrap_or_default() },
        // One that is not known here is no reason to do without the node.
        _ => Widget::Auto,
    }
}

/// # Safety
/// The text lives as long as the process.
unsafe fn ty(name: SsStr) -> Result<Type> {
    // SAFETY: the caller promises it.
    unsafe { static_text(name) }?.parse().map_err(Error::from)
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// # Safety
/// The texts live as long as the process.
unsafe fn owned(all: SsStrs) -> Result<Vec<String>> {
    if all.len > MAX_ITEMS {
        return Err(Error::new(format!("a list of {} texts, more than {MAX_ITEMS}", all.len)));
    }
    // SAFETY: the caller promises it.
    let all = unsafe { slice(all.ptr, all.len) }?;
    // SAFETY: as above.
    all.iter().map(|one| unsafe { static_text(*one) }.map(str::to_owned)).collect()
}

/// A text of a description.
///
/// # Safety
/// It lives as long as the process.
pub unsafe fn static_text(words: SsStr) -> Result<&'static str> {
    if words.len > MAX_TEXT {
        return Err(Error::new(format!("a text of {} bytes, more than {MAX_TEXT}", words.len)));
    }
    // SAFETY: the caller promises it.
    unsafe { text(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_descriptor_that_comes_with_selfsame_survives_the_boundary() {
        for node in selfsame_nodes::all() {
            let described = selfsame_sdk::ffi::plugin::static_descriptor(node.descriptor());
            // SAFETY: it is a descriptor, which lives as long as the process.
            assert_eq!(unsafe { read(described) }.as_ref(), Ok(node.descriptor()));
        }
    }
}
