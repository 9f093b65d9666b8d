//! From names to files.

use super::{folders_of, write};
use selfsame_host::models::{Catalogue, Folders, Missing};
use std::path::{Path, PathBuf};

fn find(folders: &Folders, kind: &str, name: &str) -> Result<PathBuf, Box<Missing>> {
    folders.find(kind, name, &Catalogue::builtin())
}

fn names(folders: &Folders, kind: Option<&str>) -> Vec<String> {
    folders.list(kind).entries.into_iter().map(|entry| format!("{}: {}", entry.kind, entry.name)).collect()
}

#[test]
fn a_name_with_and_without_extension_and_sub_folder() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("checkpoints/xl/base.v1.safetensors");
    write(&file, "x");
    let folders = folders_of(&[dir.path()]);
    for name in
        ["xl/base.v1.safetensors", "xl\\base.v1", "xl/base.v1", "base.v1", "base.v1.safetensors", "other/base.v1"]
    {
        assert_eq!(find(&folders, "checkpoints", name).as_ref(), Ok(&file), "{name}");
    }
    assert!(find(&folders, "loras", "base.v1").is_err());
}

#[test]
fn earlier_folders_and_earlier_names_of_a_kind_win() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(one.path().join("clip/l.safetensors"), "old folder name");
    write(two.path().join("text_encoders/l.safetensors"), "x");
    write(two.path().join("text_encoders/g.safetensors"), "x");
    let folders = folders_of(&[one.path(), two.path()]);
    assert_eq!(find(&folders, "text_encoders", "l").unwrap(), one.path().join("clip/l.safetensors"));
    assert_eq!(find(&folders, "clip", "g").unwrap(), two.path().join("text_encoders/g.safetensors"));
    assert_eq!(
        names(&folders, Some("text_encoders")),
        ["text_encoders: g.safetensors", "text_encoders: l.safetensors"]
    );
}

#[test]
fn a_file_name_in_two_places_must_be_written_with_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("loras/a/style.safetensors"), "x");
    write(dir.path().join("loras/b/style.pt"), "x");
    let folders = folders_of(&[dir.path()]);
    let missing = find(&folders, "loras", "style").unwrap_err();
    let mut both = missing.ambiguous.clone();
    both.sort();
    assert_eq!(both, [dir.path().join("loras/a/style.safetensors"), dir.path().join("loras/b/style.pt")]);
    assert!(missing.to_string().contains("several files have this name"), "{missing}");
    assert!(missing.to_string().ends_with("write the sub-folder too"), "{missing}");
    assert_eq!(find(&folders, "loras", "b/style").unwrap(), dir.path().join("loras/b/style.pt"));
    // In one of two places only, the extension decides.
    assert_eq!(find(&folders, "loras", "style.pt").unwrap(), dir.path().join("loras/b/style.pt"));
}

#[test]
fn names_never_lead_out_of_the_models_folders() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("models");
    write(models.join("vae/good.pt"), "x");
    write(dir.path().join("secret.pt"), "x");
    write(models.join("loras/secret.pt"), "x");
    let folders = folders_of(&[&models]);
    for name in
        ["../../secret.pt", "../loras/secret.pt", "..\\..\\secret", "", ".", "..", "./good.pt", "good.pt/", "a\0b"]
    {
        assert!(find(&folders, "vae", name).is_err(), "{name:?}");
    }
    assert!(find(&folders, "../loras", "secret.pt").is_err());
    // The user's own path is taken as it is.
    let path = dir.path().join("secret.pt");
    assert_eq!(find(&folders, "vae", path.to_str().unwrap()).unwrap(), path);
    assert!(find(&folders, "vae", dir.path().join("gone.pt").to_str().unwrap()).is_err());
}

#[test]
fn folders_that_are_models() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    write(at("diffusers/sdxl/model_index.json"), "{}");
    write(at("diffusers/sdxl/unet/diffusion_pytorch_model.safetensors"), "12345");
    write(at("controlnet/instantid/config.json"), "{}");
    write(at("controlnet/instantid/diffusion_pytorch_model.safetensors"), "123");
    // A config beside files that are models each by itself.
    write(at("controlnet/mixed/config.json"), "{}");
    write(at("controlnet/mixed/canny.pth"), "1");
    // As a naive extraction of the published archive leaves it: one folder too deep.
    write(at("insightface/models/antelopev2/antelopev2/glintr100.onnx"), "1");
    write(at("insightface/models/buffalo_l/det_10g.onnx"), "1");
    write(at("insightface/inswapper_128.onnx"), "1");
    // The same under a name of one's own.
    write(at("insightface/mine/antelopev2_unpacked/scrfd.onnx"), "1");
    let folders = folders_of(&[dir.path()]);
    assert_eq!(find(&folders, "insightface", "mine").unwrap(), at("insightface/mine"));
    std::fs::remove_dir_all(at("insightface/mine")).unwrap();
    assert_eq!(find(&folders, "checkpoints", "sdxl").unwrap(), at("diffusers/sdxl"));
    assert_eq!(find(&folders, "controlnet", "instantid").unwrap(), at("controlnet/instantid"));
    assert_eq!(find(&folders, "insightface", "buffalo_l").unwrap(), at("insightface/models/buffalo_l"));
    assert_eq!(find(&folders, "insightface", "antelopev2").unwrap(), at("insightface/models/antelopev2/antelopev2"));
    assert!(find(&folders, "controlnet", "mixed").is_err());
    let expected = [
        "checkpoints: sdxl",
        "controlnet: instantid",
        "controlnet: mixed/canny.pth",
        "insightface: antelopev2/antelopev2",
        "insightface: buffalo_l",
        "insightface: inswapper_128.onnx",
    ];
    assert_eq!(names(&folders, None), expected);
    let sdxl = folders.list(Some("checkpoints")).entries.remove(0);
    assert_eq!((sdxl.bytes, sdxl.path, sdxl.folder), (7, at("diffusers/sdxl"), dir.path().to_path_buf()));
}

