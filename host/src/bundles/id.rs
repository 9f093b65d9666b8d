//! Names that are made to be taken for another.

/// The first of `others` that `id` could be taken for though it is another: `acme-fi1ters` for `acme-filters`.
pub fn look_alike<'a>(id: &str, others: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let shape = shape(id);
    // Of two short names every one is nearly the other.
    let near = |other: &str| shape.len() >= 5 && differs_by_one(&shape, &self::shape(other));
    others.into_iter().find(|other| *other != id && (shape == self::shape(other) || near(other)))
}

/// What an id looks like: letters that are read for each other are one.
fn shape(id: &str) -> Vec<char> {
    let id = id.to_ascii_lowercase().replace("rn", "m").replace("vv", "w").replace("cl", "d");
    let alike = |c: char| match c {
        '0' => 'o',
        '1' | 'i' | 'j' => 'l',
        '5' => 's',
        '2' => 'z',
        '8' => 'b',
        '_' | '.' => '-',
        c => c,
    };
    id.chars().map(alike).collect()
}

/// Whether one character more, less, or another makes one the other, or two neighbours have changed places.
fn differs_by_one(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    match long.len() - short.len() {
        0 => {
            let swapped = || {
                short.len() >= same + 2
                    && (short[same], short[same + 1]) == (long[same + 1], long[same])
                    && short[same + 2..] == long[same + 2..]
            };
            same < short.len() && (short[same + 1..] == long[same + 1..] || swapped())
        }
        1 => short[same..] == long[same + 1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_made_to_be_taken_for_another() {
        let known = ["acme-filters", "com.acme.blur"];
        for id in ["acme-fi1ters", "acrne-filters", "Acme_Filters", "acme-filter", "acmee-filters", "amce-filters"] {
            assert_eq!(look_alike(id, known), Some("acme-filters"), "{id}");
        }
        assert_eq!(look_alike("com-acme-biur", known), Some("com.acme.blur"));
        for id in ["acme-filters", "acme-blurs", "acme", "bcme-fllters2", "other"] {
            assert_eq!(look_alike(id, known), None, "{id}");
        }
        assert_eq!(look_alike("abc", ["abd"]), None);
    }
}
