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

/// Reads a string that starts at byte `start` of `text`, plain or raw; gives it and the byte after it.
pub(super) fn string(text: &str, start: usize) -> Result<(String, usize), SyntaxError> {
    let unclosed = |what: &str| SyntaxError {
        span: Span::new(start, start + 1),
        message: format!("this string is never closed: `{what}` is missing"),
        hint: None,
    };
    let rest = &text[start..];
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.bytes().take_while(|&b| b == b'#').count();
        let close = format!("\"{}", "#".repeat(hashes));
        let open = start + 1 + hashes + 1;
        let end = text.get(open..).and_then(|body| body.find(&close)).ok_or_else(|| unclosed(&close))?;
        return Ok((text[open..open + end].to_owned(), open + end + close.len()));
    }
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, start + at + 1)),
            '\\' => {
                let wrong = |len: usize, message: &str| {
                    let escape: String = rest[at..].chars().take(len).collect();
                    Err(SyntaxError {
                        span: Span::new(start + at, start + at + escape.len()),
                        message: format!("`{escape}` {message}"),
                        hint: Some("write \\\\ for a backslash, in Windows paths too, or use /".to_owned()),
                    })
                };
                match chars.next().map(|(_, c)| c) {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some('0') => value.push('\0'),
                    Some(same @ ('"' | '\\' | '\'')) => value.push(same),
                    // A backslash at the end of a line swallows the line end and the spaces that follow.
                    Some('\n' | '\r') => while chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {},
                    Some('x') => {
                        let digits: String = rest[at + 2..].chars().take(2).collect();
                        match u8::from_str_radix(&digits, 16) {
                            Ok(byte) if digits.len() == 2 && byte.is_ascii() && !digits.starts_with('+') => {
                                value.push(char::from(byte));
                            }
                            _ => return wrong(4, "is not an ASCII character: two digits, at most \\x7F"),
                        }
                        chars.nth(1);
                    }
                    Some('u') => {
                        let body = rest[at + 2..].strip_prefix('{').and_then(|body| body.split_once('}'));
                        let digits = body.map(|(digits, _)| digits).filter(|d| (1..=6).contains(&d.len()));
                        let code = digits
                            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
                            .and_then(|d| char::from_u32(u32::from_str_radix(d, 16).ok()?));
                        let (Some(digits), Some(c)) = (digits, code) else {
                            return wrong(2, "is not a Unicode character: write \\u{1F600}");
                        };
                        value.push(c);
                        chars.nth(digits.len() + 1);
                    }
                    Some(_) => return wrong(2, "is not an escape"),
                    None => return Err(unclosed("\"")),
                }
            }
            c => value.push(c),
        }
    }
    Err(unclosed("\""))
}
