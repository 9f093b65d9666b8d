//! One parameter of a node's function.

use crate::docs;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error, Expr, Ident, LitStr, Pat, PatType, Result, Type};

/// An input of a node.
pub struct Param {
    ty: Type,
    name: String,
    /// Calls on an `InputPort`, one for each property.
    calls: TokenStream,
    type_text: Option<LitStr>,
}

impl Param {
    /// Reads a parameter, and takes away what the compiler does not know: documentation and `#[param]`.
    pub fn read(argument: &mut PatType) -> Result<Self> {
        let Pat::Ident(pattern) = &*argument.pat else {
            return Err(Error::new_spanned(&argument.pat, "an input needs a plain name"));
        };
        let name = pattern.ident.to_string();
        let doc = docs::text(&argument.attrs);
        if doc.is_empty() {
            return Err(Error::new_spanned(&pattern.ident, "an input needs a documentation comment"));
        }
        let mut param = Param {
            ty: (*argument.ty).clone(),
            name: name.trim_start_matches('_').to_owned(),
            calls: quote!(.doc(#doc)),
            type_text: None,
        };
        let (ours, others): (Vec<Attribute>, Vec<Attribute>) =
            argument.attrs.drain(..).partition(|attr| attr.path().is_ident("param") || attr.path().is_ident("doc"));
        argument.attrs = others;
        for attribute in ours.iter().filter(|attr| attr.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| param.property(meta))?;
        }
        Ok(param)
    }

    fn property(&mut self, meta: syn::meta::ParseNestedMeta) -> Result<()> {
        let Some(key) = meta.path.get_ident().map(Ident::to_string) else {
            return Err(meta.error("expected a name"));
        };
        let call = match &*key {
            "default" | "hard" | "soft" | "step" | "unit" | "choices" => {
                let (method, value): (&Ident, Expr) = (meta.path.require_ident()?, meta.value()?.parse()?);
                quote!(.#method(#value))
            }
            "aliases" => {
                let aliases = texts(&meta)?;
                quote!(#(.alias(#aliases))*)
            }
            "multiline" => quote!(.widget(::selfsame_sdk::Widget::Multiline)),
            "slider" => quote!(.widget(::selfsame_sdk::Widget::Slider)),
            "folder" => quote!(.widget(::selfsame_sdk::Widget::Folder)),
            "file" => {
                let extensions = texts(&meta)?;
                quote!(.widget(::selfsame_sdk::Widget::File { extensions: ::std::vec![#(#extensions.to_owned()),*] }))
            }
            "model" => {
                let folder: LitStr = meta.value()?.parse()?;
                quote!(.widget(::selfsame_sdk::Widget::Model { folder: #folder.to_owned() }))
            }
            "name" => {
                self.name = meta.value()?.parse::<LitStr>()?.value();
                TokenStream::new()
            }
            "ty" => {
                self.type_text = Some(meta.value()?.parse()?);
                TokenStream::new()
            }
            other => return Err(meta.error(format!("an input has no property `{other}`"))),
        };
        self.calls.extend(call);
        Ok(())
    }

    /// The port of the input, as an expression.
    pub fn port(&self) -> TokenStream {
        let Param { ty, name, calls, type_text } = self;
        let port = quote!(::selfsame_sdk::input_port::<#ty>(#name, |port| port #calls));
        match type_text {
            None => port,
            Some(text) => quote! {
                ::selfsame_sdk::InputPort {
                    ty: #text.parse().expect("`ty` of an input is a type"),
                    ..#port
                }
            },
        }
    }

    /// Its Rust type.
    pub fn ty(&self) -> &Type {
        &self.ty
    }
}

/// `key = ["a", "b"]`
pub fn texts(meta: &syn::meta::ParseNestedMeta) -> Result<Vec<LitStr>> {
    let list: syn::ExprArray = meta.value()?.parse()?;
    let text = |element: &Expr| match element {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Ok(text.clone()),
        other => Err(Error::new_spanned(other, "expected a text")),
    };
    list.elems.iter().map(text).collect()
}
