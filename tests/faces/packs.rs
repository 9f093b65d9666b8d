//! Where the two networks of a pack may lie, and what is said where they do not.

use crate::kit::{analyse, face, faces, failure, host, number, solid};
use crate::networks::{self, Detector, Layout, recogniser};
use selfsame_host::models::{Folder, Folders, Origin};
use selfsame_host::{Host, HostSettings, Outcome};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const SIZE: [usize; 2] = [128, 128];

fn scratch() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let picture = solid(folder.path().join("white.png"), SIZE, [255; 3]);
    (folder, picture)
}

fn write(path: PathBuf, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The files of a pack: what is sorted first is not what is needed.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("1k3d68.onnx", recogniser(-1, 192)),
        ("genderage.onnx", recogniser(-1, 96)),
        ("glintr100.onnx", recogniser(-1, 112)),
        ("scrfd_10g_bnkps.onnx", Detector::new(9, SIZE).onnx()),
    ]
}

fn zipped(path: &Path, method: CompressionMethod, folder: &str, files: &[(&str, Vec<u8>)]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in files {
        zip.start_file(format!("{folder}{name}"), SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

/// The face of the written detector, seen by the written recogniser: white.
fn is_found(outcome: &Outcome) {
    let found = faces(outcome);
    let (bbox, kps) = networks::face();
    assert_eq!((found.len(), found[0].bbox, found[0].kps), (1, bbox, Some(kps)));
    assert_eq!(face(outcome).as_ref(), Some(&found[0]));
    let embedding = found[0].embedding.as_ref().unwrap();
    assert_eq!(embedding.len(), 3);
    assert!(embedding.iter().all(|x| *x > 0.9), "{embedding:?}");
}

#[test]
fn in_a_folder_in_a_folder_inside_and_in_archives() {
    let (scratch, picture) = scratch();
    let at = |path: &str| scratch.path().join(path);
    for (name, bytes) in files() {
        write(at("plain").join(name), &bytes);
        write(at("nested/antelopev2").join(name), &bytes);
    }
    for (i, method) in [CompressionMethod::Stored, CompressionMethod::Deflated].into_iter().enumerate() {
        for folder in ["", "antelopev2/"] {
            let path = at(&format!("{i}{}.zip", folder.trim_end_matches('/')));
            zipped(&path, method, folder, &files());
            is_found(&analyse(host(), &picture, &path, ""));
        }
    }
    std::fs::create_dir(at("with_archive")).unwrap();
    zipped(&at("with_archive/antelopev2.zip"), CompressionMethod::Deflated, "antelopev2/", &files());
    for pack in ["plain", "nested", "with_archive"] {
        is_found(&analyse(host(), &picture, &at(pack), ""));
    }
}

#[test]
fn by_name_below_the_models_folders() {
    let (scratch, picture) = scratch();
    let models = scratch.path().join("models/insightface/models");
    let host = Host::new(HostSettings {
        device: "cpu".to_owned(),
        models: Folders::of([Folder { path: scratch.path().join("models"), origin: Origin::Flag }]),
        ..HostSettings::default()
    });
    let host = host.unwrap();
    let pack = Path::new("antelopev2");
    std::fs::create_dir_all(&models).unwrap();
    zipped(&models.join("antelopev2.zip"), CompressionMethod::Deflated, "antelopev2/", &files());
    is_found(&analyse(&host, &picture, pack, ""));
    // An archive in a folder of its name, and a folder in a folder.
    std::fs::create_dir(models.join("antelopev2")).unwrap();
    std::fs::rename(models.join("antelopev2.zip"), models.join("antelopev2/antelopev2.zip")).unwrap();
    is_found(&analyse(&host, &picture, pack, ""));
    std::fs::remove_file(models.join("antelopev2/antelopev2.zip")).unwrap();
    for (name, bytes) in files() {
        write(models.join("antelopev2/antelopev2").join(name), &bytes);
    }
    is_found(&analyse(&host, &picture, pack, ""));
}

#[test]
fn what_is_missing_is_said_with_what_is_there() {
    let (scratch, picture) = scratch();
    let at = |path: &str| scratch.path().join(path);
    write(at("pack/scrfd_10g_bnkps.onnx"), &Detector::new(9, SIZE).onnx());
    write(at("pack/1k3d68.onnx"), &recogniser(1, 192));
    let said = failure(&analyse(host(), &picture, &at("pack"), ""));
    for part in [
        "there is no face recogniser (ArcFace) in",
        "in antelopev2 it is glintr100.onnx, 260665334 bytes",
        "expected 16923827): a detector",
        "1k3d68.onnx (",
        "another network, which takes f32 [1,3,192,192] and gives 1 outputs",
        "selfsame models pull antelopev2",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(!said.contains("no face detector"), "{said}");
    write(at("none/readme.onnx"), b"<!DOCTYPE html><html><body>404</body></html>");
    let said = failure(&analyse(host(), &picture, &at("none"), ""));
    assert!(said.contains("no face detector (SCRFD) and no face recogniser (ArcFace)"), "{said}");
    assert!(said.contains("scrfd_10g_bnkps.onnx, 16923827 bytes") && said.contains("HTML page"), "{said}");
}

#[test]
fn damaged_files_are_named_with_the_reason() {
    let (scratch, picture) = scratch();
    let at = |path: &str| scratch.path().join(path);
    let whole = recogniser(1, 112);
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf\nsize 260665334\n";
    let damaged: [(&str, &[u8], &str); 4] = [
        ("cut", &whole[..whole.len() / 2], "damaged, cut off, or no ONNX model"),
        ("pointer", pointer, "Git-LFS pointer"),
        ("page", b"<!DOCTYPE html><html></html>", "HTML page"),
        ("empty", b"", "empty"),
    ];
    for (name, bytes, reason) in damaged {
        write(at(name).join("det.onnx"), &Detector::new(9, SIZE).onnx());
        write(at(name).join("glintr100.onnx"), bytes);
        let said = failure(&analyse(host(), &picture, &at(name), ""));
        assert!(said.contains("glintr100.onnx (") && said.contains("expected 260665334)"), "{said}");
        assert!(said.contains(reason), "no {reason:?} in {said}");
        // Another recogniser beside it is enough.
        write(at(name).join("w600k_r50.onnx"), &whole);
        is_found(&analyse(host(), &picture, &at(name), ""));
        // The same in an archive.
        let zip = at(&format!("{name}.zip"));
        let files = [("det.onnx", Detector::new(9, SIZE).onnx()), ("glintr100.onnx", bytes.to_vec())];
        zipped(&zip, CompressionMethod::Deflated, "antelopev2/", &files);
        let said = failure(&analyse(host(), &picture, &zip, ""));
        assert!(said.contains("antelopev2/glintr100.onnx (") && said.contains(reason), "{said}");
    }
    let zip = at("whole.zip");
    zipped(&zip, CompressionMethod::Deflated, "", &files());
    let bytes = std::fs::read(&zip).unwrap();
    for (name, bytes, reason) in
        [("half.zip", &bytes[..bytes.len() / 2], "damaged or cut off"), ("page.zip", b"<html></html>", "HTML page")]
    {
        write(at(name), bytes);
        let said = failure(&analyse(host(), &picture, &at(name), ""));
        assert!(said.contains(name) && said.contains(reason), "{said}");
    }
    write(at("one.onnx"), &whole);
    assert!(failure(&analyse(host(), &picture, &at("one.onnx"), "")).contains("is a single network"));
}

#[test]
fn every_layout_of_a_detector() {
    let (scratch, _) = scratch();
    let mut number = 0;
    for outputs in [6, 9, 10, 15] {
        for layout in [Layout::Rows, Layout::Batched, Layout::Maps] {
            for (canvas, batch, is_fixed, by_stride) in [
                ([128, 128], 1, true, false),
                ([256, 128], 1, true, true),
                ([128, 128], 1, false, true),
                ([256, 160], 4, true, false),
            ] {
                if layout == Layout::Maps && batch > 1 {
                    continue;
                }
                number += 1;
                let pack = scratch.path().join(format!("pack{number}"));
                let detector = Detector { batch, is_fixed, layout, by_stride, ..Detector::new(outputs, canvas) };
                write(pack.join("det.onnx"), &detector.onnx());
                write(pack.join("rec.onnx"), &recogniser(2, 112));
                let picture = solid(scratch.path().join("picture.png"), canvas, [255; 3]);
                let scales = if outputs < 10 { "[1, 1, 1]" } else { "[1, 1, 1, 1, 1]" };
                let outcome = analyse(
                    host(),
                    &picture,
                    &pack,
                    &match (layout, is_fixed) {
                        (Layout::Maps, true) => format!("box_scales: {scales}"),
                        (Layout::Maps, false) => format!("box_scales: {scales}, det_size: 128"),
                        (_, true) => String::new(),
                        (_, false) => "det_size: 128".to_owned(),
                    },
                );
                let what = format!("{outputs} outputs, {layout:?}, {canvas:?}, batch {batch}, fixed {is_fixed}");
                if matches!(outputs, 9 | 15) {
                    is_found(&outcome);
                } else {
                    // Boxes only: nobody is recognised, and nothing is made up.
                    let found = faces(&outcome);
                    assert_eq!((found.len(), found[0].bbox), (1, networks::face().0), "{what}");
                    assert_eq!((found[0].kps, found[0].embedding.as_ref()), (None, None), "{what}");
                }
                assert_eq!(crate::kit::number(&outcome, "det_size"), *canvas.iter().max().unwrap() as f64, "{what}");
                if layout == Layout::Maps {
                    let without = if is_fixed { "" } else { "det_size: 128" };
                    let said = failure(&analyse(host(), &picture, &pack, without));
                    assert!(said.contains("det.onnx: the network was exported without its last operations"), "{said}");
                    assert!(said.contains("box_scales"), "{said}");
                }
            }
        }
    }
}

#[test]
fn no_face_is_an_error_or_nothing() {
    let (scratch, _) = scratch();
    let pack = scratch.path().join("pack");
    write(pack.join("det.onnx"), &Detector::new(9, SIZE).onnx());
    write(pack.join("rec.onnx"), &recogniser(1, 112));
    let black = solid(scratch.path().join("black.png"), [64, 32], [0; 3]);
    let said = failure(&analyse(host(), &black, &pack, ""));
    assert!(said.contains("no face was found in 64 x 32 px, at 128 px with a score of 0.5 or more"), "{said}");
    assert!(said.contains("nor with a border of 25 or 50 %") && said.contains("`required`"), "{said}");
    let outcome = analyse(host(), &black, &pack, "required: false");
    assert!(faces(&outcome).is_empty() && face(&outcome).is_none());
    let numbers = ["count", "det_size", "border"].map(|name| number(&outcome, name));
    assert_eq!(numbers, [0.0; 3]);
    // There is one face, so there is no second one.
    let white = solid(scratch.path().join("white.png"), SIZE, [255; 3]);
    assert!(failure(&analyse(host(), &white, &pack, "index: 1")).contains("there is no face 1"));
    let outcome = analyse(host(), &white, &pack, "index: 1, required: false");
    assert!(face(&outcome).is_none());
    assert_eq!(faces(&outcome).len(), 1);
}

#[test]
fn cuda_where_there_is_none() {
    let (scratch, picture) = scratch();
    for (name, bytes) in files() {
        write(scratch.path().join("pack").join(name), &bytes);
    }
    let pack = scratch.path().join("pack");
    is_found(&analyse(host(), &picture, &pack, r#"provider: "cpu""#));
    let outcome = analyse(host(), &picture, &pack, r#"provider: "cuda""#);
    if selfsame_nodes::onnx::has_cuda() {
        eprintln!("this ONNX Runtime has CUDA: what is said without it is not tested");
        return;
    }
    let said = failure(&outcome);
    assert!(
        said.contains("CUDA was asked for, but this ONNX Runtime has none: ") && said.contains("selfsame setup --gpu"),
        "{said}"
    );
}
