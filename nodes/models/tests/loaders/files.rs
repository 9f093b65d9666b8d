//! What opening says of broken and foreign files, and what it reads from sound ones.

use crate::support::{Item, Stored, bytes, numbers, raw_safetensors, safetensors, torch_zip, zip};
use crate::{load, refusal};
use candle_core::{DType, Device, Tensor};
use selfsame_models::weights::{Weights, open};

#[test]
fn files_that_are_no_weights_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let whole = raw_safetensors(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, &[0; 8]);
    let legacy = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:83e012a8\nsize 5135149760\n";
    let header = |json: &str, data: usize| raw_safetensors(json, &vec![0; data]);
    let cases: &[(&[u8], &[&str])] = &[
        (b"", &["the file is empty"]),
        (lfs, &["Git-LFS pointer", "83e012a8", "5135149760 bytes", "git lfs pull"]),
        (b"<!DOCTYPE html><html><head>", &["HTML page", "download link"]),
        (b"{\"error\": \"Repository not found\"}", &["a JSON text"]),
        (b"Entry not found", &["a text file", "Entry not found"]),
        (b"GGUF\x03\0\0\0", &["a GGUF model"]),
        (b"\x08\x07\x12\x07pytorch\x1a", &["an ONNX model"]),
        (b"\x89PNG\r\n\x1a\n", &["a PNG picture"]),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", &["a JPEG picture"]),
        (b"\x1f\x8b\x08", &["a gzip archive"]),
        (&[7; 64], &["unknown file format", "07 07 07"]),
        (&whole[..30], &["truncated safetensors file", "expected 62 bytes, got 30"]),
        (&whole[..whole.len() - 3], &["truncated safetensors file", "expected 70 bytes, got 67"]),
        (&[&whole[..], b"tail"].concat(), &["damaged safetensors file", "expected 70 bytes, got 74"]),
        (&header("{\"a\":", 0), &["damaged safetensors file", "no JSON object"]),
        (
            &header(r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8),
            &["a [3] F32 does not fit its bytes 0..8"],
        ),
        (&header(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#, 16), &["a lies at 8..16", "start at 0"]),
        (
            &header(r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#, 8),
            &["does not fit its bytes"],
        ),
        (
            &header(r#"{"a":{"dtype":"F8_E5M2","shape":[8],"data_offsets":[0,8]}}"#, 8),
            &["a (F8_E5M2)", "convert the file"],
        ),
        (legacy, &["legacy format", "convert it to safetensors"]),
        (b"\x80\x04\x95\0\0", &["a Python pickle that torch did not write"]),
        (b"PK\x03\x04\0\0\0\0half of it", &["truncated zip archive", "ends after 18 bytes"]),
    ];
    for (content, words) in cases {
        // The name claims the opposite of what the file is.
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, content).unwrap();
        let said = refusal(&path);
        assert!(said.starts_with(&path.display().to_string()), "{said}");
        for word in *words {
            assert!(said.contains(word), "expected {word:?} in {said:?}");
        }
        assert!(!said.ends_with('.'), "{said}");
    }
}

#[test]
fn zips_that_are_no_checkpoints_list_what_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ckpt");
    zip(&path, &[("photo.jpg", b"x"), ("readme.txt", b"y")]);
    let said = refusal(&path);
    assert!(said.contains("no torch checkpoint") && said.contains("photo.jpg, readme.txt"), "{said}");

    torch_zip(&path, &Item::tensor("0", "FloatStorage", &[2]), &[("0", bytes(&[1., 2.]))]);
    assert!(refusal(&path).contains("a single tensor without a name"));
    torch_zip(&path, &Item::Dict(vec![("epoch", Item::Int(3))]), &[]);
    assert!(refusal(&path).contains("without named tensors: it holds a dictionary of 1 (epoch)"));
    torch_zip(&path, &Item::Dict(vec![("w", Item::tensor("0", "ComplexFloatStorage", &[1]))]), &[("0", vec![0; 8])]);
    assert!(refusal(&path).contains("w (ComplexFloatStorage)"));
    torch_zip(&path, &Item::Dict(vec![("w", Item::tensor("0", "FloatStorage", &[3]))]), &[("0", vec![0; 8])]);
    assert!(refusal(&path).contains("w: [3] from element 0 on does not fit its storage of 8 bytes"));
    torch_zip(&path, &Item::Dict(vec![("w", Item::tensor("1", "FloatStorage", &[2]))]), &[("0", vec![0; 8])]);
    assert!(refusal(&path).contains("w: its storage archive/data/1 is missing or compressed"));

    zip(&path, &[("archive/data.pkl", b"\x80\x02}")]);
    assert!(refusal(&path).contains("damaged torch checkpoint"));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    assert!(refusal(&path).contains("truncated zip archive"));
}

#[test]
fn places_without_weights() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(&folder.path().join("nothing.safetensors")).ends_with("no such file or folder"));
    std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
    let said = refusal(folder.path());
    assert!(said.contains("holds no weights") && said.contains("found notes.txt"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.safetensors");
    std::fs::write(&path, "x").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        crate::skip::not_run("this user may read everything");
        return;
    }
    assert!(refusal(&path).contains("permission denied"));
}

