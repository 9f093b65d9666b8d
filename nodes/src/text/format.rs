//! Values put into a text.

use super::Scalar;
use super::numbers::{MAX_DECIMALS, MAX_WIDTH, written};
use selfsame_sdk::prelude::*;

/// Puts values into a text: `"{a} by {b}"`. A good way to name files and to vary prompts.
///
/// `{a}` stands for the input `a`, and so on to `{f}`. A number may be told how it is written: `{a:04}` fills it up with
/// zeros to 4 characters, `{a:.2}` rounds it to 2 digits after the point, `{a:06.2}` does both. `{{` and `}}` are braces.
#[node(id = "core.text.format", category = "text", search = ["template", "string", "interpolate", "prompt", "insert"])]
#[output(text = "the template with the values in it")]
pub fn format_text(
    /// The text, with `{a}` to `{f}` where values go.
    #[param(multiline)]
    template: String,
    /// What `{a}` stands for.
    a: Option<Scalar>,
    /// What `{b}` stands for.
    b: Option<Scalar>,
    /// What `{c}` stands for.
    c: Option<Scalar>,
    /// What `{d}` stands for.
    d: Option<Scalar>,
    /// What `{e}` stands for.
    e: Option<Scalar>,
    /// What `{f}` stands for.
    f: Option<Scalar>,
) -> Result<String> {
    let values = [("a", a), ("b", b), ("c", c), ("d", d), ("e", e), ("f", f)];
    let mut text = String::new();
    let mut rest = template.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        text.push_str(before);
        if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
            text.push_str(&brace[..1]);
            rest = after;
        } else if let Some((place, after)) = brace.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            text.push_str(&value_at(place, &values)?);
            rest = after;
        } else {
            let place = template.len() - brace.len();
            let place = template.get(..place).unwrap_or_default().chars().count() + 1;
            return Err(Error::input("template", format!("the brace at character {place} stands alone"))
                .hint("write {{ or }} for a brace itself"));
        }
    }
    text.push_str(rest);
    Ok(text)
}

/// What stands for `{name}` or `{name:form}`.
fn value_at(place: &str, values: &[(&str, Option<Scalar>)]) -> Result<String> {
    let (name, form) = place.split_once(':').unwrap_or((place, ""));
    let value = match values.iter().find(|(known, _)| *known == name.trim()) {
        Some((_, Some(value))) => value,
        Some((name, None)) => {
            return Err(Error::input(*name, format!("the template uses {{{name}}}, but it is not set")));
        }
        None => {
            return Err(Error::input("template", format!("expected {{a}} to {{f}}, got {{{place}}}"))
                .hint("write {{ and }} for braces themselves"));
        }
    };
    if form.is_empty() {
        return Ok(value.to_string());
    }
    match (value, read_form(form)) {
        (Scalar::Number(number), Some((width, decimals))) => Ok(written(*number, decimals, width)),
        (_, None) => Err(Error::input(
            "template",
            format!(
                "{{{place}}} says nothing about how a number is written: expected a form such as 04 or .2, width up to {MAX_WIDTH}, digits up to {MAX_DECIMALS}"
            ),
        )),
        (_, Some(_)) => {
            Err(Error::input("template", format!("{{{place}}} is the form of a number, got a text or bool")))
        }
    }
}

/// Width and digits after the point of `04`, `.2` or `06.2`.
fn read_form(form: &str) -> Option<(usize, Option<usize>)> {
    let (width, decimals) = match form.split_once('.') {
        Some((width, decimals)) => (width, Some(decimals.parse().ok().filter(|n| *n <= MAX_DECIMALS)?)),
        None => (form, None),
    };
    let width = match width {
        "" => 0,
        digits => digits.strip_prefix('0')?.parse().ok().filter(|n| *n <= MAX_WIDTH)?,
    };
    Some((width, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Number;

    fn format(template: &str) -> Result<String> {
        let [a, b] = [Number::Int(7), Number::Float(0.255)].map(|number| Some(Scalar::Number(number)));
        let text = Some(Scalar::Text("ada {a}".into()));
        format_text(template.into(), a, b, text, Some(Scalar::Bool(true)), None, None)
    }

    #[test]
    fn values_take_their_places() {
        assert_eq!(format("{a} and {b}, {c} is { d }").unwrap(), "7 and 0.255, ada {a} is true");
        assert_eq!(format("{a:03}|{b:.1}|{b:06.2}|{a:.1}").unwrap(), "007|0.3|000.26|7.0");
        assert_eq!(format("{{a}} {{{a}}} ü").unwrap(), "{a} {7} ü");
        assert_eq!(format("").unwrap(), "");
    }

    #[test]
    fn mistakes_say_where() {
        for (template, wanted) in [
            ("ü{a", "input `template`: the brace at character 2 stands alone"),
            ("a}", "input `template`: the brace at character 2 stands alone"),
            ("{g}", "input `template`: expected {a} to {f}, got {g}"),
            ("{}", "input `template`: expected {a} to {f}, got {}"),
            ("{e}", "input `e`: the template uses {e}, but it is not set"),
            ("{c:.2}", "input `template`: {c:.2} is the form of a number, got a text or bool"),
        ] {
            assert_eq!(format(template).unwrap_err().to_string(), wanted);
        }
        for form in ["{a:4}", "{a:0999999999}", "{a:.99}", "{a:x}", "{a:.}"] {
            assert!(format(form).unwrap_err().to_string().contains("expected a form such as"), "{form}");
        }
    }
}
