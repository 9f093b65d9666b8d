//! All findings as a page for people: `paper.md`.

use super::experiment::Experiment;
use super::findings::{Findings, Table};
use super::people::People;
use super::record::{Record, Subject, verdict};
use std::fmt::Write;

/// The page, in Markdown. Contact sheets lie beside it.
pub fn page(record: &Record) -> String {
    let mut text = intro(&record.subject);
    let rows = record.made().flat_map(|(experiment, findings)| {
        let title = experiment.about().title;
        findings.bars.iter().map(move |bar| {
            vec![title.to_owned(), bar.what.clone(), bar.wanted.clone(), bar.got.clone(), verdict(bar).to_owned()]
        })
    });
    let head = ["", "figure", "wanted", "reached", ""].map(str::to_owned).to_vec();
    add_table(&mut text, &Table { head, rows: rows.collect() });
    for (experiment, findings) in record.made() {
        add_experiment(&mut text, experiment, findings);
    }
    text
}

fn intro(subject: &Subject) -> String {
    let People { split, first, people } = subject.people;
    let mut models = subject.models.iter().map(|(what, name)| format!("{what} `{name}`")).collect::<Vec<_>>();
    models.push(format!("on {}", subject.device));
    let (last, flags) = (first + people - 1, flags(subject));
    format!(
        "# The paper in miniature\n\n\
         InstantID's paper (arXiv 2401.07519) shows pictures, and no figures. Here each of its claims is a graph that comes with Selfsame, \
         run on people whom no network has seen in training, and measured.\n\n\
         - **Who**: {people} people of the part `{part}` of the world of portraits (`examples/mini/world`), places {first} to {last}. \
         The evaluation refuses people who were used in training.\n\
         - **Networks**: {models}.\n\
         - **Likeness** is the cosine between two embeddings of a judge: a recogniser with another structure, trained in another way than \
         the one whose embeddings InstantID is given. Each face is cut out by the key points that the detector finds in the picture. \
         A face that is not found has no cosine; in figures that must reach something it counts as a failure.\n\
         - **±** is the standard error of a mean over people.\n\
         - **Prompts** are in the words of the world's captions, and never say who somebody is.\n\n\
         Everything again: `selfsame bench paper{flags}`; one part of it: `--only NAME`.\n\n",
        part = split.name(),
        models = models.join(", "),
    )
}

/// The flags that make the same evaluation.
fn flags(subject: &Subject) -> String {
    let People { split, first, people } = subject.people;
    let mut flags = format!(" --split {} --first {first} --people {people} --seed {}", split.name(), subject.seed);
    // Writing into a String cannot fail.
    if let Some(steps) = subject.steps {
        let _ = write!(flags, " --steps {steps}");
    }
    if let Some(guidance) = subject.guidance {
        let _ = write!(flags, " --guidance {guidance}");
    }
    flags
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
        let _ = writeln!(text, "- {}: **{}**, wanted {}: {}", bar.what, bar.got, bar.wanted, verdict(bar));
    }
    if !findings.bars.is_empty() {
        text.push('\n');
    }
    findings.tables.iter().for_each(|table| add_table(text, table));
    for remark in &findings.remarks {
        let _ = write!(text, "{remark}\n\n");
    }
    if let Some(sheet) = &findings.sheet {
        let _ = write!(text, "![{}]({name}.png)\n\n{sheet}\n\n", about.title);
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
    use super::*;
    use mini_world::split::Split;
    use std::collections::BTreeMap;

    #[test]
    fn a_page_tells_what_was_missed() {
        let people = People { split: Split::Test, first: 10, people: 5 };
        let subject = Subject {
            version: "0".to_owned(),
            people,
            seed: 7,
            steps: Some(4),
            guidance: None,
            models: BTreeMap::from([("checkpoint".to_owned(), "mini".to_owned())]),
            device: "cpu".to_owned(),
        };
        let mut record = Record::new(subject);
        let mut table = Table::new(["", "cosine"]);
        table.add("InstantID", ["0.5".to_owned()]);
        let findings = Findings {
            bars: vec![Bar::at_least("identity cosine", Some(0.5), 0.6, As::Number)],
            tables: vec![table],
            sheet: Some("Pictures.".to_owned()),
            ..Findings::default()
        };
        record.experiments.insert("identity".to_owned(), findings);
        let page = page(&record);
        for part in [
            "5 people of the part `test`",
            "places 10 to 14",
            "bench paper --split test --first 10 --people 5 --seed 7 --steps 4`",
            "| The person, and nobody else | identity cosine | at least 0.600 | 0.500 | missed |",
            "| InstantID | 0.5 |",
            "selfsame run graphs/instantid.ron --set face=photo.png",
            "](identity.png)",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }
}
