//! Whatever a plugin says of its nodes is read or refused: descriptions that were made at random.

use super::describe;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};
use selfsame_sdk::ffi::abi::*;

fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A text that may be none.
fn any_text() -> impl Strategy<Value = SsStr> {
    let there = |bytes: Vec<u8>| {
        let bytes: &'static [u8] = bytes.leak();
        SsStr { ptr: bytes.as_ptr().cast(), len: bytes.len() as u64 }
    };
    let words = ["", "x", "image", "com.acme.gain", "Gain", "FLOAT", "LIST<IMAGE>", "LIST<", "A|*", "Graph", "a b"];
    prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(SsStr::new),
        2 => prop::collection::vec(any::<u8>(), 0..12).prop_map(there),
        1 => any::<u64>().prop_map(|len| SsStr { ptr: std::ptr::null(), len }),
        1 => Just(SsStr { ptr: c"x".as_ptr(), len: u64::MAX }),
    ]
}

fn any_texts() -> impl Strategy<Value = SsStrs> {
    prop_oneof![
        6 => prop::collection::vec(any_text(), 0..3).prop_map(|texts| SsStrs::new(texts.leak())),
        1 => any::<u64>().prop_map(|len| SsStrs { ptr: std::ptr::null(), len }),
    ]
}

/// A default, perhaps of lists of lists; or a list that contains itself.
fn any_literal() -> impl Strategy<Value = *const SsLiteral> {
    let parts = (0..9u32, any::<i64>(), any::<f64>(), any_text(), any::<u64>());
    let single = parts.prop_map(|(tag, i, f, text, n_items)| SsLiteral {
        tag,
        zero: 0,
        i,
        f,
        text,
        items: std::ptr::null(),
        n_items,
    });
    let list = |items: Vec<SsLiteral>| {
        let items: &'static [SsLiteral] = items.leak();
        SsLiteral { tag: SS_LITERAL_LIST, items: items.as_ptr(), n_items: items.len() as u64, ..nothing() }
    };
    let any = single.prop_recursive(3, 20, 4, move |inner| prop::collection::vec(inner, 0..4).prop_map(list));
    let itself = (1..400usize).prop_map(|count| {
        let items = Vec::leak((0..count).map(|_| nothing()).collect());
        let first: *const SsLiteral = items.as_ptr();
        for item in items {
            (item.tag, item.items, item.n_items) = (SS_LITERAL_LIST, first, count as u64);
        }
        first
    });
    prop_oneof![2 => Just(std::ptr::null()), 6 => any.prop_map(|literal| &raw const *keep(literal)), 1 => itself]
}

fn nothing() -> SsLiteral {
    SsLiteral { tag: 0, zero: 0, i: 0, f: 0.0, text: SsStr::EMPTY, items: std::ptr::null(), n_items: 0 }
}

fn any_range() -> impl Strategy<Value = *const SsRange> {
    let some = (any::<f64>(), any::<f64>()).prop_map(|(min, max)| &raw const *keep(SsRange { min, max }));
    prop_oneof![Just(std::ptr::null()), some]
}

/// A size that is mostly that of the table.
fn any_size<T>() -> impl Strategy<Value = u32> {
    prop_oneof![6 => Just(size_of::<T>() as u32), 1 => 0..size_of::<T>() as u32, 1 => size_of::<T>() as u32..]
}

fn any_input() -> impl Strategy<Value = *const SsInputPort> {
    let texts = (any_text(), any_text(), any_text(), any_texts(), any_text(), any_texts());
    let numbers = (any_literal(), any_range(), any_range(), any::<f64>(), 0..20u32, any_texts());
    let made =
        (any_size::<SsInputPort>(), any::<u32>(), texts, numbers).prop_map(|(struct_size, flags, texts, numbers)| {
            let (name, type_name, doc, aliases, unit, choices) = texts;
            let (default_value, hard, soft, step, widget, widget_args) = numbers;
            &raw const *keep(SsInputPort {
                struct_size,
                flags,
                name,
                type_name,
                doc,
                aliases,
                default_value,
                hard,
                soft,
                step,
                unit,
                choices,
                widget,
                reserved: 0,
                widget_args,
            })
        });
    prop_oneof![10 => made, 1 => Just(std::ptr::null()), 1 => Just(std::ptr::without_provenance(3))]
}

fn any_output() -> impl Strategy<Value = *const SsOutputPort> {
    let parts = (any_size::<SsOutputPort>(), any::<u32>(), any_text(), any_text(), any_text(), any_texts());
    let made = parts.prop_map(|(struct_size, flags, name, type_name, doc, aliases)| {
        &raw const *keep(SsOutputPort { struct_size, flags, name, type_name, doc, aliases })
    });
    prop_oneof![10 => made, 1 => Just(std::ptr::null())]
}

/// Pointers to ports, and how many the table says there are.
fn any_ports<T: 'static>(port: impl Strategy<Value = *const T>) -> impl Strategy<Value = (*const *const T, u64)> {
    prop_oneof![
        8 => prop::collection::vec(port, 0..4).prop_map(|ports| {
            let ports: &'static [*const T] = ports.leak();
            (ports.as_ptr(), ports.len() as u64)
        }),
        1 => any::<u64>().prop_map(|count| (std::ptr::null(), count)),
    ]
}

fn any_descriptor() -> impl Strategy<Value = *const SsNodeDescriptor> {
    let texts = (any_text(), any_text(), any_text(), any_text(), any_text(), any_text(), any_texts(), any_texts());
    let numbers = (any_size::<SsNodeDescriptor>(), any::<u32>(), any::<u64>());
    (numbers, texts, any_ports(any_input()), any_ports(any_output())).prop_map(|(numbers, texts, inputs, outputs)| {
        let (struct_size, version, flags) = numbers;
        let (id, name, title, category, doc, deprecated, aliases, search_terms) = texts;
        &raw const *keep(SsNodeDescriptor {
            struct_size,
            version,
            flags,
            id,
            name,
            title,
            category,
            doc,
            deprecated,
            aliases,
            search_terms,
            inputs: inputs.0,
            n_inputs: inputs.1,
            outputs: outputs.0,
            n_outputs: outputs.1,
        })
    })
}

proptest! {
    #[test]
    fn any_descriptor_is_read_or_refused(descriptor in any_descriptor()) {
        // SAFETY: it is a descriptor, which is never freed.
        match unsafe { describe::read(descriptor) } {
            // What can be read can be checked, and shown.
            Ok(descriptor) => {
                let _ = descriptor.check();
                prop_assert!(serde_json::to_string(&descriptor).is_ok());
            }
            Err((_, problem)) => prop_assert!(!problem.is_empty()),
        }
    }

    #[test]
    fn any_entry_is_judged(
        magic in prop_oneof![Just(SS_MAGIC), any::<u64>()],
        versions in any::<[u16; 4]>(),
        struct_size in any::<u32>(),
    ) {
        let [abi_major, abi_minor, min_host_minor, flags] = versions;
        let entry = SsEntry {
            magic,
            abi_major,
            abi_minor,
            min_host_minor,
            flags,
            struct_size,
            reserved: 0,
            build_info: std::ptr::null(),
            init: None,
            deinit: None,
            get_interface: None,
        };
        let fits = magic == SS_MAGIC && abi_major == SS_ABI_MAJOR && min_host_minor <= SS_ABI_MINOR && struct_size >= 56;
        match entry.check() {
            Ok(()) => prop_assert!(fits),
            Err(unfit) => prop_assert!(!fits && !unfit.to_string().is_empty()),
        }
    }
}
