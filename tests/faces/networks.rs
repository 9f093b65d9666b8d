//! Small networks with the inputs and outputs of real ones.

use crate::proto::{F32, Node, Value, Weights, model_with};

/// How outputs are laid out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    /// `[N,k]`
    Rows,
    /// `[B,N,k]`
    Batched,
    /// `[1,A*k,H,W]`, without sigmoid and scales.
    Maps,
}

/// An SCRFD in form, with one face: found in pictures with something white in them, and nowhere else. At stride 8, the last anchor of
/// the cell in column 4 and row 6; its box and points are those of [`face`].
pub struct Detector {
    /// 6, 9, 10 or 15.
    pub outputs: usize,
    /// Width and height.
    pub canvas: [usize; 2],
    /// How many pictures at once.
    pub batch: usize,
    /// Whether the file says the canvas.
    pub is_fixed: bool,
    pub layout: Layout,
    /// Scores, boxes and points of each stride together.
    pub by_stride: bool,
}

impl Detector {
    pub fn new(outputs: usize, canvas: [usize; 2]) -> Self {
        Detector { outputs, canvas, batch: 1, is_fixed: true, layout: Layout::Rows, by_stride: false }
    }

    /// The file.
    pub fn onnx(&self) -> Vec<u8> {
        let (strides, anchors): (&[usize], usize) =
            if self.outputs < 10 { (&[8, 16, 32], 2) } else { (&[8, 16, 32, 64, 128], 1) };
        let widths: &[usize] = if matches!(self.outputs, 9 | 15) { &[1, 4, 10] } else { &[1, 4] };
        let pairs: Vec<(usize, usize)> = match self.by_stride {
            true => strides.iter().flat_map(|stride| widths.iter().map(move |width| (*stride, *width))).collect(),
            false => widths.iter().flat_map(|width| strides.iter().map(move |stride| (*stride, *width))).collect(),
        };
        let mut weights: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
        for (stride, width) in &pairs {
            weights.push((
                format!("w{stride}_{width}"),
                self.shape(*stride, anchors, *width),
                self.values(*stride, anchors, *width),
            ));
        }
        let outputs: Vec<String> = pairs.iter().map(|(stride, width)| format!("o{stride}_{width}")).collect();
        let ports: Vec<[&str; 2]> = weights.iter().map(|(name, ..)| [name.as_str(), "seen"]).collect();
        let names: Vec<[&str; 1]> = outputs.iter().map(|name| [name.as_str()]).collect();
        let mut nodes = vec![node("ReduceMax", &["x"], &["seen"], &[("keepdims", 0)])];
        // Scores are those of the weights times the brightest value, about 1 where something is white.
        for (((_, width), inputs), output) in pairs.iter().zip(&ports).zip(&names) {
            nodes.push(if *width == 1 {
                node("Mul", inputs, output, &[])
            } else {
                node("Identity", &inputs[..1], output, &[])
            });
        }
        let own: Vec<Weights> = weights.iter().map(|(name, dims, values)| (&**name, &**dims, &**values)).collect();
        let size = |side: usize| if self.is_fixed { side as i64 } else { -1 };
        let dims = [self.batch as i64, 3, size(self.canvas[1]), size(self.canvas[0])];
        let shapes: Vec<Vec<i64>> =
            weights.iter().map(|(_, dims, _)| dims.iter().map(|dim| *dim as i64).collect()).collect();
        let outputs: Vec<Value> = outputs.iter().zip(&shapes).map(|(name, dims)| (&**name, F32, &**dims)).collect();
        model_with(&nodes, &own, &[("x", F32, &dims)], &outputs)
    }

    fn cells(&self, stride: usize) -> [usize; 2] {
        self.canvas.map(|side| side.div_ceil(stride))
    }

    fn shape(&self, stride: usize, anchors: usize, width: usize) -> Vec<usize> {
        let [columns, rows] = self.cells(stride);
        match self.layout {
            Layout::Rows => vec![self.batch * columns * rows * anchors, width],
            Layout::Batched => vec![self.batch, columns * rows * anchors, width],
            Layout::Maps => vec![self.batch, anchors * width, rows, columns],
        }
    }

    fn values(&self, stride: usize, anchors: usize, width: usize) -> Vec<f32> {
        let [columns, rows] = self.cells(stride);
        let count = columns * rows * anchors * width;
        // Before the sigmoid, what is no face is far below 0; times the brightest value it stays there.
        let no = if self.layout == Layout::Maps && width == 1 { -50.0 } else { 0.0 };
        let mut values = vec![no; self.batch * count];
        if stride == 8 {
            let (cell, anchor) = (6 * columns + 4, anchors - 1);
            let row: Vec<f32> = match width {
                1 if self.layout == Layout::Maps => vec![2.0],
                1 => vec![0.9],
                4 => vec![2.0, 3.0, 4.0, 5.0],
                _ => vec![-0.5, -0.5, 2.0, -0.5, 0.5, 1.0, -0.25, 2.0, 1.5, 2.0],
            };
            for (column, value) in row.into_iter().enumerate() {
                let at = match self.layout {
                    Layout::Maps => (anchor * width + column) * columns * rows + cell,
                    _ => (cell * anchors + anchor) * width + column,
                };
                values[at] = value;
            }
        }
        values
    }
}

/// Box and key points on the canvas: the corner of the cell is (32, 48).
pub fn face() -> ([f32; 4], [[f32; 2]; 5]) {
    ([16.0, 24.0, 64.0, 88.0], [[28.0, 44.0], [48.0, 44.0], [36.0, 56.0], [30.0, 64.0], [44.0, 64.0]])
}

fn node<'a>(op: &'a str, inputs: &'a [&'a str], outputs: &'a [&'a str], ints: &'a [(&'a str, u64)]) -> Node<'a> {
    Node { op, domain: "", inputs, outputs, ints }
}

/// A recogniser in form: its embedding is the mean red, green and blue of what it sees.
pub fn recogniser(batch: i64, side: i64) -> Vec<u8> {
    let nodes = [node("GlobalAveragePool", &["x"], &["mean"], &[]), node("Flatten", &["mean"], &["embedding"], &[])];
    model_with(&nodes, &[], &[("x", F32, &[batch, 3, side, side])], &[("embedding", F32, &[batch, 3])])
}
