//! `#[derive(Choice)]`.

use crate::docs;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result};

pub fn expand(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "Choice is for enums"));
    };
    let name = &input.ident;
    let mut variants = Vec::new();
    let mut texts = Vec::new();
    let mut doc = String::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a choice has no fields"));
        }
        let renamed = variant.attrs.iter().find(|attribute| attribute.path().is_ident("choice"));
        let text = match renamed {
            Some(attribute) => attribute.parse_args::<LitStr>()?.value(),
            None => docs::snake(&variant.ident.to_string()),
        };
        let line = docs::text(&variant.attrs).replace('\n', " ");
        if !line.is_empty() {
            doc.push_str(&format!("\n- `{text}`: {line}"));
        }
        variants.push(&variant.ident);
        texts.push(text);
    }
    Ok(quote! {
        impl ::selfsame_sdk::FromValue for #name {
            fn ty() -> ::selfsame_sdk::Type {
                ::selfsame_sdk::Type::STRING
            }

            fn port(port: ::selfsame_sdk::InputPort) -> ::selfsame_sdk::InputPort {
                let doc = ::std::format!("{}{}", port.doc, #doc);
                port.choices([#(#texts),*]).doc(doc)
            }

            fn from_value(value: &::selfsame_sdk::Value) -> ::selfsame_sdk::Result<Self> {
                let text = <::std::string::String as ::selfsame_sdk::FromValue>::from_value(value)?;
                match text.as_str() {
                    #(#texts => ::std::result::Result::Ok(#name::#variants),)*
                    _ => ::std::result::Result::Err(::selfsame_sdk::Error::new(::std::format!(
                        "expected one of {}, got {value}", [#(#texts),*].join(", "),
                    ))),
                }
            }
        }
    })
}
