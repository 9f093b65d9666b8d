//! Several mistakes in one text are all found, and nothing else.

use super::tests::errors;

/// The mistakes of a text are exactly these: the message, and the text at its place.
#[track_caller]
fn assert_errors(text: &str, expected: &[(&str, &str)]) {
    let errors = errors(text);
    let found: Vec<(&str, &str)> = errors.iter().map(|(message, place)| (&**message, &**place)).collect();
    assert_eq!(found, expected, "in {text}");
}

#[test]
fn a_mistake_costs_its_item_and_no_other() {
    assert_errors(
        "(a: 'x, (y', b: 1.2.3, c: Out(p.q), d: [1, ~, 2], e = 5, f: \"\\q \\r\", g: inf, h: 1 i: 2, j: *)",
        &[
            ("expected a value, found `'`; strings are written in double quotes", "'"),
            ("`1.2.3` is not a number", "1.2.3"),
            ("expected `,` or `)`, found `.`; a link is written in quotes: Out(\"node.output\")", "."),
            ("expected a value, found `~`", "~"),
            ("expected `:`, found `=`; write `:` between a name and its value", "="),
            ("`\\q` is not an escape; write \\\\ for a backslash, in Windows paths too, or use /", "\\q"),
            ("`inf` has no meaning in a graph; write a finite number", "inf"),
            ("expected `,` or `)`, found `i`", "i"),
            ("expected a value, found `*`", "*"),
        ],
    );
    assert_errors(
        "{\"a\" 1, b: N(x: [1, 2], y: 3), \"c\": 'x', \"d\": 5,, \"e\": 6}",
        &[
            ("expected `:`, found `1`; an entry is written \"name\": value", "1"),
            ("expected a name in quotes, found the word `b`; an entry is written \"name\": value", "b"),
            ("expected a value, found `'`; strings are written in double quotes", "'"),
            ("expected a value, found `,`", ","),
        ],
    );
}

#[test]
fn missing_commas_at_line_ends() {
    assert_errors(
        "(\n  a: 1\n  b: [\n    1\n    2\n  ]\n  c: 'x',\n)",
        &[
            ("expected `,` or `)` at the end of this line", ""),
            ("expected `,` or `]` at the end of this line", ""),
            ("expected `,` or `)` at the end of this line", ""),
            ("expected a value, found `'`; strings are written in double quotes", "'"),
        ],
    );
}

#[test]
fn closing_brackets_that_are_missing() {
    // By the indentation of the next entry.
    assert_errors(
        "G(\n  n: {\n    \"a\": L(p: [1, 2,\n    \"b\": L(p: 1\n    \"c\": L(\n      p: 'x',\n  },\n  o: 'y',\n)",
        &[
            ("this `[` is never closed: `]` is missing; the next entry stands on line 4", "["),
            ("this `(` is never closed: `)` is missing; the next entry stands on line 5", "("),
            ("expected a value, found `'`; strings are written in double quotes", "'"),
            ("expected `)`, found `}`; the `(` of line 5 is still open", "}"),
            ("expected a value, found `'`; strings are written in double quotes", "'"),
        ],
    );
    assert_errors(
        "G(\n  n: {\n    \"a\": 1,\n  o: 'y',\n)",
        &[
            ("this `{` is never closed: `}` is missing; the next entry stands on line 4", "{"),
            ("expected a value, found `'`; strings are written in double quotes", "'"),
        ],
    );
    // By the closing brackets around it.
    assert_errors(
        "(a: {\"b\": [1, 2), c: 3",
        &[("expected `,` or `]`, found `)`; the `[` of line 1 is still open", ")")],
    );
    assert_errors("(a: {\"b\": [1, 2", &[("this `[` is never closed: `]` is missing", "[")]);
}

#[test]
fn closing_brackets_that_are_too_many() {
    assert_errors(
        "(a: [1, 2)], b: {\"c\": 3]}, d: 'x')",
        &[
            ("expected `,` or `]`, found `)`; the `[` of line 1 is still open", ")"),
            ("expected `,` or `}`, found `]`; the `{` of line 1 is still open", "]"),
            ("expected a value, found `'`; strings are written in double quotes", "'"),
        ],
    );
}

#[test]
fn quotes_that_are_missing() {
    assert_errors(
        "{\n  \"a\": L(p: \"ada.png),\n  \"b\": L(p: \"bob.png\", q: 'x'),\n  \"c: L(),\n  \"d\": L(p: \"dan),\n}",
        &[
            ("this string goes on to line 3: is its closing `\"` missing?", "\""),
            ("expected a value, found `'`; strings are written in double quotes", "'"),
            ("this string goes on to line 5: is its closing `\"` missing?", "\""),
            ("this string is never closed: `\"` is missing", "\""),
        ],
    );
    // Strings may go over several lines.
    assert_errors(
        "(a: \"one\ntwo\", b: 'x')",
        &[("expected a value, found `'`; strings are written in double quotes", "'")],
    );
}

#[test]
fn a_text_that_is_no_graph_at_all_gives_no_flood() {
    assert_eq!(errors(&format!("({})", "'x', ".repeat(1000))).len(), 100);
    assert_errors(
        "(a: 'x', /* open\n b: 'y'",
        &[
            ("expected a value, found `'`; strings are written in double quotes", "'"),
            ("this comment is never closed: `*/` is missing", "/*"),
        ],
    );
}

#[test]
fn deep_nesting_needs_no_deep_stack() {
    for open in ["[", "(", "{\"a\":", "(a:", "G(", "[(a:{\"b\":"] {
        let errors = errors(&open.repeat(100_000));
        assert_eq!(errors[0].0, "brackets nest deeper than 64", "{open}");
        assert_eq!(errors.len(), 1, "{open}: {errors:?}");
    }
}
