//! Every layout, with one face whose numbers are known.

use super::*;

/// How the values of each kind and stride become an output.
type Shape = fn(cells: [usize; 2], anchors: usize, width: usize, rows: &[f32]) -> Tensor;

fn plain([w, h]: [usize; 2], anchors: usize, width: usize, rows: &[f32]) -> Tensor {
    Tensor::new([w * h * anchors, width], rows.to_vec()).unwrap()
}

fn batched([w, h]: [usize; 2], anchors: usize, width: usize, rows: &[f32]) -> Tensor {
    Tensor::new([1, w * h * anchors, width], rows.to_vec()).unwrap()
}

/// The first of three pictures; the others are full of faces.
fn of_three([w, h]: [usize; 2], anchors: usize, width: usize, rows: &[f32]) -> Tensor {
    let others = std::iter::repeat_n(1.0, 2 * rows.len());
    Tensor::new([3, w * h * anchors, width], rows.iter().copied().chain(others).collect()).unwrap()
}

fn of_three_in_one_axis(cells: [usize; 2], anchors: usize, width: usize, rows: &[f32]) -> Tensor {
    let [_, n, k] = *of_three(cells, anchors, width, rows).shape() else { unreachable!() };
    Tensor::new([3 * n, k], of_three(cells, anchors, width, rows).data().to_vec()).unwrap()
}

fn without_last_axis([w, h]: [usize; 2], anchors: usize, width: usize, rows: &[f32]) -> Tensor {
    let shape = if width == 1 { vec![w * h * anchors] } else { vec![w * h * anchors, width] };
    Tensor::new(shape, rows.to_vec()).unwrap()
}

fn batched_without_last_axis([w, h]: [usize; 2], anchors: usize, width: usize, rows: &[f32]) -> Tensor {
    let shape = if width == 1 { vec![1, w * h * anchors] } else { vec![1, w * h * anchors, width] };
    Tensor::new(shape, rows.to_vec()).unwrap()
}

/// Maps before the sigmoid; the boxes are half as large, for a scale of 2.
fn maps([w, h]: [usize; 2], anchors: usize, width: usize, rows: &[f32]) -> Tensor {
    let channels = anchors * width;
    let mut data = vec![0f32; channels * w * h];
    for (i, value) in rows.iter().enumerate() {
        let (cell, channel) = (i / channels, i % channels);
        data[channel * w * h + cell] = match width {
            1 => (value / (1.0 - value)).ln().max(-100.0),
            4 => value / 2.0,
            _ => *value,
        };
    }
    Tensor::new([1, channels, h, w], data).unwrap()
}

/// Outputs for a canvas with one face: at stride 8, the last anchor of the cell in column 3 and row 5.
fn outputs(count: usize, canvas: [usize; 2], shape: Shape) -> Vec<Tensor> {
    let (strides, anchors, has_kps) = layout(count).unwrap();
    let widths: &[usize] = if has_kps { &[1, 4, 10] } else { &[1, 4] };
    let mut all = Vec::new();
    for width in widths {
        for stride in strides {
            let cells = canvas.map(|side| side.div_ceil(*stride));
            let mut rows = vec![0f32; cells[0] * cells[1] * anchors * width];
            if *stride == 8 {
                let row = (5 * cells[0] + 3) * anchors + anchors - 1;
                for column in 0..*width {
                    rows[row * width + column] = if *width == 1 { 0.9 } else { (column + 1) as f32 / 2.0 };
                }
            }
            all.push(shape(cells, anchors, *width, &rows));
        }
    }
    all
}

fn faces(outputs: &[Tensor], canvas: [usize; 2], batch: usize, box_scales: &[f32]) -> Vec<Face> {
    let mut faces = Vec::new();
    for level in read(outputs, canvas, batch, box_scales).unwrap() {
        level.decode(0.5, 0.5, [256, 200], &mut faces);
    }
    faces
}

/// The corner of the cell is (24, 40); the sides are 4, 8, 12, 16 px away; the picture is twice as large.
fn check(faces: &[Face], has_kps: bool, what: &str) {
    assert_eq!(faces.len(), 1, "{what}");
    assert_eq!(faces[0].bbox, [40.0, 64.0, 72.0, 112.0], "{what}");
    let kps = [[56.0, 96.0], [72.0, 112.0], [88.0, 128.0], [104.0, 144.0], [120.0, 160.0]];
    assert_eq!(faces[0].kps, has_kps.then_some(kps), "{what}");
    assert!((faces[0].det_score - 0.9).abs() < 1e-6, "{what}");
}

#[test]
fn all_layouts_say_the_same() {
    let shapes: [(&str, usize, Shape); 6] = [
        ("plain", 1, plain),
        ("batched", 1, batched),
        ("of three", 3, of_three),
        ("of three in one axis", 3, of_three_in_one_axis),
        ("without last axis", 1, without_last_axis),
        ("batched, without last axis", 1, batched_without_last_axis),
    ];
    for (name, batch, shape) in shapes {
        for count in [6, 9, 10, 15] {
            // A square, a wide canvas, and one whose sides are no multiples of the coarser strides.
            for canvas in [[128, 128], [256, 128], [160, 96]] {
                let what = format!("{name}, {count} outputs, {canvas:?}");
                let grouped = outputs(count, canvas, shape);
                check(&faces(&grouped, canvas, batch, &[]), matches!(count, 9 | 15), &what);
                // Of each stride scores, boxes and points together; and any other order.
                let strides = layout(count).unwrap().0.len();
                let by_stride = (0..strides).flat_map(|s| grouped.iter().skip(s).step_by(strides).cloned());
                let by_stride: Vec<Tensor> = by_stride.collect();
                check(&faces(&by_stride, canvas, batch, &[]), matches!(count, 9 | 15), &what);
                let turned: Vec<Tensor> = grouped.into_iter().rev().collect();
                check(&faces(&turned, canvas, batch, &[]), matches!(count, 9 | 15), &what);
            }
        }
    }
}

#[test]
fn maps_need_the_scales_of_their_boxes() {
    for count in [6, 9, 10, 15] {
        let outputs = outputs(count, [256, 128], maps);
        let strides = layout(count).unwrap().0.len();
        check(&faces(&outputs, [256, 128], 1, &vec![2.0; strides]), matches!(count, 9 | 15), "maps");
        let no = |scales: &[f32]| read(&outputs, [256, 128], 1, scales).map(drop).unwrap_err();
        assert_eq!(no(&[]).status, Status::Unsupported);
        assert!(no(&[]).message.contains("without its last operations"));
        assert!(no(&[1.0]).message.contains(&format!("{strides} scales of boxes are needed, got 1")));
    }
}

#[test]
fn other_outputs_are_refused() {
    let four: Vec<Tensor> = outputs(9, [128, 128], plain).into_iter().take(4).collect();
    let error = read(&four, [128, 128], 1, &[]).map(drop).unwrap_err();
    assert!(error.message.contains("4 outputs: expected the 6, 9, 10 or 15"), "{error}");
    let wrong = read(&outputs(9, [128, 128], plain), [160, 128], 1, &[]).map(drop).unwrap_err();
    assert!(wrong.message.contains("no output of 1 values at stride 8 for 160 x 128 px"), "{wrong}");
}
