//! Documentation comments as text, and names in other spellings.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the documentation comments among some attributes. Lines of a paragraph stay as they are.
pub fn text(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

/// `load_image` as `LoadImage`.
pub fn camel(name: &str) -> String {
    name.split('_').map(capital).collect()
}

/// `load_image` as `Load image`.
pub fn words(name: &str) -> String {
    capital(&name.replace('_', " "))
}

/// `NearestExact` as `nearest_exact`.
pub fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (i, c) in name.char_indices() {
        if c.is_uppercase() && i > 0 {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
