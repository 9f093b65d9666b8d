"""ONNX files as the product wants them: named outputs, weights in f16 that are made f32 when the file is loaded."""

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

# What insightface's own files have.
OPSET = 11


def export(network, example, path, output_names, dynamic_axes, input_name="input.1"):
    torch.onnx.export(
        network, (example,), str(path), input_names=[input_name], output_names=output_names,
        dynamic_axes=dynamic_axes, opset_version=OPSET, dynamo=False,
    )
    halve(path)
    with torch.no_grad():
        wanted = network(example)
    wanted = wanted if isinstance(wanted, (tuple, list)) else [wanted]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = session.run(None, {input_name: example.numpy()})
    for name, a, b in zip(output_names, wanted, given):
        off = np.abs(a.numpy() - b).max() / max(1e-6, a.abs().max().item())
        if off > 0.02:
            raise SystemExit(f"{path}: {name} differs from the network by {off:.3f} of its greatest value, expected at most 0.02")
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, as the network to within rounding")


def halve(path):
    """Stores large weights as f16, each with a node that makes it f32 again: half the bytes, and every runtime can read it."""
    model = onnx.load(path)
    graph, casts = model.graph, []
    for weights in graph.initializer:
        if weights.data_type != TensorProto.FLOAT or np.prod(weights.dims) < 64:
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(weights).astype(np.float16), weights.name + ".f16")
        casts.append(helper.make_node("Cast", [half.name], [weights.name], to=TensorProto.FLOAT))
        weights.CopyFrom(half)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    model.ir_version = 6
    onnx.checker.check_model(model)
    onnx.save(model, path)
