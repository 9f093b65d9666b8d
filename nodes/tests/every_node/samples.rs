//! Values for inputs, by type and widget: a sensible one, and extreme ones.

use selfsame_nodes::wires::{Face, Keypoints, Region};
use selfsame_sdk::ObjectType;
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Image, InputPort, Latent, Literal, Mask, NodeDescriptor, Tensor, Type, Value, Widget};

/// The highest that a number goes whose bounds allow more, where it may be the count or size of something large.
const LARGE_SIZE: i64 = 16384;
const LARGE_COUNT: i64 = 256;
/// The highest that a size goes while something else is extreme.
const MODERATE: i64 = 64;

/// The value that a node runs with while another input varies; none if no test has such a value: the weights of a model,
/// a file of some special kind.
pub fn sample(port: &InputPort, host: &TestHost) -> Option<Value> {
    if let (true, Some(default)) = (port.list, &port.default) {
        return Some(Value::from(&default.for_type(&port.value_type()).ok()?));
    }
    let one = single(port, host)?;
    Some(if port.list { Value::list([one.clone(), one]) } else { one })
}

fn single(port: &InputPort, host: &TestHost) -> Option<Value> {
    if let Some(file) = path(port, host) {
        return file.map(text);
    }
    if let Some(default) = &port.default {
        let default = Value::from(&default.for_type(&port.ty).ok()?);
        return Some(match default {
            Value::Int(i) if port.widget != Widget::Seed => Value::Int(i.min(MODERATE).max(lowest(port, i64::MIN))),
            Value::Text(t) if t.is_empty() => text("sample"),
            other => other,
        });
    }
    if let Some(choice) = port.choices.first() {
        return Some(text(choice));
    }
    port.ty.members().iter().find_map(|ty| of_type(ty, port))
}

fn of_type(ty: &Type, port: &InputPort) -> Option<Value> {
    Some(match ty {
        ty if *ty == Type::BOOL => Value::Bool(false),
        ty if *ty == Type::INT => Value::Int(highest(port, 3).min(3).max(lowest(port, 3))),
        ty if *ty == Type::FLOAT => Value::Float(port.hard.min.unwrap_or(0.5)),
        ty if *ty == Type::STRING && port.widget == Widget::Color => text("#336699"),
        ty if *ty == Type::STRING => text("sample"),
        ty if *ty == Type::IMAGE => image([2, 4, 6, 3]),
        ty if *ty == Type::MASK => mask([2, 4, 6]),
        ty if *ty == Type::LATENT => latent([2, 4, 4, 6], false),
        ty if *ty == Face::TYPE => Value::object(face(1.0)),
        ty if *ty == Keypoints::TYPE => Value::object(Keypoints::of(&face(1.0)).expect("finite points")),
        ty if *ty == Region::TYPE => Value::object(region(3.0)),
        Type::Any => Value::Int(3),
        Type::List(element) => Value::list([of_type(element, port)?]),
        _ => return None,
    })
}

/// For an input that names something on the disk, its path, where the test can make such a thing.
fn path(port: &InputPort, host: &TestHost) -> Option<Option<&'static str>> {
    let folder = host.folder().join("input");
    std::fs::create_dir_all(&folder).expect("a folder in the folder of the test");
    match &port.widget {
        Widget::Folder => Some(Some("input")),
        Widget::File { extensions } => Some(if extensions.is_empty() || extensions.iter().any(|e| e == "txt") {
            std::fs::write(folder.join("a.txt"), "first line\nsecond line\n").expect("a small file");
            Some("input/a.txt")
        } else if extensions.iter().any(|e| e == "png") {
            let pixels = ::image::RgbImage::from_fn(5, 3, |x, y| ::image::Rgb([x as u8 * 40, y as u8 * 80, 128]));
            pixels.save(folder.join("a.png")).expect("a small picture");
            Some("input/a.png")
        } else {
            None
        }),
        Widget::Model { .. } => Some(None),
        _ => None,
    }
}

/// Extreme values for an input: everything that its type and bounds allow, within the memory of a small machine.
pub fn extremes(node: &NodeDescriptor, port: &InputPort) -> Vec<Value> {
    let mut singles: Vec<Value> = port.choices.iter().map(|choice| text(choice)).collect();
    for ty in port.ty.members() {
        if *ty != Type::STRING || port.choices.is_empty() {
            singles.extend(extremes_of(ty, node, port));
        }
    }
    if !port.list {
        return singles;
    }
    let many = singles.first().map(|first| Value::list(std::iter::repeat_n(first.clone(), 100)));
    let alone = singles.iter().map(|one| Value::list([one.clone()])).collect::<Vec<_>>();
    [Value::list([]), Value::list(singles)].into_iter().chain(many).chain(alone).collect()
}