#[test]
fn packs_that_are_archives() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    write(at("insightface/models/antelopev2.zip"), "PK");
    write(at("insightface/buffalo_l/buffalo_l.zip"), "PK");
    write(at("checkpoints/backup.zip"), "PK");
    let folders = folders_of(&[dir.path()]);
    let archive = at("insightface/models/antelopev2.zip");
    for name in ["antelopev2", "antelopev2.zip", archive.to_str().unwrap()] {
        assert_eq!(find(&folders, "insightface", name).unwrap(), archive, "{name}");
    }
    assert_eq!(find(&folders, "insightface", "buffalo_l").unwrap(), at("insightface/buffalo_l/buffalo_l.zip"));
    assert!(find(&folders, "checkpoints", "backup").is_err());
    assert_eq!(names(&folders, None), ["insightface: antelopev2.zip", "insightface: buffalo_l/buffalo_l.zip"]);
    // The folder goes first: what is unpacked needs no unpacking.
    write(at("insightface/models/antelopev2/glintr100.onnx"), "1");
    assert_eq!(find(&folders, "insightface", "antelopev2").unwrap(), at("insightface/models/antelopev2"));
}

#[test]
fn a_folder_of_the_name_that_is_no_model_is_told_with_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("insightface/models/antelopev2");
    write(pack.join("antelopev2.7z"), "7z");
    write(pack.join("readme.txt"), "x");
    let folders = folders_of(&[dir.path()]);
    for name in ["antelopev2", pack.to_str().unwrap()] {
        let missing = find(&folders, "insightface", name).unwrap_err();
        let what = format!("{} is no such model: it has only antelopev2.7z, readme.txt", pack.display());
        assert!(missing.to_string().contains(&what), "{missing}");
        assert!(missing.places().contains(&what), "{missing}");
    }
    let hint = find(&folders, "insightface", "antelopev2").unwrap_err().hint().unwrap();
    assert!(hint.starts_with("run `selfsame models pull antelopev2`, which fetches "), "{hint}");
    for file in ["antelopev2/scrfd_10g_bnkps.onnx (16923827 bytes)", "antelopev2/glintr100.onnx (260665334 bytes)"] {
        assert!(hint.contains(file), "{hint}");
    }
    std::fs::create_dir_all(dir.path().join("insightface/models/empty")).unwrap();
    let missing = find(&folders, "insightface", "empty").unwrap_err();
    assert!(missing.to_string().contains("is no such model: it is empty"), "{missing}");
}

#[test]
fn what_a_missing_model_says() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("checkpoints/dreamshaper_8.safetensors"), "x");
    let folders = folders_of(&[dir.path(), Path::new("/nowhere")]);
    let missing = find(&folders, "checkpoints", "sd_xl_base_1.0").unwrap_err();
    let looked = ["checkpoints", "diffusers"].map(|sub| dir.path().join(sub));
    assert_eq!(missing.looked[..2], looked);
    assert_eq!(missing.looked[2..], ["/nowhere/checkpoints", "/nowhere/diffusers"].map(PathBuf::from));
    assert_eq!(missing.candidates, ["dreamshaper_8.safetensors"]);
    assert_eq!(missing.hint().unwrap(), "run `selfsame models pull sdxl-base`");
    let near = find(&folders, "checkpoints", "dreamshaper8.ckpt").unwrap_err();
    assert_eq!(near.hint().unwrap(), "did you mean `dreamshaper_8.safetensors`?");
    assert!(near.to_string().starts_with("checkpoints `dreamshaper8.ckpt`: not found in any of\n  "), "{near}");
    for (kind, name, model) in [
        ("insightface", "antelopev2", "antelopev2"),
        ("controlnet", "instantid", "instantid"),
        ("instantid", "ip-adapter.bin", "instantid"),
        ("vae_approx", "taesdxl", "taesdxl"),
    ] {
        assert_eq!(find(&folders, kind, name).unwrap_err().in_catalogue.as_deref(), Some(model), "{kind} {name}");
    }
    let none = find(&folders_of(&[]), "checkpoints", "x").unwrap_err();
    assert_eq!(none.to_string(), "checkpoints `x`: not found, and there is no models folder to look in");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_circles_survived() {
    use std::os::unix::fs::symlink;
    let (dir, real) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(real.path().join("deep/a.pt"), "x");
    write(dir.path().join("loras/b.pt"), "x");
    write(dir.path().join("loras/.hidden/c.pt"), "x");
    write(dir.path().join("loras/readme.txt"), "x");
    write(dir.path().join("loras/d.pt.part"), "x");
    symlink(real.path(), dir.path().join("loras/linked")).unwrap();
    symlink(dir.path().join("loras"), real.path().join("deep/circle")).unwrap();
    symlink(dir.path().join("gone.pt"), dir.path().join("loras/dangling.pt")).unwrap();
    let folders = folders_of(&[dir.path(), dir.path()]);
    let listing = folders.list(Some("loras"));
    assert_eq!(listing.unreadable, []);
    assert_eq!(names(&folders, Some("loras")), ["loras: b.pt", "loras: linked/deep/a.pt"]);
    assert_eq!(find(&folders, "loras", "a").unwrap(), dir.path().join("loras/linked/deep/a.pt"));
}
