//! What a plugin says of its nodes: what cannot be read keeps the plugin out, and so does what contradicts itself.

use crate::kit::*;
use crate::load::{fails, host_works_with, load, with_factory};
use selfsame_host::Nodes;
use selfsame_sdk::{Literal, Widget};

/// A plugin with one node, with these fields in its descriptor, in its input, and more source before.
fn node(fields: &str, input: &str, more: &str) -> String {
    with_factory(
        "p",
        &format!(
            "{more}\n\
             static SsStatus run(void *n, SsCtx *c, const SsValue *in, uint64_t n_in, SsValue *out, uint64_t n_out) {{\n\
             (void)n, (void)c, (void)in, (void)n_in, (void)out, (void)n_out; return SS_STATUS_UNSUPPORTED; }}\n\
             static const SsInputPort port = {{.struct_size = sizeof(SsInputPort), .name = SS_LIT(\"x\"),\n\
             .type_name = SS_LIT(\"FLOAT\"), .doc = SS_LIT(\"x\"), {input}}};\n\
             static const SsInputPort *const inputs[] = {{&port}};\n\
             static const SsOutputPort output = {{.struct_size = sizeof(SsOutputPort), .name = SS_LIT(\"y\"),\n\
             .type_name = SS_LIT(\"FLOAT\"), .doc = SS_LIT(\"y\")}};\n\
             static const SsOutputPort *const outputs[] = {{&output}};\n\
             static const SsNodeDescriptor d = {{.struct_size = sizeof(SsNodeDescriptor), .version = 1, .id = SS_LIT(\"a.b\"),\n\
             .name = SS_LIT(\"N\"), .category = SS_LIT(\"c\"), .doc = SS_LIT(\"d\"), .inputs = inputs, .n_inputs = 1,\n\
             .outputs = outputs, .n_outputs = 1, {fields}}};\n\
             static const SsNodeType t = {{.struct_size = sizeof(SsNodeType), .descriptor = &d, .run = run}};\n\
             static const SsNodeType *const types[] = {{&t}};\n\
             static const SsNodeFactory factory = {{.struct_size = sizeof(SsNodeFactory), .types = types, .n_types = 1}};"
        ),
    )
}

/// What is wrong with a descriptor that can be read.
fn unsound(source: &str) -> String {
    let plugin = load(source).unwrap_or_else(|error| panic!("{error}"));
    let mut nodes = Nodes::built_in();
    let before = nodes.descriptors().count();
    let error = nodes.add_plugin(&plugin).unwrap_err().to_string();
    assert_eq!(nodes.descriptors().count(), before);
    error
}

#[test]
fn tables_must_be_whole() {
    let factory = |text: &str| fails(&with_factory("p", text));
    assert_eq!(
        factory("static const SsNodeFactory factory = {.struct_size = 8};"),
        "it lacks node types (`selfsame.node_factory/1`)"
    );
    let many = "static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory), .n_types = 1u << 31};";
    assert_eq!(factory(many), "its node types: 2147483648 of them, more than 10000");
    let null = "static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory), .n_types = 2};";
    assert_eq!(factory(null), "its node types: 2 elements at the address 0x0");
    let odd = "static const char text[] = \"0123456789abcdef\";\n\
               static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory), .n_types = 1,\n\
               .types = (const SsNodeType *const *)(text + 1)};";
    assert!(factory(odd).starts_with("its node types: 1 elements at the address 0x"));
    let no_type = "static const SsNodeType *const types[] = {0};\n\
                   static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory), .types = types, .n_types = 1};";
    assert_eq!(factory(no_type), "node type number 0: it has no descriptor");

    let changed = |from: &str, to: &str| fails(&node("", "", "").replace(from, to));
    assert_eq!(changed(".descriptor = &d, ", ""), "node type number 0: it has no descriptor");
    assert_eq!(changed(", .run = run", ""), "node a.b: it has no function `run`");
    assert_eq!(changed("sizeof(SsNodeType)", "16"), "node a.b: it has no function `run`");
    assert_eq!(changed("sizeof(SsNodeDescriptor)", "40"), "node a.b: the descriptor ends before `name`");
    assert_eq!(changed("sizeof(SsInputPort)", "0"), "node a.b: input number 0: it ends before `flags`");
    assert_eq!(changed("sizeof(SsOutputPort)", "24"), "node a.b: output number 0: it ends before `aliases`");
    assert_eq!(changed("inputs[] = {&port}", "inputs[] = {0}"), "node a.b: input number 0: it ends before `flags`");
    assert_eq!(
        changed("inputs[] = {&port}", "inputs[] = {(const SsInputPort *)((const char *)&port + 1)}"),
        "node a.b: input number 0: it ends before `flags`"
    );
    // What is larger than it is here is of a later version.
    assert!(load(&node("", "", "").replace("sizeof(SsNodeDescriptor)", "4000000000u")).is_ok());
    host_works_with(&[&samples()]);
}