fn extremes_of(ty: &Type, node: &NodeDescriptor, port: &InputPort) -> Vec<Value> {
    match ty {
        ty if *ty == Type::BOOL => vec![Value::Bool(false), Value::Bool(true)],
        ty if *ty == Type::INT => {
            let ends = [lowest(port, i64::MIN), largest(node, port)];
            let inside = [-1, 0, 1].into_iter().filter(|i| port.hard.contains(*i as f64));
            ends.into_iter().chain(inside).map(Value::Int).collect()
        }
        ty if *ty == Type::FLOAT => {
            let ends = [port.hard.min.unwrap_or(f64::MIN), port.hard.max.unwrap_or(f64::MAX)];
            let inside = [0.0, -0.0, 1.0, f64::MIN_POSITIVE, -1e-300].into_iter().filter(|x| port.hard.contains(*x));
            ends.into_iter().chain(inside).map(Value::Float).collect()
        }
        ty if *ty == Type::STRING && port.widget == Widget::Color => {
            ["#000000", "#ffffffff", "#00000000"].map(text).to_vec()
        }
        ty if *ty == Type::STRING => {
            let long = "x".repeat(10_000);
            let odd = ["", " ", "1", "..", "a/../../b", "/", "{", "}", "(", "\\", "ä😀\u{0}\r\n", "-1e999", &long];
            odd.map(text).to_vec()
        }
        ty if *ty == Type::IMAGE => {
            let sizes = [[1, 1, 1], [1, 1, 7], [1, 7, 1], [2, 3, 5]];
            sizes.into_iter().flat_map(|[b, h, w]| [1, 3, 4].map(|c| image([b, h, w, c]))).collect()
        }
        ty if *ty == Type::MASK => [[1, 1, 1], [1, 1, 7], [1, 7, 1], [2, 3, 5]].map(mask).to_vec(),
        ty if *ty == Type::LATENT => {
            let sizes = [[1, 4, 1, 1], [1, 16, 1, 7], [2, 4, 3, 5]];
            sizes.into_iter().flat_map(|dims| [false, true].map(|masked| latent(dims, masked))).collect()
        }
        ty if *ty == Face::TYPE => {
            let nobody = Face { embedding: None, ..face(0.0) };
            let nan = Face { bbox: [f32::NAN; 4], kps: Some([[f32::NAN; 2]; 5]), ..face(1.0) };
            let boxed = Face { kps: None, ..face(1.0) };
            [nobody, nan, boxed, face(-1e30), face(1e4)].map(Value::object).to_vec()
        }
        ty if *ty == Keypoints::TYPE => {
            let points = |value| Keypoints::new([6, 4], [[value; 2]; 5]).expect("finite points");
            [0.0, -65536.0].map(points).map(Value::object).to_vec()
        }
        ty if *ty == Region::TYPE => [0.0, -1.0, f64::NAN, 1e300].map(region).map(Value::object).to_vec(),
        Type::Any => {
            let list = Value::list([Value::Int(1), text("a"), Value::list([])]);
            vec![Value::Bool(true), Value::Float(0.5), text(""), Value::list([]), list, image([1, 1, 1, 3])]
        }
        Type::List(element) => {
            let items = extremes_of(element, node, port);
            vec![Value::list([]), Value::list(items)]
        }
        _ => Vec::new(),
    }
}

/// Values of other types than those an input takes.
pub fn wrong_types(port: &InputPort) -> Vec<Value> {
    let all = [Value::Bool(true), Value::Float(0.5), text("5"), image([1, 1, 1, 3]), mask([1, 1, 1])];
    let wrong = all.into_iter().filter(|value| !port.value_type().accepts(&value.ty()));
    // Inside a list a wrong element counts too.
    wrong.flat_map(|one| if port.list { vec![Value::list([one.clone()]), one] } else { vec![one] }).collect()
}

/// A port whose value is a picture, mask or latent.
pub fn is_tensor(ty: &Type) -> bool {
    [Type::IMAGE, Type::MASK, Type::LATENT].contains(ty) || ty.element().is_some_and(is_tensor)
}

fn lowest(port: &InputPort, unbounded: i64) -> i64 {
    port.hard.min.map_or(unbounded, |min| min as i64)
}

fn highest(port: &InputPort, unbounded: i64) -> i64 {
    port.hard.max.map_or(unbounded, |max| max as i64)
}

/// The largest integer for an input. What has bounds and makes tensors may stay within them and still not fit into
/// the memory of the machine; what has none must be refused by the node itself.
fn largest(node: &NodeDescriptor, port: &InputPort) -> i64 {
    let makes_tensors = node.outputs.iter().any(|output| is_tensor(&output.ty));
    let size = port.unit.as_deref() == Some("px");
    match port.hard.max {
        Some(max) if makes_tensors => (max as i64).min(if size { LARGE_SIZE } else { LARGE_COUNT }),
        Some(max) => max as i64,
        None => i64::MAX,
    }
}

fn text(text: &str) -> Value {
    Value::from(&Literal::from(text))
}

/// Values from 0 to 1 that differ from their neighbours.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7 % 11) as f32 / 10.0).collect()
}

fn image(dims: [usize; 4]) -> Value {
    Value::object(Image::new(dims, values(dims.iter().product())).expect("a picture of as many values"))
}

fn a_mask(dims: [usize; 3]) -> Mask {
    Mask::new(dims, values(dims.iter().product())).expect("a mask of as many values")
}

/// A face in the sample pictures, larger by a factor.
fn face(factor: f32) -> Face {
    let kps = [[1.5, 1.0], [4.5, 1.0], [3.0, 2.0], [2.0, 3.0], [4.0, 3.0]].map(|point| point.map(|x: f32| x * factor));
    let embedding = Some([0.5, -1.0, 2.0].into());
    Face { picture: [6, 4], bbox: [1.0, 0.5, 5.0, 3.5].map(|x| x * factor), kps: Some(kps), det_score: 0.9, embedding }
}

/// A square in the sample pictures.
fn region(side: f64) -> Region {
    Region { picture: [6, 4], center: [3.0, 2.0], side, angle: 0.3 }
}

fn mask(dims: [usize; 3]) -> Value {
    Value::object(a_mask(dims))
}

fn latent(dims: [usize; 4], masked: bool) -> Value {
    let samples = Tensor::new(dims, values(dims.iter().product())).expect("a tensor of as many values");
    let latent = Latent::new(samples).expect("a latent of four dimensions");
    let noise_mask = masked.then(|| a_mask([1, dims[2] * 8, dims[3] * 8]));
    Value::object(Latent { noise_mask, ..latent })
}
