//! All findings as a page for people: `paper.md`.

use super::PICTURES;
use super::experiment::Experiment;
use super::findings::{Findings, Table};
use super::judges::Judge;
use super::people::People;
use super::record::{Record, Subject};
use std::fmt::Write;

/// What is true of the judge that comes with the program (`examples/mini/train/embedder.py`).
const BUNDLED_JUDGE: &str = "a recogniser that is not the one whose embeddings InstantID is given. It is another network (plain convolutions, \
                             group normalisation) with another seed and another margin (CosFace); like the other one it has learned from \
                             the people of the training, from cosines to their names and from the numbers that make them, but in pictures \
                             that are blurred, noisy and shifted";

/// The page, in Markdown. Contact sheets lie in a folder beside it.
pub fn page(record: &Record) -> String {
    let mut text = intro(record);
    let rows = record.made().flat_map(|(experiment, findings)| {
        let title = experiment.about().title;
        findings.bars.iter().map(move |bar| {
            vec![title.to_owned(), bar.what.clone(), bar.wanted.clone(), bar.got.clone(), bar.verdict()]
        })
    });
    let head = ["", "figure", "wanted", "reached", ""].map(str::to_owned).to_vec();
    add_table(&mut text, &Table { head, rows: rows.collect() });
    for (experiment, findings) in record.made() {
        add_experiment(&mut text, experiment, findings);
    }
    text
}

fn intro(record: &Record) -> String {
    let Subject { version, people: People { split, first, people }, models, device, .. } = &record.subject;
    let networks: Vec<String> = models.iter().map(|(what, network)| format!("{what} {network}")).collect();
    let is_bundled = models.get("judge").is_some_and(|judge| judge.name == Judge::BUNDLED);
    let judge =
        if is_bundled { BUNDLED_JUDGE } else { "a recogniser that is not the one whose embeddings InstantID is given" };
    let last = first + people - 1;
    format!(
        "# The paper in miniature\n\n\
         InstantID's paper (arXiv 2401.07519) shows pictures, and no figures. Here each of its claims is a graph that comes with Selfsame, \
         run on people whom no network has seen in training, and measured.\n\n\
         - **Who**: {people} people of the part `{part}` of the world of portraits (`examples/mini/world`), places {first} to {last}. \
         Every network says of whom it has learned, and the evaluation refuses those people.\n\
         - **Networks**, with the first digits of their SHA-256: {networks}; on {device}, version {version}.\n\
         - **Likeness** is the cosine between two embeddings of a judge: {judge}. Each face is cut out by the key points that the detector \
         finds in the picture. A face that is not found has no cosine; in figures that must reach something it counts as a failure.\n\
         - **Not decided** is a figure that is missed even by the pictures that the world itself draws of the same people, judged in the \
         same way: it says something of the judge, and nothing of InstantID.\n\
         - **±** is the standard error of a mean over people.\n\
         - **Prompts** are in the words of the world's captions, and never say who somebody is.\n\n\
         Everything again; one part of it with `--only NAME`:\n\n```sh\n{commands}\n```\n\n",
        part = split.name(),
        networks = networks.join(", "),
        commands = record.commands.join("\n"),
    )
}

