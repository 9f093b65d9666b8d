//! Descriptors as static data of the boundary.

use super::super::abi::*;
use crate::{InputPort, Literal, NodeDescriptor, OutputPort, Range, Widget};

/// The descriptor for the host; it lives as long as the process.
pub fn leak(node: &NodeDescriptor) -> &'static SsNodeDescriptor {
    let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
    let (inputs, n_inputs) = ports(node.inputs.iter().map(input));
    let (outputs, n_outputs) = ports(node.outputs.iter().map(output));
    keep(SsNodeDescriptor {
        struct_size: size_of::<SsNodeDescriptor>() as u32,
        version: node.version,
        flags: flag(!node.deterministic, SS_NODE_NOT_DETERMINISTIC)
            | flag(node.output_node, SS_NODE_OUTPUT)
            | flag(node.caps.cuda, SS_NODE_CUDA)
            | flag(node.caps.stream, SS_NODE_STREAM)
            | flag(node.caps.serial, SS_NODE_SERIAL),
        id: text(&node.id),
        name: text(&node.name),
        title: text(&node.title),
        category: text(&node.category),
        doc: text(&node.doc),
        deprecated: text(node.deprecated.as_deref().unwrap_or_default()),
        aliases: texts(&node.aliases),
        search_terms: texts(&node.search_terms),
        inputs,
        n_inputs,
        outputs,
        n_outputs,
    })
}

fn input(port: &InputPort) -> SsInputPort {
    let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
    let (widget, widget_args) = widget(&port.widget);
    SsInputPort {
        struct_size: size_of::<SsInputPort>() as u32,
        flags: flag(port.optional, SS_INPUT_OPTIONAL) | flag(port.lazy, SS_INPUT_LAZY) | flag(port.list, SS_INPUT_LIST),
        name: text(&port.name),
        type_name: text(&port.ty.to_string()),
        doc: text(&port.doc),
        aliases: texts(&port.aliases),
        default_value: port.default.as_ref().map_or(std::ptr::null(), |value| keep(literal(value))),
        hard: range(&port.hard),
        soft: range(&port.soft),
        step: port.step.unwrap_or(0.0),
        unit: text(port.unit.as_deref().unwrap_or_default()),
        choices: texts(&port.choices),
        widget,
        reserved: 0,
        widget_args,
    }
}

fn output(port: &OutputPort) -> SsOutputPort {
    SsOutputPort {
        struct_size: size_of::<SsOutputPort>() as u32,
        flags: 0,
        name: text(&port.name),
        type_name: text(&port.ty.to_string()),
        doc: text(&port.doc),
        aliases: texts(&port.aliases),
    }
}

fn range(range: &Range) -> *const SsRange {
    if !range.is_bounded() {
        return std::ptr::null();
    }
    keep(SsRange { min: range.min.unwrap_or(f64::NEG_INFINITY), max: range.max.unwrap_or(f64::INFINITY) })
}

fn literal(value: &Literal) -> SsLiteral {
    let nothing = SsLiteral { tag: 0, zero: 0, i: 0, f: 0.0, text: SsStr::EMPTY, items: std::ptr::null(), n_items: 0 };
    match value {
        Literal::Bool(truth) => SsLiteral { tag: SS_LITERAL_BOOL, i: i64::from(*truth), ..nothing },
        Literal::Int(number) => match i64::try_from(*number) {
            Ok(number) => SsLiteral { tag: SS_LITERAL_INT, i: number, ..nothing },
            Err(_) => SsLiteral { tag: SS_LITERAL_UINT, i: *number as u64 as i64, ..nothing },
        },
        Literal::Float(number) => SsLiteral { tag: SS_LITERAL_FLOAT, f: *number, ..nothing },
        Literal::Str(words) => SsLiteral { tag: SS_LITERAL_STRING, text: text(words), ..nothing },
        Literal::List(items) => {
            let items: &'static [SsLiteral] = items.iter().map(literal).collect::<Vec<_>>().leak();
            SsLiteral { tag: SS_LITERAL_LIST, items: items.as_ptr(), n_items: items.len() as u64, ..nothing }
        }
    }
}

fn widget(widget: &Widget) -> (u32, SsStrs) {
    let alone = |kind| (kind, SsStrs::EMPTY);
    match widget {
        Widget::Auto => alone(SS_WIDGET_AUTO),
        Widget::None => alone(SS_WIDGET_NONE),
        Widget::Number => alone(SS_WIDGET_NUMBER),
        Widget::Slider => alone(SS_WIDGET_SLIDER),
        Widget::Toggle => alone(SS_WIDGET_TOGGLE),
        Widget::Combo => alone(SS_WIDGET_COMBO),
        Widget::Text => alone(SS_WIDGET_TEXT),
        Widget::Multiline => alone(SS_WIDGET_MULTILINE),
        Widget::Seed => alone(SS_WIDGET_SEED),
        Widget::Color => alone(SS_WIDGET_COLOR),
        Widget::File { extensions } => (SS_WIDGET_FILE, texts(extensions)),
        Widget::Folder => alone(SS_WIDGET_FOLDER),
        Widget::Model { folder } => (SS_WIDGET_MODEL, texts(std::slice::from_ref(folder))),
    }
}

fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn ports<T: 'static>(ports: impl Iterator<Item = T>) -> (*const *const T, u64) {
    let ports: &'static [*const T] = ports.map(|port| &raw const *keep(port)).collect::<Vec<_>>().leak();
    (ports.as_ptr(), ports.len() as u64)
}

fn text(text: &str) -> SsStr {
    SsStr::new(text.to_owned().leak())
}

fn texts(all: &[String]) -> SsStrs {
    SsStrs::new(all.iter().map(|one| text(one)).collect::<Vec<_>>().leak())
}
