//! The types of values on wires: `IMAGE`, `LIST<IMAGE>`, `IMAGE|MASK`, `*`.
//!
//! # Grammar
//! ```text
//! type   = member { "|" member }            one of several
//! member = "*"                              anything
//!        | "LIST" "<" type ">"              any number of values of one type
//!        | name
//! name   = segment { "." segment } [ "/" digits ]
//! ```
//! A segment starts with a letter or `_` and goes on with letters, digits, `_` and `-`. The built-in names are the
//! constants of [`Type`]; every other name is opaque to the host and compared as text, so two plugins share a type such
//! as `com.acme.FACE_MESH/1` by agreeing on its name.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The type of an input or an output.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// `*`: anything.
    Any,
    /// A name such as `IMAGE`. Write the constants for the built-in ones, parse the others.
    Named(Cow<'static, str>),
    /// `LIST<T>`: any number of values of type `T`.
    List(Box<Type>),
    /// `A|B`: one of at least two types, sorted, none of them a union or [`Type::Any`]. Made by [`Type::union`].
    Union(Vec<Type>),
}

macro_rules! built_in {
    ($($(#[doc = $doc:literal])+ $name:ident),* $(,)?) => {
        impl Type {
            $($(#[doc = $doc])+ pub const $name: Type = Type::Named(Cow::Borrowed(stringify!($name)));)*

            /// Every named type that the host itself knows.
            pub const BUILT_IN: &'static [Type] = &[$(Type::$name),*];
        }
    };
}

built_in! {
    /// True or false.
    BOOL,
    /// A 64-bit integer. Seeds use all 64 bits, see [`Widget::Seed`](crate::Widget::Seed).
    INT,
    /// A finite f64.
    FLOAT,
    /// UTF-8 text; choices, colours, file and model names are STRINGs with a widget.
    STRING,
    /// f32 numbers of any shape.
    TENSOR,
    /// f32 `[B,H,W,C]`, 0..1, sRGB.
    IMAGE,
    /// f32 `[B,H,W]`, 0..1.
    MASK,
    /// `samples` `[B,C,H/8,W/8]` and, where there is one, a noise mask.
    LATENT,
    /// A denoising network with its patches.
    MODEL,
    /// What steers a denoising network from inside.
    MODEL_PATCH,
    /// One or two text encoders with their tokenizers.
    CLIP,
    /// An autoencoder between IMAGE and LATENT.
    VAE,
    /// Encoded text with what else conditions a sampling.
    CONDITIONING,
    /// A ControlNet or IdentityNet.
    CONTROL_NET,
    /// Faces found in a picture: `bbox` xyxy px, `kps` `[5,2]` px, `det_score`, `face_embeds` `[B,512]`.
    FACE,
    /// The function `D(x, sigma)` that a sampler calls.
    DENOISER,
    /// A stepping rule.
    SAMPLER,
    /// A falling sequence of noise levels.
    SIGMAS,
}

/// How deeply `LIST<...>` may nest in a type that is parsed.
const MAX_DEPTH: usize = 16;

impl Type {
    /// `LIST<element>`.
    pub fn list(element: Type) -> Type {
        Type::List(Box::new(element))
    }

    /// The union of `members`: flattened, sorted, without repetitions; `*` swallows all others. A single member is
    /// that type itself, and no member at all is `*`.
    pub fn union(members: impl IntoIterator<Item = Type>) -> Type {
        let mut flat = Vec::new();
        for member in members {
            match member {
                Type::Any => return Type::Any,
                Type::Union(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.sort();
        flat.dedup();
        match flat.len() {
            0 => Type::Any,
            1 => flat.remove(0),
            _ => Type::Union(flat),
        }
    }

    /// The types a value of this type may have: the members of a union, else the type alone.
    pub fn members(&self) -> &[Type] {
        match self {
            Type::Union(members) => members,
            other => std::slice::from_ref(other),
        }
    }

    /// For `LIST<T>`, the `T`.
    pub fn element(&self) -> Option<&Type> {
        match self {
            Type::List(element) => Some(element),
            _ => None,
        }
    }

    /// Whether a value of type `offered` may be linked to an input of this type.
    ///
    /// Besides equal types that is:
    ///
    /// - any type to `*`; and `*` to any type, which is then checked when the value is there;
    /// - a union when **every** member is accepted;
    /// - **`INT` to `FLOAT`** (an integer beyond 2^53 that f64 cannot hold is an error when the value is there);
    /// - **`T` to `LIST<T>`**, as a list of one;
    /// - `LIST<A>` to `LIST<B>` when `A` is accepted by `B`.
    ///
    /// There are no other implicit conversions: these lose nothing.
    pub fn accepts(&self, offered: &Type) -> bool {
        self.accepts_element(offered)
            || self.members().iter().filter_map(Type::element).any(|element| element.accepts_element(offered))
    }

    /// [`accepts`](Self::accepts) without making a list out of a single value.
    fn accepts_element(&self, offered: &Type) -> bool {
        if let Type::Union(offered) = offered {
            return offered.iter().all(|member| self.accepts_element(member));
        }
        self.members().iter().any(|wanted| match (wanted, offered) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::List(wanted), Type::List(offered)) => wanted.accepts_element(offered),
            (wanted, offered) => wanted == offered || (*wanted == Type::FLOAT && *offered == Type::INT),
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("*"),
            Type::Named(name) => f.write_str(name),
            Type::List(element) => write!(f, "LIST<{element}>"),
            Type::Union(members) => {
                for (i, member) in members.iter().enumerate() {
                    write!(f, "{}{member}", if i == 0 { "" } else { "|" })?;
                }
                Ok(())
            }
        }
    }
}

/// Why a text is not a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a type: {problem} (types look like IMAGE, LIST<IMAGE>, IMAGE|MASK or *)")]
pub struct TypeSyntaxError {
    /// What was to be read.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl FromStr for Type {
    type Err = TypeSyntaxError;

    fn from_str(text: &str) -> Result<Type, TypeSyntaxError> {
        let mut parser = Parser { rest: text };
        let parsed = parser.union(0).and_then(|ty| match parser.rest.trim_start().chars().next() {
            None => Ok(ty),
            Some(other) => Err(format!("unexpected `{other}`")),
        });
        parsed.map_err(|problem| TypeSyntaxError { text: text.chars().take(200).collect(), problem })
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn union(&mut self, depth: usize) -> Result<Type, String> {
        let mut members = vec![self.member(depth)?];
        while self.take('|') {
            members.push(self.member(depth)?);
        }
        Ok(Type::union(members))
    }

    fn member(&mut self, depth: usize) -> Result<Type, String> {
        if self.take('*') {
            return Ok(Type::Any);
        }
        let name = self.name();
        match name {
            "" => Err("a name is missing".to_owned()),
            "LIST" => {
                if depth >= MAX_DEPTH {
                    return Err(format!("lists nest deeper than {MAX_DEPTH}"));
                }
                if !self.take('<') {
                    return Err("LIST needs its element type, LIST<...>".to_owned());
                }
                let element = self.union(depth + 1)?;
                if self.take('>') { Ok(Type::list(element)) } else { Err("`>` is missing".to_owned()) }
            }
            name if is_name(name) => Ok(Type::Named(Cow::Owned(name.to_owned()))),
            name => Err(format!("`{name}` is not a name")),
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(wanted);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    fn name(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')))
            .unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        self.rest = rest;
        name
    }
}

fn is_name(text: &str) -> bool {
    let (path, revision) = match text.split_once('/') {
        Some((path, revision)) => (path, Some(revision)),
        None => (text, None),
    };
    revision.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        && path.split('.').all(|segment| segment.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Type, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> Type {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn parsing_and_printing_are_inverse() {
        for text in
            ["*", "IMAGE", "LIST<IMAGE>", "IMAGE|MASK", "LIST<IMAGE|LIST<MASK>>", "com.acme-x.FACE_MESH/1", "_x"]
        {
            assert_eq!(ty(text).to_string(), text);
        }
        assert_eq!(ty(" LIST < MASK | IMAGE > "), ty("LIST<IMAGE|MASK>"));
        assert_eq!(ty("IMAGE"), Type::IMAGE);
    }

    #[test]
    fn unions_are_canonical() {
        assert_eq!(ty("B|A|B"), ty("A|B"));
        assert_eq!(ty("A|A"), ty("A"));
        assert_eq!(ty("A|*"), Type::Any);
        assert_eq!(Type::union([ty("A|C"), ty("B")]), ty("A|B|C"));
        assert_eq!(Type::union([]), Type::Any);
    }

    #[test]
    fn what_is_not_a_type_says_why() {
        let why = |text: &str| text.parse::<Type>().map(|t| panic!("{t}")).unwrap_err().problem;
        assert_eq!(why(""), "a name is missing");
        assert_eq!(why("A|"), "a name is missing");
        assert_eq!(why("LIST"), "LIST needs its element type, LIST<...>");
        assert_eq!(why("LIST<A"), "`>` is missing");
        assert_eq!(why("A B"), "unexpected `B`");
        assert_eq!(why("A>"), "unexpected `>`");
        assert_eq!(why("1A"), "`1A` is not a name");
        assert_eq!(why("A..B"), "`A..B` is not a name");
        assert_eq!(why("A/x"), "`A/x` is not a name");
        assert_eq!(why("A/"), "`A/` is not a name");
        assert_eq!(why("Ä"), "a name is missing");
        assert_eq!(why(&format!("{}A{}", "LIST<".repeat(40), ">".repeat(40))), "lists nest deeper than 16");
    }

    #[test]
    fn accepted_pairs() {
        let yes = [
            ("IMAGE", "IMAGE"),
            ("*", "IMAGE"),
            ("IMAGE", "*"),
            ("IMAGE|MASK", "MASK"),
            ("IMAGE|MASK|LATENT", "MASK|IMAGE"),
            ("FLOAT", "INT"),
            ("FLOAT", "INT|FLOAT"),
            ("LIST<FLOAT>", "INT"),
            ("LIST<FLOAT>", "LIST<INT>"),
            ("LIST<IMAGE>", "IMAGE"),
            ("LIST<IMAGE|MASK>", "LIST<MASK>"),
            ("LIST<*>", "LIST<LIST<MASK>>"),
            ("LIST<IMAGE>", "LIST<*>"),
            ("LIST<LIST<IMAGE>>", "LIST<IMAGE>"),
            ("com.acme.MESH/1", "com.acme.MESH/1"),
        ];
        for (wanted, offered) in yes {
            assert!(ty(wanted).accepts(&ty(offered)), "{wanted} should accept {offered}");
        }
    }

    #[test]
    fn refused_pairs() {
        let no = [
            ("IMAGE", "MASK"),
            ("IMAGE", "image"),
            ("IMAGE", "IMAGE|MASK"),
            ("INT", "FLOAT"),
            ("BOOL", "INT"),
            ("INT", "BOOL"),
            ("STRING", "INT"),
            ("IMAGE", "LIST<IMAGE>"),
            ("LIST<INT>", "LIST<FLOAT>"),
            ("LIST<LIST<IMAGE>>", "IMAGE"),
            ("com.acme.MESH/1", "com.acme.MESH/2"),
        ];
        for (wanted, offered) in no {
            assert!(!ty(wanted).accepts(&ty(offered)), "{wanted} should refuse {offered}");
        }
    }
}
