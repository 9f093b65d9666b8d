//! Graphs as pictures. `SELFSAME_PICTURES=folder cargo test -p selfsame-graphs --test render` also writes them there.

mod support;

use selfsame_graphs::{Catalogue, Disk, Document, Picture, Project};
use support::{assert_same, catalogue};

fn picture(name: &str) -> Picture {
    let project = Project::open(&Disk, &format!("tests/graphs/{name}.ron")).expect("the file is there");
    Picture::new(&project, &catalogue())
}

/// A reader that knows as much of XML as is needed to see that tags are closed and texts escaped.
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a stray > in {:?}", &rest[..at]);
        let end = rest.find('>').expect("every tag ends");
        let tag = &rest[at + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in {tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in {tag}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    for (at, _) in xml.match_indices('&') {
        let tail = &xml[at..];
        assert!(["&amp;", "&lt;", "&gt;", "&quot;"].iter().any(|name| tail.starts_with(name)), "{}", &tail[..10]);
    }
}

#[test]
fn pictures_show_everything_that_the_graph_has() {
    for (name, texts) in [
        (
            "portrait",
            &["Portrait", "IDEmbed", "guidance_scale", "watercolour portrait, sof…", "CONTROL_NET", "LIST&lt;FACE&gt;"]
                [..],
        ),
        ("odd", &["Mars &amp; &lt;Venus&gt;", "Teleport", "brighten.ron", "stroke-dasharray=\"6 4\"", "漢字 фото"]),
    ] {
        let svg = picture(name).svg();
        assert_well_formed(&svg);
        for text in texts {
            assert!(svg.contains(text), "{name}.svg lacks {text}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}.svg has a place that is no number");
        if let Some(folder) = std::env::var_os("SELFSAME_PICTURES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.svg")), svg).expect("it can be written");
        }
    }
}

#[test]
fn the_same_graph_gives_the_same_picture() {
    assert_eq!(picture("odd").svg(), picture("odd").svg());
}

#[test]
fn mermaid() {
    let text = "Graph(version: 1, nodes: {\"a \\\"b\\\"\": LoadImage(path: \"x\"), \"s\": Switch(yes: Out(\"a \\\"b\\\".mask\")),
        \"u\": Nobody(image: Out(\"s.value\"))}, outputs: {\"image\": Out(\"u.image\")}, bypass: [\"s\"])";
    let project = Project::around(&Disk, Document::parse("m.ron", text));
    let expected = "flowchart LR
    n0[\"<b>a #quot;b#quot;</b><br/>LoadImage\"]
    n1[\"<b>s</b><br/>Switch\"]:::bypassed
    n2[\"<b>u</b><br/>Nobody\"]:::unknown
    n3([\"<b>image</b><br/>output of the graph\"])
    n0 -.->|\"mask → yes\"| n1
    n1 -->|\"value → image\"| n2
    n2 -->|\"image\"| n3
    classDef unknown stroke:#c0392b,stroke-dasharray:4
    classDef bypassed opacity:0.5,stroke-dasharray:4
";
    assert_same("the flowchart", expected, &Picture::new(&project, &catalogue()).mermaid());
}

#[test]
fn dot() {
    let dot = picture("odd").dot();
    assert!(dot.starts_with("digraph {\n") && dot.ends_with("}\n"));
    assert!(dot.contains("to = Mars &amp; &lt;Venus&gt;"), "{dot}");
    assert!(dot.contains("style=dashed"), "{dot}");
}

#[test]
fn empty_and_large_graphs_can_be_drawn() {
    let empty = Project::around(&Disk, Document::parse("empty.ron", "Graph(version: 1, nodes: {})"));
    assert_well_formed(&Picture::new(&empty, &Catalogue::default()).svg());
    let broken = Project::around(&Disk, Document::parse("broken.ron", "Graph("));
    assert_well_formed(&Picture::new(&broken, &Catalogue::default()).svg());

    let mut nodes = String::new();
    for i in 0..3000 {
        let (a, b) = (i / 2, i * 2 / 3);
        nodes.push_str(&format!("\"n{i}\": Stack(images: [Out(\"n{a}.image\"), Out(\"n{b}.image\")]),\n"));
    }
    let large = Project::around(&Disk, Document::parse("large.ron", format!("Graph(version: 1, nodes: {{{nodes}}})")));
    assert_well_formed(&Picture::new(&large, &catalogue()).svg());
}

#[test]
fn a_node_of_a_missing_plugin_is_a_placeholder_that_names_it() {
    let text = std::fs::read_to_string("tests/wrong/missing_plugin.ron").expect("the file is there");
    let project = Project::around(&Disk, Document::parse("missing_plugin.ron", text));
    let picture = Picture::new(&project, &catalogue());
    for drawing in [picture.svg(), picture.dot(), picture.mermaid()] {
        assert!(drawing.contains("Glow (plugin acme-filters)"), "{drawing}");
        assert!(drawing.contains("FaceMesh"), "{drawing}");
    }
}
