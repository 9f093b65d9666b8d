//! Whether a file can be a library of this machine, before the system maps it: one that is cut short would end the process
//! as soon as a page is touched that is not there.
//!
//! **Source**: System V ABI, "Object Files" and "Program Loading", for 64 bits.

use super::PluginError;

/// `ET_DYN`, what can be loaded into a process.
const DYNAMIC: u16 = 3;

/// `e_machine` of this program; none where it is not known.
const MACHINE: Option<u16> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else if cfg!(target_arch = "riscv64") {
    Some(243)
} else {
    None
};

/// The numbers for the word size and the byte order of this program, in `e_ident`.
const CLASS_AND_ORDER: [u8; 2] = [2, if cfg!(target_endian = "little") { 1 } else { 2 }];

/// # Errors
/// If it is no dynamic library, for another machine, or shorter than it says.
pub fn check(file: &[u8]) -> Result<(), PluginError> {
    let refuse = |why: String| Err(PluginError::NotLoaded(why));
    if !file.starts_with(b"\x7fELF") {
        return refuse("it is no dynamic library".to_owned());
    }
    let cut_short = || PluginError::NotLoaded(format!("it is cut short: {} bytes are too few", file.len()));
    let half = |at: usize| {
        let bytes = file.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u16::from_ne_bytes).ok_or_else(cut_short)
    };
    let word = |at: usize| {
        let bytes = at.checked_add(8).and_then(|end| file.get(at..end)?.try_into().ok());
        bytes.map(u64::from_ne_bytes).ok_or_else(cut_short)
    };
    if file.get(4..6).ok_or_else(cut_short)? != CLASS_AND_ORDER {
        return refuse("it is for another word size or byte order".to_owned());
    }
    let (kind, machine) = (half(16)?, half(18)?);
    if MACHINE.is_some_and(|here| here != machine) {
        let here = MACHINE.unwrap_or_default();
        return refuse(format!("it is for another processor (ELF machine {machine}; this program is for {here})"));
    }
    if kind != DYNAMIC {
        return refuse(format!("it is no dynamic library (ELF type {kind}; expected {DYNAMIC})"));
    }
    // What is mapped of it, as its program headers say.
    let (table, size, count) = (word(32)?, half(54)?, half(56)?);
    for i in 0..u64::from(count) {
        let at = i.checked_mul(size.into()).and_then(|offset| usize::try_from(table.checked_add(offset)?).ok());
        let at = at.ok_or_else(cut_short)?;
        let offset = word(at.saturating_add(8))?;
        let end = offset.checked_add(word(at.saturating_add(32))?).ok_or_else(cut_short)?;
        if end > file.len() as u64 {
            return refuse(format!("it is cut short: {} bytes of at least {end}", file.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(file: &[u8]) -> String {
        check(file).map_or_else(|error| error.to_string(), |()| "sound".to_owned())
    }

    #[test]
    fn programs_of_this_machine_are_whole_until_they_are_cut() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(says(&program), "sound");
        for length in [5, 17, 40, 100, program.len() / 2] {
            assert!(says(&program[..length]).starts_with("cannot be loaded: it is cut short: "), "{length}");
        }
        let mut other = program.clone();
        other[18] ^= 1;
        assert!(says(&other).contains("it is for another processor (ELF machine "));
        let mut other = program.clone();
        other[4] = 1;
        assert_eq!(says(&other), "cannot be loaded: it is for another word size or byte order");
        let mut other = program;
        other[16] = 1;
        assert_eq!(says(&other), "cannot be loaded: it is no dynamic library (ELF type 1; expected 3)");
        assert_eq!(says(b"#!/bin/sh"), "cannot be loaded: it is no dynamic library");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(mut file in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = check(&file);
            // Far enough that the program headers are read.
            for (at, byte) in b"\x7fELF\x02\x01".iter().enumerate() {
                if let Some(place) = file.get_mut(at) {
                    *place = *byte;
                }
            }
            if let Some(kind) = file.get_mut(16..20) {
                kind.copy_from_slice(&[3, 0, MACHINE.unwrap_or_default() as u8, 0]);
            }
            let _ = check(&file);
        }
    }
}
