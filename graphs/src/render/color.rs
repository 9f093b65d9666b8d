//! Colours, and how wide text is.

use selfsame_sdk::Type;

/// The colour of wires and ports of a type, `#rrggbb`. A list has the colour of its elements.
pub(super) fn type_color(ty: &Type) -> String {
    let name = match ty {
        Type::Any => return "#8b8f98".to_owned(),
        Type::List(element) => return type_color(element),
        Type::Union(members) => return members.first().map_or("#8b8f98".to_owned(), type_color),
        Type::Named(name) => &**name,
    };
    let fixed = match name {
        "IMAGE" => "#2f7fc1",
        "MASK" => "#5f9e8f",
        "LATENT" => "#c4558d",
        "MODEL" => "#7a5cc7",
        "CLIP" => "#d69a13",
        "VAE" => "#d0493e",
        "CONDITIONING" => "#e07a34",
        "CONTROL_NET" => "#2a9d76",
        "FACE" => "#a8713a",
        "STRING" => "#6d8b2c",
        "INT" => "#4193a8",
        "FLOAT" => "#4f9a52",
        "BOOL" => "#9a5b6c",
        "SAMPLER" | "SIGMAS" | "DENOISER" => "#8a6fae",
        other => return hsl(hue(other), 0.5, 0.45),
    };
    fixed.to_owned()
}

/// The light colour of the head of a box, and the stronger one of its edge.
pub(super) fn family_colors(family: &str) -> (String, String) {
    if family.is_empty() {
        return ("#f1efeb".to_owned(), "#a8a49b".to_owned());
    }
    let hue = hue(family);
    (hsl(hue, 0.55, 0.945), hsl(hue, 0.4, 0.58))
}

/// A hue that depends on the name alone (FNV-1a), 0 to 1.
fn hue(name: &str) -> f64 {
    let hash = name.bytes().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    // The golden ratio spreads similar hashes over the circle.
    (f64::from(hash >> 8) * 0.618_033_988_75).fract()
}

/// The usual formula (CSS Color 4, section 7.1).
fn hsl(hue: f64, saturation: f64, lightness: f64) -> String {
    let channel = |n: f64| {
        let k = (n + hue * 12.0) % 12.0;
        let a = saturation * lightness.min(1.0 - lightness);
        let value = lightness - a * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
}

/// About how many pixels wide a text is in a sans-serif face of `size` pixels; rather too wide than too narrow.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let ems: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.32,
            ' ' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '"' | '-' | '/' => 0.42,
            'm' | 'w' | 'M' | 'W' | '@' | '…' | '%' => 0.92,
            'A'..='Z' | '&' => 0.7,
            c if (c as u32) < 0x1100 => 0.6,
            _ => 1.05,
        })
        .sum();
    ems * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsl_gives_the_colours_of_the_specification() {
        assert_eq!(hsl(0.0, 1.0, 0.5), "#ff0000");
        assert_eq!(hsl(1.0 / 3.0, 1.0, 0.5), "#00ff00");
        assert_eq!(hsl(2.0 / 3.0, 1.0, 0.25), "#000080");
        assert_eq!(hsl(0.1, 0.0, 1.0), "#ffffff");
    }

    #[test]
    fn a_list_looks_like_its_elements() {
        assert_eq!(type_color(&Type::list(Type::IMAGE)), type_color(&Type::IMAGE));
        assert_ne!(type_color(&Type::IMAGE), type_color(&Type::MASK));
    }
}
