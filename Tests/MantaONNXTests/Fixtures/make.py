"""Makes the model files of these tests, in its own folder.

    python3 -m venv venv && venv/bin/pip install onnx==1.17.0 && venv/bin/python make.py

The files are committed, so this is needed only to change them.
"""

import pathlib

import numpy
import onnx
from onnx import TensorProto, checker, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
IR_VERSION = 8
OPSET = helper.make_opsetid("", 17)


def value(name, type, shape):
    return helper.make_tensor_value_info(name, type, shape)


def model(nodes, inputs, outputs, initializers=(), opsets=(OPSET,)):
    graph = helper.make_graph(list(nodes), "test", inputs, outputs, list(initializers))
    return helper.make_model(
        graph, opset_imports=list(opsets), ir_version=IR_VERSION, producer_name="manta-tests"
    )


def save(name, proto, check=True):
    if check:
        checker.check_model(proto)
    (HERE / name).write_bytes(proto.SerializeToString(deterministic=True))


FLOAT = TensorProto.FLOAT

# One identity for each type that the protocol knows.
TYPES = {
    "bool": TensorProto.BOOL,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "fp16": TensorProto.FLOAT16,
    "bf16": TensorProto.BFLOAT16,
    "fp32": TensorProto.FLOAT,
    "fp64": TensorProto.DOUBLE,
    "bytes": TensorProto.STRING,
}
for name, type in TYPES.items():
    save(
        f"identity_{name}.onnx",
        model(
            [helper.make_node("Identity", ["x"], ["y"])],
            [value("x", type, ["batch", None])],
            [value("y", type, ["batch", None])],
        ),
    )

# y = a + b, rows of two.
save(
    "add.onnx",
    model(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        [value("a", FLOAT, ["batch", 2]), value("b", FLOAT, ["batch", 2])],
        [value("y", FLOAT, ["batch", 2])],
    ),
)

# Two inputs, two outputs of different types.
save(
    "sum_and_greater.onnx",
    model(
        [
            helper.make_node("Add", ["left", "right"], ["sum"]),
            helper.make_node("Greater", ["left", "right"], ["greater"]),
        ],
        [value("left", TensorProto.INT64, ["n"]), value("right", TensorProto.INT64, ["n"])],
        [value("sum", TensorProto.INT64, ["n"]), value("greater", TensorProto.BOOL, ["n"])],
    ),
)

# All sizes fixed.
save(
    "fixed.onnx",
    model(
        [helper.make_node("Neg", ["x"], ["y"])], [value("x", FLOAT, [2, 3])], [value("y", FLOAT, [2, 3])]
    ),
)

# A scalar in, a scalar out.
save(
    "scalar.onnx",
    model([helper.make_node("Neg", ["x"], ["y"])], [value("x", FLOAT, [])], [value("y", FLOAT, [])]),
)

# Nothing is said about the shapes.
save(
    "any_shape.onnx",
    model([helper.make_node("Neg", ["x"], ["y"])], [value("x", FLOAT, None)], [value("y", FLOAT, None)]),
    check=False,
)

# The output is the input itself: no node between them.
save(
    "pass_through.onnx",
    model(
        [helper.make_node("Neg", ["x"], ["y"])],
        [value("x", FLOAT, ["batch"])],
        [value("x", FLOAT, ["batch"]), value("y", FLOAT, ["batch"])],
    ),
    check=False,
)

# The output is a constant of the graph.
save(
    "constant.onnx",
    model(
        [helper.make_node("Neg", ["x"], ["y"])],
        [value("x", FLOAT, ["batch"])],
        [value("c", FLOAT, [3]), value("y", FLOAT, ["batch"])],
        [numpy_helper.from_array(numpy.array([1, 2, 3], numpy.float32), "c")],
    ),
)

# Joins two texts.
save(
    "concatenate.onnx",
    model(
        [helper.make_node("StringConcat", ["a", "b"], ["y"])],
        [value("a", TensorProto.STRING, ["n"]), value("b", TensorProto.STRING, ["n"])],
        [value("y", TensorProto.STRING, ["n"])],
        opsets=[helper.make_opsetid("", 20)],
    ),
)