#[test]
fn number_formats_are_read_as_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let numbers_in = Tensor::new(&[0.5f32, -2., 1.5], &Device::Cpu).unwrap();
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16, DType::F8E4M3] {
        safetensors(&path, &[("w", numbers_in.to_dtype(dtype).unwrap())]);
        let source = open(&path).unwrap();
        assert_eq!(source.tensors()["w"].dtype, dtype);
        let loaded = load(&source, "w");
        assert_eq!((loaded.dtype(), numbers(&loaded)), (DType::F32, vec![0.5, -2., 1.5]), "{dtype:?}");
    }
    safetensors(&path, &[("ids", Tensor::new(&[[3i64, 1]], &Device::Cpu).unwrap())]);
    let source = open(&path).unwrap();
    assert_eq!(load(&source, "ids").to_vec2::<i64>().unwrap(), [[3, 1]], "integers stay as they are");

    let weights = Weights::new(source, DType::F32, &Device::Cpu);
    weights.get("ids", (1, 2)).unwrap();
    let said = weights.finish("toy").unwrap_err().to_string();
    assert!(said.contains("ids: expected floating-point numbers, got i64"), "{said}");
}

#[test]
fn pickles_flatten_to_dotted_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    let strided = |offset, shape: &[usize], strides: &[usize]| {
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        Item::Tensor(Stored { storage: "0", class: "FloatStorage", offset, shape, strides })
    };
    let root = Item::Dict(vec![
        ("image_proj", Item::Dict(vec![("latents", strided(0, &[2, 3], &[3, 1]))])),
        ("ip_adapter", Item::Dict(vec![("1.to_k_ip.weight", strided(0, &[3, 2], &[1, 3]))])),
        (
            "string_to_param",
            Item::Object(
                "torch.nn",
                "ParameterDict",
                vec![("_parameters", Item::Dict(vec![("*", strided(4, &[2], &[1]))]))],
            ),
        ),
        ("step", Item::Int(7)),
    ]);
    torch_zip(&path, &root, &[("0", bytes(&[0., 1., 2., 3., 4., 5.]))]);
    let source = open(&path).unwrap();
    let names: Vec<&str> = source.tensors().keys().map(String::as_str).collect();
    assert_eq!(names, ["image_proj.latents", "ip_adapter.1.to_k_ip.weight", "string_to_param.*"]);
    assert_eq!(load(&source, names[0]).to_vec2::<f32>().unwrap(), [[0., 1., 2.], [3., 4., 5.]]);
    assert_eq!(
        load(&source, names[1]).to_vec2::<f32>().unwrap(),
        [[0., 3.], [1., 4.], [2., 5.]],
        "transposed in place"
    );
    assert_eq!(load(&source, names[2]).to_vec1::<f32>().unwrap(), [4., 5.], "the end of a shared storage");

    let inner = Item::Dict(vec![("w", Item::tensor("0", "HalfStorage", &[2]))]);
    let root = Item::Dict(vec![("epoch", Item::Int(1)), ("state_dict", inner)]);
    torch_zip(&path, &root, &[("0", vec![0, 0x3c, 0, 0xc0])]);
    let source = open(&path).unwrap();
    assert_eq!(source.tensors().keys().collect::<Vec<_>>(), ["w"]);
    assert_eq!(load(&source, "w").to_vec1::<f32>().unwrap(), [1., -2.]);
}

#[test]
fn folders_with_variants_and_shards() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let value = |v: f32| Tensor::new(&[v], &Device::Cpu).unwrap();
    safetensors(&at("diffusion_pytorch_model.fp16.safetensors"), &[("w", value(16.))]);
    assert_eq!(numbers(&load(&open(folder.path()).unwrap(), "w")), [16.]);

    // A pointer in the preferred place gives way to what was fetched; alone it is the answer.
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 42\n";
    std::fs::write(at("diffusion_pytorch_model.safetensors"), pointer).unwrap();
    assert_eq!(numbers(&load(&open(folder.path()).unwrap(), "w")), [16.]);
    std::fs::remove_file(at("diffusion_pytorch_model.fp16.safetensors")).unwrap();
    assert!(refusal(folder.path()).contains("Git-LFS pointer"));

    safetensors(&at("part-1.safetensors"), &[("a", value(1.))]);
    safetensors(&at("part-2.safetensors"), &[("b", value(2.))]);
    let index = |second: &str| {
        let json = format!(r#"{{"weight_map":{{"a":"part-1.safetensors","b":"{second}"}}}}"#);
        std::fs::write(at("diffusion_pytorch_model.safetensors.index.json"), json).unwrap();
    };
    index("part-2.safetensors");
    let source = open(folder.path()).unwrap();
    assert_eq!([load(&source, "a"), load(&source, "b")].map(|t| numbers(&t)), [[1.], [2.]]);
    index("part-1.safetensors");
    assert!(refusal(folder.path()).contains("it places b in part-1.safetensors, which has no such tensor"));
    index("part-3.safetensors");
    assert!(refusal(folder.path()).contains("part-3.safetensors: no such file"));
    index("../part-2.safetensors");
    assert!(refusal(folder.path()).contains("not a plain file name"));
}