#[test]
fn texts_and_lists_must_be_readable() {
    let cases = [
        (".id = SS_LIT(\"\\xff.b\")", "node type number 0: its id: a text is not UTF-8"),
        (".id = {0, 7}", "node type number 0: its id: 7 elements at the address 0x0"),
        (".name = {0, 3}", "node a.b: its name: 3 elements at the address 0x0"),
        (".title = {0, 5}", "node a.b: its title: 5 elements at the address 0x0"),
        (".doc = SS_LIT(\"\\xff\")", "node a.b: its doc: a text is not UTF-8"),
        (".doc = {\"d\", 1u << 21}", "node a.b: its doc: a text of 2097152 bytes, more than 1048576"),
        (".aliases = {0, 2}", "node a.b: its aliases: 2 elements at the address 0x0"),
        (".aliases = {0, 200000}", "node a.b: its aliases: a list of 200000 texts, more than 100000"),
        (
            ".search_terms = {0, UINT64_MAX}",
            "node a.b: its search_terms: a list of 18446744073709551615 texts, more than 100000",
        ),
        (".n_inputs = 1000000", "node a.b: 1000000 inputs, more than 1000"),
        (".n_outputs = 1000000", "node a.b: 1000000 outputs, more than 1000"),
        (".inputs = 0", "node a.b: 1 elements at the address 0x0"),
    ];
    for (fields, expected) in cases {
        assert_eq!(fails(&node(fields, "", "")), expected);
    }
    let a_million = "static const SsInputPort *const a_million[1000000];";
    let source = node(".inputs = a_million, .n_inputs = 1000000", "", a_million);
    assert_eq!(fails(&source), "node a.b: 1000000 inputs, more than 1000");
    host_works_with(&[&samples()]);
}

#[test]
fn types_must_be_types() {
    let of = |ty: &str| {
        node("", "", "")
            .replace("SS_LIT(\"FLOAT\"), .doc = SS_LIT(\"x\")", &format!("SS_LIT(\"{ty}\"), .doc = SS_LIT(\"x\")"))
    };
    let told = fails(&of("LIST<IMAGE"));
    assert_eq!(
        told,
        "node a.b: input number 0: its type_name: `LIST<IMAGE` is not a type: `>` is missing (types look like IMAGE, \
         LIST<IMAGE>, IMAGE|MASK or *)"
    );
    assert!(fails(&of("")).contains("is not a type: a name is missing"));
    assert!(fails(&of(&"LIST<".repeat(1000))).contains("lists nest deeper than 16"));
    // Types that nobody here knows are those of plugins.
    let plugin = load(&of("com.nobody.THING/7")).unwrap();
    assert_eq!(plugin.nodes()[0].descriptor().check(), []);
    host_works_with(&[&plugin, &samples()]);
}

