use super::*;
use crate::format::print;
use crate::testing::{Random, damage, random_ron};

/// All mistakes of a text, each with the text at its place.
pub(super) fn errors(text: &str) -> Vec<(String, String)> {
    let errors = parse(text).map(|file| panic!("{text:?} was read as {file:?}")).unwrap_err();
    let shown = |e: SyntaxError| {
        let place = text.get(e.span.start..e.span.end).unwrap_or("?").to_owned();
        (format!("{}{}", e.message, e.hint.map(|h| format!("; {h}")).unwrap_or_default()), place)
    };
    errors.into_iter().map(shown).collect()
}

/// The only mistake of a text.
#[track_caller]
fn error(text: &str) -> (String, String) {
    let errors = errors(text);
    assert_eq!(errors.len(), 1, "{errors:#?} in {text:?}");
    errors[0].clone()
}

#[track_caller]
fn assert_error(text: &str, message: &str, place: &str) {
    assert_eq!(error(text), (message.to_owned(), place.to_owned()), "in {text:?}");
}

/// What the text means to the `ron` crate, to which `()` is a unit but `( )` an empty tuple.
fn meaning(text: &str) -> Result<String, String> {
    let value: Result<ron::Value, _> = ron::from_str(text);
    value.map(|value| format!("{value:?}").replace("Seq([])", "Unit")).map_err(|e| e.to_string())
}

/// All comments of a text, in order.
fn comments(text: &str) -> Vec<String> {
    fn of_value(value: &Value, out: &mut Vec<String>) {
        let Kind::Group(group) = &value.kind else { return };
        for item in &group.items {
            out.extend(item.lead.iter().map(|c| c.text.clone()));
            of_value(&item.value, out);
            out.extend(item.trail.clone());
        }
        out.extend(group.tail.iter().map(|c| c.text.clone()));
    }
    let file = parse(text).unwrap();
    let mut out: Vec<String> = file.lead.iter().map(|c| c.text.clone()).collect();
    of_value(&file.value, &mut out);
    out.extend(file.tail.iter().map(|c| c.text.clone()));
    out
}

#[test]
fn what_is_read_means_the_same_to_the_ron_crate_before_and_after_formatting() {
    for seed in 0..4000 {
        let mut r = Random(seed);
        let text = random_ron(&mut r, 4);
        let file = match parse(&text) {
            Ok(file) => file,
            Err(e) => panic!("seed {seed}: {e:?} in\n{text}"),
        };
        let before = meaning(&text).unwrap_or_else(|e| panic!("seed {seed}: ron refuses: {e}\n{text}"));
        let formatted = print(&file);
        let after = meaning(&formatted).unwrap_or_else(|e| panic!("seed {seed}: ron refuses: {e}\n{formatted}"));
        assert_eq!(before, after, "seed {seed}: formatting changed the meaning\n{text}\n-----\n{formatted}");
        let again = print(&parse(&formatted).unwrap_or_else(|e| panic!("seed {seed}: {e:?} in\n{formatted}")));
        assert_eq!(formatted, again, "seed {seed}: formatting twice differs");
        let squeezed = |texts: Vec<String>| {
            let mut words: Vec<String> = texts.join(" ").split_whitespace().map(str::to_owned).collect();
            words.sort();
            words
        };
        assert_eq!(squeezed(comments(&text)), squeezed(comments(&formatted)), "seed {seed}: comments\n{text}");
    }
}

#[test]
fn damaged_texts_never_panic_and_what_is_accepted_ron_accepts_too() {
    let mut accepted = 0;
    for seed in 0..6000 {
        let mut r = Random(seed);
        let text = random_ron(&mut r, 3);
        let text = damage(&mut r, &text);
        if let Ok(file) = parse(&text) {
            accepted += 1;
            let plain = text.trim_start_matches('\u{feff}');
            meaning(plain).unwrap_or_else(|e| panic!("seed {seed}: ron refuses: {e}\n{plain}"));
            let formatted = print(&file);
            assert_eq!(print(&parse(&formatted).unwrap()), formatted, "seed {seed}");
        }
    }
    assert!(accepted > 1000, "only {accepted} texts were read: the test tests too little");
}

