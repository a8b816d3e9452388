"""Makes the model files that the system tests update to and from, in its own folder.

    python3 -m venv venv && venv/bin/pip install onnx==1.17.0 && venv/bin/python make.py

The files are committed, so this is needed only to change them. But for those that are meant to be wrong and the last
ones, all take rows of four numbers in "x" and give the same rows back in "y", so that any reply can be checked.
"""

import pathlib

import numpy
import onnx
from onnx import TensorProto, checker, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
FLOAT = TensorProto.FLOAT


def value(name, type, shape):
    return helper.make_tensor_value_info(name, type, shape)


def constant(name, array):
    return numpy_helper.from_array(numpy.asarray(array), name)


def save(name, nodes, initializers=(), input=("x", ["batch", 4]), output=("y", ["batch", 4])):
    graph = helper.make_graph(
        list(nodes), "test", [value(input[0], FLOAT, input[1])], [value(output[0], FLOAT, output[1])],
        list(initializers),
    )
    save_graph(name, graph)


def save_graph(name, graph):
    proto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="manta-tests"
    )
    checker.check_model(proto)
    (HERE / f"{name}.onnx").write_bytes(proto.SerializeToString(deterministic=True))


def turns(count, input="x", output="y"):
    """Turns the sign of each number so often, an even number of times: time that no optimisation takes away."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Neg", ["before"], ["after"])],
        "turn",
        [value("turn", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("before", FLOAT, None)],
        [value("go_on", TensorProto.BOOL, []), value("after", FLOAT, None)],
    )
    return (
        [helper.make_node("Loop", ["turns", "", input], [output], body=body)],
        [constant("turns", numpy.int64(count))],
    )


def looked_up(size, offset):
    """Adds zeros that it looks up in a table of that size, at the places that the input names, moved by an offset."""
    return (
        [
            helper.make_node("Cast", ["x"], ["named"], to=TensorProto.INT64),
            helper.make_node("Add", ["named", "offset"], ["places"]),
            helper.make_node("Gather", ["table", "places"], ["zeros"]),
            helper.make_node("Add", ["x", "zeros"], ["y"]),
        ],
        [constant("offset", numpy.int64(offset)), constant("table", numpy.zeros(size, numpy.float32))],
    )


# What serves well, and the same ten times slower.
save("echo", *turns(800))
save("echo_slow", *turns(8000))

# No input has an index that the table holds; only zeros and ones have one, as warming up tries them.
save("fails_always", *looked_up(2, offset=1000))
save("fails_beyond_one", *looked_up(2, offset=0))

# What clients of "echo" can't use.
save("echo_renamed", *turns(800, input="values"), input=("values", ["batch", 4]))
save("echo_wider", *turns(800), input=("x", ["batch", 5]), output=("y", ["batch", 5]))

# Takes a while to load and 64 MiB: a product of constants, which is computed when it is loaded.
save(
    "echo_heavy",
    [
        helper.make_node("Expand", ["one", "tall"], ["left"]),
        helper.make_node("Expand", ["one", "wide"], ["right"]),
        helper.make_node("MatMul", ["left", "right"], ["product"]),
        helper.make_node("Cast", ["x"], ["named"], to=TensorProto.INT64),
        helper.make_node("Mul", ["named", "first"], ["places"]),
        helper.make_node("Gather", ["product", "places"], ["rows"], axis=0),
        helper.make_node("ReduceSum", ["rows", "last"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["sums", "none"], ["zeros"]),
        helper.make_node("Add", ["x", "zeros"], ["y"]),
    ],
    [
        constant("one", numpy.ones((1, 1), numpy.float32)),
        constant("tall", numpy.array([4096, 8], numpy.int64)),
        constant("wide", numpy.array([8, 4096], numpy.int64)),
        constant("first", numpy.int64(0)),
        constant("last", numpy.array([-1], numpy.int64)),
        constant("none", numpy.float32(0)),
    ],
)

# A picture in, a thousand scores out, as the classifiers of Triton's examples have it: a fixed shape with a batch of one.
# A class likes the red, green or blue of a picture by its number.
likes = numpy.zeros((1000, 3, 1, 1), numpy.float32)
likes[numpy.arange(1000), numpy.arange(1000) % 3, 0, 0] = numpy.arange(1000) / 1000
save(
    "densenet_like",
    [
        helper.make_node("GlobalAveragePool", ["data_0"], ["colour"]),
        helper.make_node("Conv", ["colour", "likes"], ["fc6_1"]),
    ],
    [constant("likes", likes)], input=("data_0", [1, 3, 224, 224]), output=("fc6_1", [1, 1000, 1, 1]),
)

# A row is a single number, without a dimension of its own.
save("doubled", [helper.make_node("Add", ["x", "x"], ["y"])], input=("x", ["batch"]), output=("y", ["batch"]))

# Texts of any length: for each token twice its number and half of it, and the sum of those numbers that the mask keeps.
INT64 = TensorProto.INT64
texts = helper.make_graph(
    [
        helper.make_node("Mul", ["ids", "mask"], ["kept"]),
        helper.make_node("Cast", ["kept"], ["numbers"], to=FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "last"], ["columns"]),
        helper.make_node("Mul", ["columns", "factors"], ["tokens"]),
        helper.make_node("ReduceSum", ["numbers", "last"], ["sum"], keepdims=1),
    ],
    "test",
    [value("ids", INT64, ["batch", "sequence"]), value("mask", INT64, ["batch", "sequence"])],
    [value("tokens", FLOAT, ["batch", "sequence", 2]), value("sum", FLOAT, ["batch", 1])],
    [constant("last", numpy.array([-1], numpy.int64)), constant("factors", numpy.array([2, 0.5], numpy.float32))],
)
save_graph("texts", texts)