#[test]
fn defaults_must_be_readable() {
    let default = |literal: &str, more: &str| {
        node("", ".default_value = &literal", &format!("{more}\nstatic const SsLiteral literal = {literal};"))
    };
    assert_eq!(fails(&default("{.tag = 77}", "")), "node a.b: input number 0: a default with the unknown tag 77");
    // A list that contains itself, once and many times.
    let loops = |count: u32| {
        default(
            &format!("{{.tag = SS_LITERAL_LIST, .items = loop, .n_items = {count}}}"),
            &format!(
                "extern const SsLiteral loop[{count}];\n\
                 const SsLiteral loop[{count}] = {{[0 ... {}] = {{.tag = SS_LITERAL_LIST, .items = loop, .n_items = {count}}}}};",
                count - 1
            ),
        )
    };
    assert_eq!(fails(&loops(1)), "node a.b: input number 0: a default with lists that are nested deeper than 16");
    let many = loops(50_000);
    assert_eq!(fails(&many), "node a.b: input number 0: a default with more than 100000 values");
    assert_eq!(
        fails(&default("{.tag = SS_LITERAL_LIST, .n_items = 3}", "")),
        "node a.b: input number 0: 3 elements at the address 0x0"
    );
    assert_eq!(
        fails(&default("{.tag = SS_LITERAL_STRING, .text = {0, 3}}", "")),
        "node a.b: input number 0: 3 elements at the address 0x0"
    );
    host_works_with(&[&samples()]);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let number = |literal: &str| format!("static const SsLiteral literal = {literal};");
    let range = |min: &str, max: &str| format!("static const SsRange range = {{{min}, {max}}};");
    let cases = [
        (node("", ".hard = &range", &range("2", "1")), "input `x`: the hard range is empty: 2 is above 1"),
        (node("", ".soft = &range", &range("2", "1")), "input `x`: the soft range is empty: 2 is above 1"),
        (node("", ".hard = &range", &range("0.0 / 0.0", "1")), "input `x`: a bound of the hard range is NaN"),
        (
            node(
                "",
                ".hard = &range, .default_value = &literal",
                &(range("0", "1") + &number("{.tag = SS_LITERAL_FLOAT, .f = 2}")),
            ),
            "input `x`: the default does not fit: 2.0 is not between 0 and 1",
        ),
        (
            node("", ".default_value = &literal", &number("{.tag = SS_LITERAL_FLOAT, .f = 0.0 / 0.0}")),
            "input `x`: the default does not fit: NaN is not finite",
        ),
        (
            node("", ".default_value = &literal", &number("{.tag = SS_LITERAL_STRING, .text = SS_LIT(\"a\")}")),
            "input `x`: the default does not fit: expected FLOAT, got the string \"a\"",
        ),
        (
            node("", ".flags = SS_INPUT_OPTIONAL, .default_value = &literal", &number("{.tag = SS_LITERAL_FLOAT}")),
            "input `x`: it is optional and has a default, which would always be there",
        ),
        (node("", ".step = -1", ""), "input `x`: the step -1 is not above 0"),
        (node("", ".step = 0.0 / 0.0", ""), "input `x`: the step NaN is not above 0"),
        (node("", ".widget = SS_WIDGET_SEED", ""), "input `x`: the widget Seed does not fit FLOAT"),
        (
            node("", "", "").replace("SS_LIT(\"x\"),\n", "SS_LIT(\"a b\"),\n"),
            "input `a b`: the name \"a b\" is not like `guidance_scale`",
        ),
        (
            node("", "", "")
                .replace("inputs[] = {&port}", "inputs[] = {&port, &port}")
                .replace(".n_inputs = 1", ".n_inputs = 2"),
            "input `x`: the name \"x\" is used twice",
        ),
        (
            node("", "", "").replace(".id = SS_LIT(\"a.b\")", ".id = SS_LIT(\"Gain\")"),
            "the id \"Gain\" is not like `core.image.gain`",
        ),
        (node("", "", "").replace("SS_LIT(\"N\")", "SS_LIT(\"Graph\")"), "the name \"Graph\" is not like `Gain`"),
        (node("", "", "").replace(".version = 1", ".version = 0"), "the version is 0; the first one is 1"),
        (node("", "", "").replace(".doc = SS_LIT(\"d\")", ".doc = {0, 0}"), "the doc is empty"),
        (
            node("", "", "").replace(".n_outputs = 1", ".n_outputs = 0"),
            "it has no output and is not an output node, so nothing would ever run it",
        ),
        (
            node(".aliases = {&alias, 1}", "", "static const SsStr alias = SS_LIT(\"N\");"),
            "the alias \"N\" is not a name or id of its own",
        ),
        (
            node("", ".aliases = {&alias, 1}", "static const SsStr alias = SS_LIT(\"x\");"),
            "input `x`: the name \"x\" is used twice",
        ),
    ];
    for (source, expected) in cases {
        assert!(unsound(&source).ends_with(&format!(" is not sound: {expected}")), "{}\n{expected}", unsound(&source));
    }
    host_works_with(&[&samples()]);
}

/// Two nodes of which each claims to have been called like the other.
#[test]
fn names_that_go_in_a_circle_are_refused() {
    let node = |which: &str, other: &str| {
        format!(
            "static const SsStr alias_{which} = SS_LIT(\"{other}\");\n\
             static const SsNodeDescriptor d_{which} = {{.struct_size = sizeof(SsNodeDescriptor), .version = 1,\n\
             .id = SS_LIT(\"a.{which}\"), .name = SS_LIT(\"{which}\"), .category = SS_LIT(\"c\"), .doc = SS_LIT(\"d\"),\n\
             .aliases = {{&alias_{which}, 1}}, .flags = SS_NODE_OUTPUT}};\n\
             static const SsNodeType t_{which} = {{.struct_size = sizeof(SsNodeType), .descriptor = &d_{which}, .run = run}};\n"
        )
    };
    let run = "static SsStatus run(void *n, SsCtx *c, const SsValue *in, uint64_t n_in, SsValue *out, uint64_t n_out) {\n\
               (void)n, (void)c, (void)in, (void)n_in, (void)out, (void)n_out; return SS_STATUS_UNSUPPORTED; }\n";
    let factory = "static const SsNodeType *const types[] = {&t_one, &t_two};\n\
                   static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory), .types = types, .n_types = 2};";
    let source = with_factory("p", &(run.to_owned() + &node("one", "two") + &node("two", "one") + factory));
    assert_eq!(unsound(&source), "`two` names both a.one and a.two");
    host_works_with(&[&samples()]);
}

/// What this host does not know is no reason to do without the node.
#[test]
fn what_is_unknown_and_harmless_is_passed_over() {
    let unknown = node(
        ".flags = UINT64_C(1) << 63",
        ".flags = 1u << 31, .widget = 4711, .hard = &range, .soft = &range, .default_value = &seed",
        "static const SsRange range = {-1.0 / 0.0, 1.0 / 0.0};\n\
         static const SsLiteral seed = {.tag = SS_LITERAL_UINT, .i = -1};",
    );
    let plugin =
        load(&unknown.replace("SS_LIT(\"FLOAT\"), .doc = SS_LIT(\"x\")", "SS_LIT(\"INT\"), .doc = SS_LIT(\"x\")"))
            .unwrap();
    let input = &plugin.nodes()[0].descriptor().inputs[0];
    assert_eq!(input.widget, Widget::Auto);
    assert!(!input.hard.is_bounded() && !input.soft.is_bounded());
    assert_eq!(input.default, Some(Literal::Int(u64::MAX.into())));
}