#[test]
fn spans_cover_what_was_read() {
    let text = "/* x */ Graph( nodes : { \"ä\" : Load(path: Arg(\"face\")) } )";
    let file = parse(text).unwrap();
    let at = |span: Span| &text[span.start..span.end];
    let graph = file.value.as_group(Brackets::Round).unwrap();
    assert_eq!(at(graph.name.as_ref().unwrap().span), "Graph");
    let key_span = |item: &Item| match item.key.as_ref().unwrap() {
        Key::Name(name) => name.span,
        Key::Value(value) => value.span,
    };
    assert_eq!(at(key_span(&graph.items[0])), "nodes");
    let nodes = graph.items[0].value.as_group(Brackets::Curly).unwrap();
    assert_eq!(at(key_span(&nodes.items[0])), "\"ä\"");
    assert_eq!(at(nodes.items[0].value.span), "Load(path: Arg(\"face\"))");
    assert_eq!(at(file.value.span), &text[8..]);
}

#[test]
fn brackets() {
    assert_error("(a: 1", "this `(` is never closed: `)` is missing", "(");
    assert_error("(a: [1, 2)", "expected `,` or `]`, found `)`; the `[` of line 1 is still open", ")");
    assert_error(
        "(a: 1))",
        "expected the end of the file, found `)`; a graph file holds one `Graph(...)` and nothing else",
        ")",
    );
    assert_error("", "expected a value, found the end of the file", "");
    assert_error(&"[".repeat(200), "brackets nest deeper than 64", "[");
    assert_error("(a: 1 /* open", "this comment is never closed: `*/` is missing", "/*");
}

#[test]
fn commas_and_colons() {
    assert_error("(a: 1 b: 2)", "expected `,` or `)`, found `b`", "b");
    assert_error("(\n  a: 1\n  b: 2\n)", "expected `,` or `)` at the end of this line", "");
    assert_error("(a = 1)", "expected `:`, found `=`; write `:` between a name and its value", "=");
    assert_error("{\"a\" 1}", "expected `:`, found `1`; an entry is written \"name\": value", "1");
    assert_error("{a: 1}", "expected a name in quotes, found the word `a`; an entry is written \"name\": value", "a");
    assert_error(
        "(a: 1, \"b\": 2)",
        "expected `name: value`, found `\"`; the names of inputs are written without quotes",
        "\"",
    );
    assert_error("(1, b: 2)", "expected `,` or `)`, found `:`; either every value here has a name, or none", ":");
    assert_error(
        "(a: Out(photo.image))",
        "expected `,` or `)`, found `.`; a link is written in quotes: Out(\"node.output\")",
        ".",
    );
    assert_error("(a: 1,, b: 2)", "expected `name: value`, found `,`", ",");
}

#[test]
fn strings() {
    assert_error("(a: \"x)", "this string is never closed: `\"` is missing", "\"");
    assert_error("(a: r#\"x\")", "this string is never closed: `\"#` is missing", "r");
    assert_error("(a: 'x')", "expected a value, found `'`; strings are written in double quotes", "'");
    assert_error(
        "(a: \"C:\\pictures\")",
        "`\\p` is not an escape; write \\\\ for a backslash, in Windows paths too, or use /",
        "\\p",
    );
    assert!(error("(a: \"\\u{d800}\")").0.starts_with("`\\u` is not a Unicode character"));
    assert!(error("(a: \"\\xff\")").0.contains("is not an ASCII character"));
    assert!(error("(a: \"\\x4\")").0.contains("is not an ASCII character"));
    assert!(error("(a: \"\\").0.starts_with("this string is never closed"));
}

#[test]
fn numbers() {
    assert_error(
        "(a: 18446744073709551616)",
        "`18446744073709551616` is too large; integers have 64 bits; write a decimal point for a float",
        "18446744073709551616",
    );
    assert_error("(a: 1e999)", "`1e999` is too large; floats go up to about 1.8e308", "1e999");
    for text in ["1.2.3", "5abc", "1i32", "0x", "0xfg", "-", ".", "1e", "0b12"] {
        assert_error(&format!("(a: {text})"), &format!("`{text}` is not a number"), text);
    }
    assert_error("(a: ._5)", "`._5` is not a number; underscores stand between digits", "._5");
    assert_error("(a: inf)", "`inf` has no meaning in a graph; write a finite number", "inf");
    assert_error(
        "(a: Some(1))",
        "`Some` has no meaning in a graph; write the value alone, or leave the field out",
        "Some",
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_obstacle() {
    let file = parse("\u{feff}Graph(\r\n    // note\r\n    version: 1,\r\n)\r\n").unwrap();
    assert_eq!(print(&file), "Graph(\n    // note\n    version: 1,\n)\n");
}
