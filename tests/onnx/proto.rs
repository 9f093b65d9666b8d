//! ONNX models, written byte by byte.
//!
//! **Source**: `onnx.proto` of ONNX 1.23: fields by their numbers, as protobuf's wire format encodes them.

/// The numbers of element types (`TensorProto.DataType`).
pub const F32: u64 = 1;
pub const U8: u64 = 2;
pub const I8: u64 = 3;
pub const I32: u64 = 6;
pub const I64: u64 = 7;
pub const STRING: u64 = 8;
pub const BOOL: u64 = 9;
pub const F16: u64 = 10;
pub const F64: u64 = 11;

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn int(field: u64, number: u64) -> Vec<u8> {
    [varint(field << 3), varint(number)].concat()
}

fn message(field: u64, parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    [varint(field << 3 | 2), varint(body.len() as u64), body].concat()
}

fn text(field: u64, text: &str) -> Vec<u8> {
    message(field, &[text.as_bytes().to_vec()])
}

/// An input or output: name, type, dimensions; a negative one may have any length.
pub type Value<'a> = (&'a str, u64, &'a [i64]);

fn value(field: u64, (name, element, dims): Value) -> Vec<u8> {
    let dim = |dim: &i64| message(1, &[u64::try_from(*dim).map_or_else(|_| text(2, "n"), |dim| int(1, dim))]);
    let shape: Vec<_> = dims.iter().map(dim).collect();
    message(field, &[text(1, name), message(2, &[message(1, &[int(1, element), message(2, &shape)])])])
}

/// A node of a model.
pub struct Node<'a> {
    pub op: &'a str,
    pub domain: &'a str,
    pub inputs: &'a [&'a str],
    pub outputs: &'a [&'a str],
    /// Attributes that are integers.
    pub ints: &'a [(&'a str, u64)],
}

impl Node<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut parts: Vec<_> = self.inputs.iter().map(|name| text(1, name)).collect();
        parts.extend(self.outputs.iter().map(|name| text(2, name)));
        parts.push(text(4, self.op));
        // AttributeProto: name, i, type INT.
        parts.extend(self.ints.iter().map(|(name, number)| message(5, &[text(1, name), int(3, *number), int(20, 2)])));
        parts.push(text(7, self.domain));
        message(1, &parts)
    }
}

/// A model file.
pub fn model(nodes: &[Node], inputs: &[Value], outputs: &[Value]) -> Vec<u8> {
    model_with(nodes, &[], inputs, outputs)
}

/// Numbers that lie in a model: name, dimensions, values.
pub type Weights<'a> = (&'a str, &'a [usize], &'a [f32]);

fn weights((name, dims, values): &Weights) -> Vec<u8> {
    // TensorProto: dims, data_type, name, raw_data.
    let mut parts: Vec<_> = dims.iter().map(|dim| int(1, *dim as u64)).collect();
    parts.extend([int(2, F32), text(8, name)]);
    parts.push(message(9, &[values.iter().flat_map(|value| value.to_le_bytes()).collect()]));
    message(5, &parts)
}

/// A model file with weights.
pub fn model_with(nodes: &[Node], own: &[Weights], inputs: &[Value], outputs: &[Value]) -> Vec<u8> {
    let mut graph: Vec<_> = nodes.iter().map(Node::bytes).collect();
    graph.push(text(2, "graph"));
    graph.extend(own.iter().map(weights));
    graph.extend(inputs.iter().map(|input| value(11, *input)));
    graph.extend(outputs.iter().map(|output| value(12, *output)));
    // IR version 8, operators of version 17: what ONNX Runtime 1.17 knows too.
    [int(1, 8), message(7, &graph), message(8, &[text(1, ""), int(2, 17)])].concat()
}

/// A model with one standard operator.
pub fn single(op: &str, ints: &[(&str, u64)], inputs: &[Value], outputs: &[Value]) -> Vec<u8> {
    let input_names: Vec<_> = inputs.iter().map(|value| value.0).collect();
    let output_names: Vec<_> = outputs.iter().map(|value| value.0).collect();
    model(&[Node { op, domain: "", inputs: &input_names, outputs: &output_names, ints }], inputs, outputs)
}