/// A command line of this program, for a shell.
pub fn command_line(args: impl IntoIterator<Item = String>) -> String {
    let is_plain = |arg: &str| arg.chars().all(|c| c.is_alphanumeric() || "-_./=,:+@%".contains(c)) && !arg.is_empty();
    let quoted = args.into_iter().map(|arg| match is_plain(&arg) {
        true => arg,
        false => format!("'{}'", arg.replace('\'', r"'\''")),
    });
    std::iter::once("selfsame".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

fn add_experiment(text: &mut String, experiment: Experiment, findings: &Findings) {
    let (name, about) = (experiment.name(), experiment.about());
    let graphs: Vec<String> = about.graphs.iter().map(|graph| format!("`graphs/{}`", graph.file)).collect();
    let first = about.graphs.first().map_or("", |graph| graph.file);
    // Writing into a String cannot fail.
    let _ = write!(text, "## {}\n\n{}\n\n", about.title, about.text);
    let _ = write!(
        text,
        "Graph: {}. With pictures of your own: `selfsame run graphs/{first} {}`. These figures: `selfsame bench paper --only {name}`; \
         {} pictures, {:.0} s.\n\n",
        graphs.join(", "),
        about.example,
        findings.pictures,
        findings.seconds,
    );
    for bar in &findings.bars {
        let _ = write!(text, "- {}: **{}**, wanted {}: {}", bar.what, bar.got, bar.wanted, bar.verdict());
        let world = bar.ceiling.as_ref().filter(|_| bar.is_reached.is_some());
        let _ = writeln!(text, "{}", world.map(|got| format!(" (what the world draws: {got})")).unwrap_or_default());
    }
    if !findings.bars.is_empty() {
        text.push('\n');
    }
    findings.tables.iter().for_each(|table| add_table(text, table));
    for remark in &findings.remarks {
        let _ = write!(text, "{remark}\n\n");
    }
    if let Some(sheet) = &findings.sheet {
        let _ = write!(text, "![{}]({PICTURES}/{name}.png)\n\n{sheet}\n\n", about.title);
    }
}

fn add_table(text: &mut String, table: &Table) {
    let mut line = |cells: &[String]| {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(&table.head);
    line(&vec!["---".to_owned(); table.head.len()]);
    table.rows.iter().for_each(|row| line(row));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::findings::{As, Bar};
    use super::super::networks::Network;
    use super::*;
    use mini_world::split::Split;
    use std::collections::BTreeMap;

    fn subject(judge: &str) -> Subject {
        let network = |name: &str| Network { name: name.to_owned(), sha256: "0123456789abcdef".to_owned() };
        Subject {
            version: "0".to_owned(),
            people: People { split: Split::Test, first: 10, people: 5 },
            seed: 7,
            steps: Some(4),
            guidance: None,
            models: BTreeMap::from([("checkpoint", "mini"), ("judge", judge)].map(|(k, v)| (k.to_owned(), network(v)))),
            device: "cpu".to_owned(),
        }
    }

    fn record(subject: Subject) -> Record {
        Record { subject, commands: Vec::new(), experiments: BTreeMap::new() }
    }

    #[test]
    fn a_page_tells_what_was_missed() {
        let mut record = record(subject(Judge::BUNDLED));
        record
            .made_by(command_line(["bench", "paper", "--first", "10", "--judge", "my judge.onnx"].map(str::to_owned)));
        let mut table = Table::new(["", "cosine"]);
        table.add("InstantID", ["0.5".to_owned()]);
        let bar = |value| Bar::at_least("identity cosine", Some(value), 0.6, As::Number);
        let findings = Findings {
            bars: vec![bar(0.5).below(bar(0.8)), bar(0.5).below(bar(0.4))],
            tables: vec![table],
            sheet: Some("Pictures.".to_owned()),
            ..Findings::default()
        };
        record.experiments.insert("identity".to_owned(), findings);
        let page = page(&record);
        for part in [
            "5 people of the part `test`",
            "places 10 to 14",
            "checkpoint `mini` (0123456789ab), judge",
            "margin (CosFace)",
            "\nselfsame bench paper --first 10 --judge 'my judge.onnx'\n",
            "| The person, and nobody else | identity cosine | at least 0.600 | 0.500 | missed |",
            "wanted at least 0.600: missed (what the world draws: 0.800)\n",
            "wanted at least 0.600: not decided: the judge gives 0.500 here, and 0.400 for what the world itself draws\n",
            "| InstantID | 0.5 |",
            "selfsame run graphs/instantid.ron --set face=photo.png",
            "](paper/identity.png)",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn nothing_is_said_of_another_judge() {
        let page = page(&record(subject("judge.onnx")));
        assert!(!page.contains("CosFace") && page.contains("a recogniser that is not the one"), "{page}");
    }

    #[test]
    fn command_lines_are_for_a_shell() {
        let line = |args: &[&str]| command_line(args.iter().map(|arg| (*arg).to_owned()));
        assert_eq!(
            line(&["bench", "--only", "identity,poses", "--out", ""]),
            "selfsame bench --only identity,poses --out ''"
        );
        assert_eq!(line(&["it's $HOME"]), r"selfsame 'it'\''s $HOME'");
    }
}
