//! The sources of this crate as a C header. They are plain on purpose: constants, structs, unions, pointers and functions.

use std::fmt::Write as _;
use syn::{Attribute, Expr, Fields, GenericArgument, Item, Lit, Meta, PathArguments, ReturnType, Type};

/// The header of these sources, in an order in which what is used by value comes first; `helpers` ends it.
pub fn header(sources: &[&str], helpers: &str) -> String {
    let files = sources.iter().map(|source| syn::parse_file(source).unwrap());
    let items: Vec<Item> = files.flat_map(|file| file.items).collect();
    let mut text = PREAMBLE.to_owned();
    for item in &items {
        match item {
            Item::Struct(item) if item.generics.params.is_empty() => {
                writeln!(text, "typedef struct {0} {0};", item.ident).unwrap();
            }
            Item::Union(item) => writeln!(text, "typedef union {0} {0};", item.ident).unwrap(),
            _ => {}
        }
    }
    items.iter().for_each(|item| write_item(item, &mut text));
    writeln!(text, "\n{helpers}\n#ifdef __cplusplus\n}}\n#endif\n\n#endif").unwrap();
    text
}

const PREAMBLE: &str = "\
/* The C boundary between Selfsame and its plugins. Generated from plugins/abi/src; do not edit.
 *
 * plugins/README.md has a node in ten minutes, examples/c_plugin one to copy. */

#ifndef SELFSAME_PLUGIN_H
#define SELFSAME_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a name visible outside of the library. */
#ifdef _WIN32
#define SS_EXPORT __declspec(dllexport)
#else
#define SS_EXPORT __attribute__((visibility(\"default\")))
#endif

#ifdef __cplusplus
extern \"C\" {
#endif

";

fn write_item(item: &Item, text: &mut String) {
    match item {
        Item::Const(item) => {
            if let Some(value) = constant(&item.expr, &item.ty) {
                write_doc(&item.attrs, "", text);
                writeln!(text, "#define {} {value}", item.ident).unwrap();
            }
        }
        Item::Type(item) => {
            write_doc(&item.attrs, "", text);
            writeln!(text, "typedef {};", declare(&item.ty, &item.ident.to_string())).unwrap();
        }
        Item::Struct(item) => write_fields("struct", &item.ident.to_string(), &item.attrs, &item.fields, text),
        Item::Union(item) => {
            let fields = Fields::Named(item.fields.clone());
            write_fields("union", &item.ident.to_string(), &item.attrs, &fields, text);
        }
        _ => {}
    }
}

fn write_fields(kind: &str, name: &str, attributes: &[Attribute], fields: &Fields, text: &mut String) {
    // One without public fields is known through pointers only.
    if !fields.iter().any(|field| matches!(field.vis, syn::Visibility::Public(_))) {
        return;
    }
    write_doc(attributes, "", text);
    writeln!(text, "{kind} {name} {{").unwrap();
    for (i, field) in fields.iter().enumerate() {
        let mut doc = String::new();
        write_doc(&field.attrs, "    ", &mut doc);
        let doc = if i == 0 { doc.trim_start_matches('\n') } else { &doc };
        let field_name = field.ident.as_ref().unwrap().to_string();
        writeln!(text, "{doc}    {};", declare(&field.ty, &field_name)).unwrap();
    }
    text.push_str("};\n");
}

fn write_doc(attributes: &[Attribute], indent: &str, text: &mut String) {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(line) => Some(line.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    assert!(!lines.is_empty(), "everything that C sees is documented");
    writeln!(text, "\n{indent}/*{} */", lines.join(&format!("\n{indent} *"))).unwrap();
}

fn constant(value: &Expr, ty: &Type) -> Option<String> {
    let Expr::Lit(literal) = value else { return None };
    match &literal.lit {
        Lit::Int(number) if declare(ty, "").trim() == "uint64_t" => {
            Some(format!("UINT64_C({})", number.to_string().replace('_', "")))
        }
        Lit::Int(number) => Some(number.to_string().replace('_', "")),
        Lit::Str(words) => Some(format!("{:?}", words.value())),
        _ => None,
    }
}

/// A declaration of a name of this type.
fn declare(ty: &Type, name: &str) -> String {
    match ty {
        Type::Ptr(pointer) => {
            let inner = if name.is_empty() { "*".to_owned() } else { format!("*{name}") };
            match (&*pointer.elem, pointer.const_token.is_some()) {
                // `*const *const T` is `const T *const *`.
                (Type::Ptr(_), true) => declare(&pointer.elem, &format!("const {inner}")),
                (elem, true) => format!("const {}", declare(elem, &inner)),
                (elem, false) => declare(elem, &inner),
            }
        }
        Type::Path(path) => {
            let segment = path.path.segments.last().unwrap();
            match &segment.arguments {
                PathArguments::AngleBracketed(arguments) if segment.ident == "Option" => match &arguments.args[0] {
                    GenericArgument::Type(function) => declare(function, name),
                    other => panic!("{other:?}"),
                },
                _ => format!("{} {name}", scalar(&segment.ident.to_string())).trim_end().to_owned(),
            }
        }
        Type::BareFn(function) => {
            let parameters = function.inputs.iter().map(|parameter| {
                let name = parameter.name.as_ref().map(|(name, _)| name.to_string()).unwrap_or_default();
                declare(&parameter.ty, &name)
            });
            let parameters: Vec<String> = parameters.collect();
            let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
            let inner = format!("(*{name})({parameters})");
            match &function.output {
                ReturnType::Default => format!("void {inner}"),
                ReturnType::Type(_, ty) => declare(ty, &inner),
            }
        }
        other => panic!("no C type is known for {other:?}"),
    }
}

fn scalar(name: &str) -> &str {
    match name {
        "c_void" => "void",
        "c_char" => "char",
        "u8" => "uint8_t",
        "u16" => "uint16_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "i32" => "int32_t",
        "i64" => "int64_t",
        "f32" => "float",
        "f64" => "double",
        other => other,
    }
}
