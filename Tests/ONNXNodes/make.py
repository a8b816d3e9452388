"""Makes a model repository of the onnx package's own test cases for nodes.

usage: make.py FOLDER

Writes FOLDER/models, a repository with a model for every case, and FOLDER/cases.pickle, what infer.py needs to know of
them. Nothing is left out: a case that can't be served is there too, with the reason, which is either a type of its inputs
or outputs that the protocol doesn't have, or what ONNX Runtime's own Python package says of the model.
"""

import pathlib
import pickle
import sys
import warnings

warnings.filterwarnings("ignore")

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

from compare import difference

# What the protocol calls the types that it has.
DATATYPES = {
    TensorProto.BOOL: "BOOL",
    TensorProto.INT8: "INT8",
    TensorProto.INT16: "INT16",
    TensorProto.INT32: "INT32",
    TensorProto.INT64: "INT64",
    TensorProto.UINT8: "UINT8",
    TensorProto.UINT16: "UINT16",
    TensorProto.UINT32: "UINT32",
    TensorProto.UINT64: "UINT64",
    TensorProto.FLOAT16: "FP16",
    TensorProto.BFLOAT16: "BF16",
    TensorProto.FLOAT: "FP32",
    TensorProto.DOUBLE: "FP64",
    TensorProto.STRING: "BYTES",
}


def array(value):
    """The value as an array; cases have TensorProto and bare numbers too."""
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else numpy.asarray(value)


def unserved_type(graph):
    """The first type of an input or output that isn't a tensor of the protocol, in words; None if all are."""
    for value in [*graph.input, *graph.output]:
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            return kind.removesuffix("_type")
        if value.type.tensor_type.elem_type not in DATATYPES:
            return TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    return None


def ort_value(value, datatype):
    if datatype == "BF16":
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(value.view(numpy.uint16), TensorProto.BFLOAT16)
    return onnxruntime.OrtValue.ortvalue_from_numpy(value)


def run(session, inputs, outputs):
    """The outputs as arrays, None where the package has no arrays of the type."""
    names = [name for name, _, _ in outputs]
    if not any(datatype == "BF16" for _, datatype, _ in [*inputs, *outputs]):
        return session.run(names, {name: value for name, _, value in inputs})
    found = session.run_with_ort_values(names, {name: ort_value(value, datatype) for name, datatype, value in inputs})
    return [None if type == "BF16" else value.numpy() for (_, type, _), value in zip(outputs, found)]


class Engine:
    """ONNX Runtime in this process, for what it can't do and what it does otherwise than the case says."""

    def __init__(self):
        onnxruntime.set_default_logger_severity(4)
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = 1
        self.options.log_severity_level = 4

    def look(self, case):
        """Adds to a case why the engine can't do it, or what it gives where that isn't what is expected."""
        try:
            session = onnxruntime.InferenceSession(
                case["model"], self.options, providers=["CPUExecutionProvider"])
        except Exception as error:
            case["unloadable"] = str(error)
            return
        if case["type"]:
            return
        try:
            # A generator of random numbers may give the same twice, and something else the third time.
            runs = [run(session, case["inputs"], case["outputs"]) for _ in range(4)]
        except Exception as error:
            case["unrunnable"] = str(error)
            return
        given = []
        for (name, datatype, expected), *found in zip(case["outputs"], *runs):
            given.append((name, datatype, expected if found[0] is None else found[0]))
            if found[0] is not None:
                case["random"] |= any(difference(other, found[0], 0, 0) is not None for other in found[1:])
                case["differs"] |= difference(found[0], expected, case["rtol"], case["atol"]) is not None
        if case["differs"]:
            case["outputs"] = given


def main(folder):
    engine = Engine()
    cases = []
    for found in collect_testcases(None):
        graph = found.model.graph
        inputs, outputs = found.data_sets[0]
        case = {
            "name": found.name,
            "model": found.model.SerializeToString(),
            "rtol": found.rtol,
            "atol": found.atol,
            "type": unserved_type(graph),
            "random": False,
            "differs": False,
        }
        if case["type"] is None:
            for key, ports, values in [("inputs", graph.input, inputs), ("outputs", graph.output, outputs)]:
                case[key] = [
                    (port.name, DATATYPES[port.type.tensor_type.elem_type], array(value))
                    for port, value in zip(ports, values, strict=True)
                ]
        engine.look(case)
        model = folder / "models" / found.name
        (model / "1").mkdir(parents=True)
        (model / "1" / "model.onnx").write_bytes(case.pop("model"))
        (model / "model.yaml").write_text("replicas: 1\n")
        cases.append(case)
    (folder / "cases.pickle").write_bytes(pickle.dumps(cases))
    print(f"{len(cases)} cases of onnx {onnx.__version__} with onnxruntime {onnxruntime.__version__}")


main(pathlib.Path(sys.argv[1]))
