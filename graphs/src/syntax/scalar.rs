//! Numbers, strings and identifiers of RON.

use super::SyntaxError;
use crate::source::Span;
use selfsame_sdk::Literal;

/// The length in bytes of the identifier that `text` starts with, 0 if there is none. A raw one includes its `r#`.
pub(super) fn identifier_len(text: &str) -> usize {
    if let Some(raw) = text.strip_prefix("r#") {
        let len = raw.bytes().take_while(|&b| is_raw_identifier_byte(b)).count();
        return if len == 0 { 0 } else { len + 2 };
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        text.bytes().take_while(|&b| b.is_ascii_alphanumeric() || b == b'_').count()
    } else {
        0
    }
}

fn is_raw_identifier_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'+' | b'-')
}

/// An identifier as it must be written: `r#` before one with dots or dashes, none before others.
pub(crate) fn spell_identifier(name: &str) -> String {
    if identifier_len(name) == name.len() && !name.starts_with("r#") { name.to_owned() } else { format!("r#{name}") }
}

/// Reads the number that stands at `span`, which was cut at the first character no number contains.
pub(super) fn number(text: &str, span: Span) -> Result<Literal, SyntaxError> {
    let fail = |message: String, hint: Option<&str>| Err(SyntaxError { span, message, hint: hint.map(str::to_owned) });
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let radix = match digits.as_bytes() {
        [b'0', b'x', ..] => 16,
        [b'0', b'o', ..] => 8,
        [b'0', b'b', ..] => 2,
        _ => 10,
    };
    let body = if radix == 10 { digits } else { &digits[2..] };
    if body.starts_with('_') || body.starts_with("._") || body.contains("._") {
        return fail(format!("`{text}` is not a number"), Some("underscores stand between digits"));
    }
    let plain = body.replace('_', "");
    if plain.is_empty() || !plain.bytes().any(|b| b.is_ascii_hexdigit()) {
        return fail(format!("`{text}` is not a number"), None);
    }
    if plain.chars().all(|c| c.is_digit(radix)) {
        let magnitude = i128::from_str_radix(&plain, radix).ok();
        return match magnitude.map(|m| if negative { -m } else { m }) {
            Some(value) if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value) => Ok(Literal::Int(value)),
            _ => {
                fail(format!("`{text}` is too large"), Some("integers have 64 bits; write a decimal point for a float"))
            }
        };
    }
    let looks_right =
        radix == 10 && plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    match plain.parse::<f64>() {
        Ok(value) if looks_right && value.is_finite() => Ok(Literal::Float(if negative { -value } else { value })),
        Ok(_) if looks_right => fail(format!("`{text}` is too large"), Some("floats go up to about 1.8e308")),
        _ => fail(format!("`{text}` is not a number"), None),
    }
}

/// Reads a string that starts at byte `start` of `text`, plain or raw. Gives it, the byte after it, and the first escape
/// in it that means nothing; none if it is never closed.
pub(super) fn string(text: &str, start: usize) -> Option<(String, usize, Option<SyntaxError>)> {
    let rest = &text[start..];
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.bytes().take_while(|&b| b == b'#').count();
        let close = format!("\"{}", "#".repeat(hashes));
        let open = start + 1 + hashes + 1;
        let end = open + text.get(open..)?.find(&close)?;
        return Some((text[open..end].to_owned(), end + close.len(), None));
    }
    let (mut value, mut mistake) = (String::new(), None);
    let mut at = 1;
    loop {
        let next = at + rest[at..].find(['"', '\\'])?;
        value.push_str(&rest[at..next]);
        if rest[next..].starts_with('"') {
            return Some((value, start + next + 1, mistake));
        }
        match escape(&rest[next..]) {
            Ok((c, len)) => {
                value.extend(c);
                at = next + len;
            }
            Err(wrong) => {
                let span = Span::new(start + next, start + next + wrong.len);
                let message = format!("`{}` {}", &rest[next..next + wrong.len], wrong.message);
                let hint = Some("write \\\\ for a backslash, in Windows paths too, or use /".to_owned());
                mistake.get_or_insert(SyntaxError { span, message, hint });
                // What follows the backslash is read as if it were not there, but for what would end the string.
                at = next + rest[next..].chars().take(2).map(char::len_utf8).sum::<usize>();
            }
        }
    }
}

/// An escape that means nothing.
struct WrongEscape {
    /// How many bytes of it are shown.
    len: usize,
    message: &'static str,
}

/// The character that an escape at the start of `text` stands for, if any, and the length of the escape.
fn escape(text: &str) -> Result<(Option<char>, usize), WrongEscape> {
    let shown = |chars: usize| text.chars().take(chars).map(char::len_utf8).sum();
    let body = text.get(2..).unwrap_or("");
    let c = match text[1..].chars().next() {
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('0') => '\0',
        Some(same @ ('"' | '\\' | '\'')) => same,
        // A backslash at the end of a line swallows the line end and the spaces that follow.
        Some('\n' | '\r') => {
            let spaces = text[1..].bytes().take_while(u8::is_ascii_whitespace).count();
            return Ok((None, 1 + spaces));
        }
        Some('x') => {
            let digits = body.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
            let message = "is not an ASCII character: two digits, at most \\x7F";
            let byte = byte.ok_or(WrongEscape { len: shown(4), message })?;
            return Ok((Some(char::from(byte)), 4));
        }
        Some('u') => {
            let digits = body.strip_prefix('{').and_then(|body| body.split_once('}')).map(|(digits, _)| digits);
            let digits = digits.filter(|d| (1..=6).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_hexdigit()));
            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
            let message = "is not a Unicode character: write \\u{1F600}";
            let (Some(digits), Some(c)) = (digits, code) else { return Err(WrongEscape { len: shown(2), message }) };
            return Ok((Some(c), digits.len() + 4));
        }
        _ => return Err(WrongEscape { len: shown(2), message: "is not an escape" }),
    };
    Ok((Some(c), 2))
}