# A sequence of maps, as scikit-learn's converter makes unless told otherwise.
save(
    "zipmap.onnx",
    model(
        [
            helper.make_node(
                "ZipMap", ["x"], ["output_probability"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]
            )
        ],
        [value("x", FLOAT, ["batch", 2])],
        [
            helper.make_value_info(
                "output_probability",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(
                        TensorProto.INT64, helper.make_tensor_type_proto(FLOAT, [])
                    )
                ),
            )
        ],
        opsets=[OPSET, helper.make_opsetid("ai.onnx.ml", 3)],
    ),
)

# A sequence of tensors out, and one in.
tensors = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None))
save(
    "sequence_output.onnx",
    model(
        [helper.make_node("SequenceConstruct", ["x", "x"], ["parts"])],
        [value("x", FLOAT, ["batch"])],
        [helper.make_value_info("parts", tensors)],
    ),
)
save(
    "sequence_input.onnx",
    model(
        [helper.make_node("ConcatFromSequence", ["parts"], ["y"], axis=0)],
        [helper.make_value_info("parts", tensors)],
        [value("y", FLOAT, ["n"])],
    ),
)

# An optional tensor in.
save(
    "optional_input.onnx",
    model(
        [helper.make_node("OptionalHasElement", ["maybe"], ["y"])],
        [helper.make_value_info("maybe", helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, [2])))],
        [value("y", TensorProto.BOOL, [])],
        opsets=[helper.make_opsetid("", 18)],
    ),
)

# An element type that the protocol has no name for.
save(
    "float8.onnx",
    model(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT8E4M3FN)],
        [value("x", FLOAT, ["n"])],
        [value("y", TensorProto.FLOAT8E4M3FN, ["n"])],
        opsets=[helper.make_opsetid("", 19)],
    ),
)

# Fails at run time for some inputs: an index out of range, a shape that doesn't fit.
save(
    "gather.onnx",
    model(
        [helper.make_node("Gather", ["table", "index"], ["y"])],
        [value("index", TensorProto.INT64, ["n"])],
        [value("y", FLOAT, ["n"])],
        [numpy_helper.from_array(numpy.array([10, 20, 30], numpy.float32), "table")],
    ),
)
save(
    "reshape.onnx",
    model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [value("x", FLOAT, ["n"]), value("shape", TensorProto.INT64, ["rank"])],
        [value("y", FLOAT, ["rows", "columns"])],
    ),
)

# y = x * scale, where a request may leave out the scale, which is then 10.
save(
    "default_scale.onnx",
    model(
        [helper.make_node("Mul", ["x", "scale"], ["y"])],
        [value("x", FLOAT, ["batch"]), value("scale", FLOAT, [1])],
        [value("y", FLOAT, ["batch"])],
        [numpy_helper.from_array(numpy.array([10], numpy.float32), "scale")],
    ),
)

# Weights in a file beside the model.
weights = numpy_helper.from_array(numpy.array([[1, 2], [3, 4]], numpy.float32), "w")
(HERE / "external.weights").write_bytes(weights.raw_data)
external = numpy_helper.from_array(numpy.zeros((2, 2), numpy.float32), "w")
onnx.external_data_helper.set_external_data(external, "external.weights", 0, len(weights.raw_data))
external.ClearField("raw_data")
for name, location in {"external": "external.weights", "external_missing": "nowhere.weights"}.items():
    external.external_data[0].value = location
    save(
        f"{name}.onnx",
        model(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            [value("x", FLOAT, ["batch", 2])],
            [value("y", FLOAT, ["batch", 2])],
            [external],
        ),
        check=False,
    )

# What is no model for this runtime.
neg = [helper.make_node("Neg", ["x"], ["y"])]
save(
    "future_opset.onnx",
    model(neg, [value("x", FLOAT, ["n"])], [value("y", FLOAT, ["n"])], opsets=[helper.make_opsetid("", 999)]),
    check=False,
)
save(
    "unknown_operator.onnx",
    model(
        [helper.make_node("NoSuchOperator", ["x"], ["y"])], [value("x", FLOAT, ["n"])], [value("y", FLOAT, ["n"])]
    ),
    check=False,
)
(HERE / "truncated.onnx").write_bytes((HERE / "gather.onnx").read_bytes()[:-30])
(HERE / "text.onnx").write_text("This is not a model.\n")
(HERE / "empty.onnx").write_bytes(b"")
