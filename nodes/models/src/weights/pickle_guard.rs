//! Candle's pickle reader with limits, for files from strangers.
//!
//! The reader executes nothing, but it copies an object whenever the pickle refers back to it, nests as deep as the pickle asks
//! (and drops recursively), trusts lengths before it has the bytes, and shifts long integers unchecked. A few hundred bytes
//! could so fill the memory or the stack; this walks the reader an operation at a time and stops it.

use candle_core::pickle::{Object, Stack};

/// How deep objects may nest. Real checkpoints nest about ten deep.
const MAX_DEPTH: usize = 100;

/// How many objects the pickle may copy or wrap in all. Each tensor of a real checkpoint costs about a hundred.
const MAX_VISITS: usize = 10_000_000;

/// The protocol's version: torch writes 2, from 4 on there are operations that the reader lacks.
const PROTO: u8 = 0x80;

/// A text: four bytes of length, then the text.
const BINUNICODE: u8 = b'X';

/// A long integer: one byte of length, then so many bytes of it; the reader has room for eight.
const LONG1: u8 = 0x8a;

/// Operations after which the top object may be larger or deeper than before: TUPLE, TUPLE1, TUPLE2, TUPLE3, REDUCE, BUILD,
/// NEWOBJ, BINPERSID, BINGET, LONG_BINGET, BINPUT, LONG_BINPUT, SETITEM, SETITEMS, APPEND, APPENDS.
const GROWING: &[u8] = b"t\x85\x86\x87Rb\x81Qhjqrsuae";

/// Parses one pickle.
pub(super) fn parse(mut pickle: &[u8]) -> Result<Object, String> {
    let mut stack = Stack::empty();
    let mut visits = 0;
    loop {
        let Some((&operation, argument)) = pickle.split_first() else { return Err("its pickle ends too early".into()) };
        match (operation, argument) {
            (LONG1, [9..=255, ..]) => return Err("its pickle holds an integer of more than 64 bits".into()),
            (BINUNICODE, [a, b, c, d, text @ ..]) if u32::from_le_bytes([*a, *b, *c, *d]) as usize > text.len() => {
                return Err("its pickle ends within a text".into());
            }
            _ => {}
        }
        if let (PROTO, [4..=255, ..]) = (operation, argument) {
            return Err(
                "it was written with a newer pickle protocol than torch's own: save it again with torch's default"
                    .into(),
            );
        }
        if stack.read(&mut pickle).map_err(fail)? {
            return stack.finalize().map_err(fail);
        }
        if let Some(top) = stack.stack().last().filter(|_| GROWING.contains(&operation)) {
            measure(top, 0, &mut visits)?;
        }
    }
}

/// The reader's error without the backtrace that candle adds.
fn fail(error: candle_core::Error) -> String {
    format!("its pickle cannot be read: {}", error.to_string().lines().next().unwrap_or_default())
}

/// Counts the objects in `object` and refuses too many of them, or too deep ones.
fn measure(object: &Object, depth: usize, visits: &mut usize) -> Result<(), String> {
    *visits += 1;
    if depth > MAX_DEPTH || *visits > MAX_VISITS {
        return Err("its pickle nests or repeats objects beyond all reason".into());
    }
    let mut walk = |inner: &Object| measure(inner, depth + 1, visits);
    match object {
        Object::Tuple(items) | Object::List(items) => items.iter().try_for_each(walk),
        Object::Dict(entries) => entries.iter().try_for_each(|(key, value)| walk(key).and_then(|()| walk(value))),
        Object::Reduce { callable, args } | Object::Build { callable, args } => {
            walk(callable).and_then(|()| walk(args))
        }
        Object::PersistentLoad(inner) => walk(inner),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_pickles_are_stopped() {
        // ((((…)))): a tuple of one, a million deep.
        let deep: Vec<u8> = [b')'].into_iter().chain(std::iter::repeat_n(0x85, 1_000_000)).chain([b'.']).collect();
        assert!(parse(&deep).unwrap_err().contains("beyond all reason"));
        // Each pair holds the one before twice: 2^60 objects.
        let mut bomb = b")q\0".to_vec();
        for i in 0..60 {
            bomb.extend([b'h', i, b'h', i, 0x86, b'q', i + 1]);
        }
        bomb.push(b'.');
        assert!(parse(&bomb).unwrap_err().contains("beyond all reason"));
        assert!(parse(b"\x8a\xff").unwrap_err().contains("64 bits"));
        assert!(parse(b"X\xff\xff\xff\xff").unwrap_err().contains("within a text"));
        assert!(parse(b"\x80\x02}").unwrap_err().contains("too early"));
        assert!(parse(b"\x80\x04}.").unwrap_err().contains("newer pickle protocol"));
        assert!(parse(b"\x80\x02\xff").unwrap_err().ends_with("unknown op-code 255"));
        assert_eq!(
            parse(b"\x80\x02}X\x01\0\0\0aK\x01s.").unwrap(),
            Object::Dict(vec![(Object::Unicode("a".into()), Object::Int(1))])
        );
    }
}
