//! `#[node]`.

use crate::docs;
use crate::param::{Param, texts};
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::{Error, FnArg, GenericArgument, Ident, ItemFn, LitInt, LitStr, PathArguments, Result, ReturnType, Type};

pub fn expand(attributes: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let mut function: ItemFn = syn::parse2(function)?;
    let node = Properties::read(attributes, &function)?;
    let outputs = Output::take(&mut function)?;

    // What the function takes before its inputs.
    let mut first = TokenStream::new();
    let mut state: Option<Type> = None;
    let mut takes_ctx = false;
    let mut params = Vec::new();
    for argument in function.sig.inputs.iter_mut() {
        let argument = match argument {
            FnArg::Receiver(receiver) => return Err(Error::new_spanned(receiver, "a node is a function without self")),
            FnArg::Typed(argument) => argument,
        };
        let remembered = state_type(&argument.ty).cloned();
        if remembered.is_none() && !is_named(&argument.ty, "Ctx") {
            params.push(Param::read(argument)?);
            continue;
        }
        if !params.is_empty() || (remembered.is_some() && state.is_some()) || (remembered.is_none() && takes_ctx) {
            return Err(Error::new_spanned(argument, "one Ctx and one `&mut` state come before the inputs"));
        }
        first.extend(if remembered.is_some() { quote!(state,) } else { quote!(ctx,) });
        takes_ctx |= remembered.is_none();
        state = state.or(remembered);
    }
    let state = state.map_or(quote!(()), |state| quote!(#state));

    let (visibility, name) = (&function.vis, &function.sig.ident);
    let returned = result_type(&function.sig.output)?;
    let Properties { id, category, type_name, title, calls } = node;
    let doc = docs::text(&function.attrs);
    let (output_names, output_docs): (Vec<_>, Vec<_>) = outputs.iter().map(|o| (o.name.to_string(), &o.doc)).unzip();
    let count = outputs.len();
    let ports = params.iter().map(Param::port);
    let types = params.iter().map(Param::ty);
    let index = 0..params.len();
    let type_doc = format!("The node type of the function [`{name}`].");
    Ok(quote! {
        // Each input is a parameter, and some nodes have many.
        #[allow(clippy::too_many_arguments)]
        #function

        #[doc = #type_doc]
        #[allow(non_camel_case_types)]
        #visibility struct #name {}

        impl ::selfsame_sdk::FunctionNode for #name {
            type State = #state;

            fn describe() -> ::selfsame_sdk::NodeDescriptor {
                // Written out, since a plugin may be of an edition whose prelude lacks a trait.
                let types = <#returned as ::selfsame_sdk::IntoOutputs>::types();
                let types: [::selfsame_sdk::Type; #count] =
                    ::std::convert::TryInto::try_into(types).expect("#[output] names every output");
                let descriptor = ::selfsame_sdk::NodeDescriptor::new(#id, #type_name)
                    .title(#title)
                    .category(#category)
                    .doc(#doc)
                    #calls
                    #(.input(#ports))*;
                let names: [(&str, &str); #count] = [#((#output_names, #output_docs)),*];
                ::std::iter::IntoIterator::into_iter(names).zip(types).fold(descriptor, |descriptor, ((name, doc), ty)| {
                    descriptor.output(::selfsame_sdk::OutputPort::new(name, ty).doc(doc))
                })
            }

            #[allow(unused_variables)]
            fn call(
                state: &mut Self::State,
                ctx: ::selfsame_sdk::Ctx,
                inputs: &::selfsame_sdk::Inputs,
            ) -> ::selfsame_sdk::Result<::std::vec::Vec<::selfsame_sdk::Value>> {
                let outputs: #returned = #name(#first #(<#types as ::selfsame_sdk::Input>::take(inputs, #index)?),*)?;
                ::std::result::Result::Ok(::selfsame_sdk::IntoOutputs::into_outputs(outputs))
            }
        }
    })
}

/// What stands in `#[node(...)]`.
struct Properties {
    id: LitStr,
    category: LitStr,
    type_name: String,
    title: String,
    /// Calls on a `NodeDescriptor`.
    calls: TokenStream,
}

impl Properties {
    fn read(attributes: TokenStream, function: &ItemFn) -> Result<Self> {
        let name = function.sig.ident.to_string();
        let (mut id, mut category) = (None, None);
        let (mut type_name, mut title) = (docs::camel(&name), docs::words(&name));
        let mut calls = TokenStream::new();
        let mut caps = TokenStream::new();
        let parser = syn::meta::parser(|meta| {
            let Some(key) = meta.path.get_ident().map(Ident::to_string) else {
                return Err(meta.error("expected a name"));
            };
            let call = match &*key {
                "id" => {
                    id = Some(meta.value()?.parse()?);
                    TokenStream::new()
                }
                "category" => {
                    category = Some(meta.value()?.parse()?);
                    TokenStream::new()
                }
                "name" => {
                    type_name = meta.value()?.parse::<LitStr>()?.value();
                    TokenStream::new()
                }
                "title" => {
                    title = meta.value()?.parse::<LitStr>()?.value();
                    TokenStream::new()
                }
                "device" | "serial" => {
                    let cap = if key == "device" { quote!(cuda: true,) } else { quote!(serial: true,) };
                    caps.extend(cap);
                    TokenStream::new()
                }
                "version" => {
                    let version: LitInt = meta.value()?.parse()?;
                    quote!(.version(#version))
                }
                "aliases" => {
                    let aliases = texts(&meta)?;
                    quote!(#(.alias(#aliases))*)
                }
                "search" => {
                    let terms = texts(&meta)?;
                    quote!(#(.search_term(#terms))*)
                }
                "deprecated" => {
                    let instead: LitStr = meta.value()?.parse()?;
                    quote!(.deprecated(#instead))
                }
                "not_deterministic" => quote!(.not_deterministic()),
                "output_node" => quote!(.output_node()),
                other => return Err(meta.error(format!("a node has no property `{other}`"))),
            };
            calls.extend(call);
            Ok(())
        });
        parser.parse2(attributes)?;
        if !caps.is_empty() {
            calls.extend(quote!(.caps(::selfsame_sdk::Caps { #caps ..::selfsame_sdk::Caps::default() })));
        }
        let missing = |what: &str| Error::new_spanned(&function.sig.ident, format!("a node needs `{what}`"));
        Ok(Properties {
            id: id.ok_or_else(|| missing("id = \"...\""))?,
            category: category.ok_or_else(|| missing("category = \"...\""))?,
            type_name,
            title,
            calls,
        })
    }
}

/// A named output.
struct Output {
    name: Ident,
    doc: LitStr,
}

impl Output {
    /// Reads `#[output(image = "...")]`, and takes it away.
    fn take(function: &mut ItemFn) -> Result<Vec<Output>> {
        let mut outputs = Vec::new();
        for attribute in function.attrs.iter().filter(|attribute| attribute.path().is_ident("output")) {
            attribute.parse_nested_meta(|meta| {
                outputs.push(Output { name: meta.path.require_ident()?.clone(), doc: meta.value()?.parse()? });
                Ok(())
            })?;
        }
        function.attrs.retain(|attribute| !attribute.path().is_ident("output"));
        Ok(outputs)
    }
}

/// The `T` of `&mut T`.
fn state_type(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => Some(&reference.elem),
        _ => None,
    }
}

/// Whether the last segment of a type's path is this name.
fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

/// The `T` of `-> Result<T>`.
fn result_type(output: &ReturnType) -> Result<&Type> {
    let fail = || Error::new_spanned(output, "a node returns `Result<...>`");
    let ReturnType::Type(_, ty) = output else { return Err(fail()) };
    let Type::Path(path) = &**ty else { return Err(fail()) };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Result").ok_or_else(fail)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Err(fail()) };
    match arguments.args.first() {
        Some(GenericArgument::Type(ty)) => Ok(ty),
        _ => Err(fail()),
    }
}
