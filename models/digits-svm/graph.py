"""A calibrated scikit-learn SVM with an RBF kernel, as a graph of matrix products and other standard operators."""

import itertools

import digits

import numpy as np
from onnx import TensorProto, helper, numpy_helper

# softsign(HUGE * decision) is the sign of the decision: exactly 1 or -1 in float32 unless it is below 1e-22.
# A power of two, so that the coefficients lose nothing. (An exact 0 would give half a vote to each side.)
HUGE = 2.0**100


def build(model, name):
    """The graph of a `CalibratedClassifierCV` with sigmoids around one `SVC`; X to label and probabilities.

    The kernel exp(-gamma |x - s|²) is written out as exp(2 gamma x·s - gamma |x|²) times exp(-gamma |s|²). The first
    factor is the exponential of one matrix product with the support vectors s, and is at most exp(gamma |s|²), so
    that it can't overflow; the second is part of the coefficients.
    """
    (calibrated,) = model.calibrated_classifiers_
    machine = calibrated.estimator
    vectors = machine.support_vectors_
    constant_factor = np.exp(-machine.gamma * np.square(vectors).sum(axis=1, keepdims=True))
    pairs = pairs_to_classes(len(machine.classes_))
    coefficients, intercepts = pair_coefficients(machine), machine.intercept_
    weights = constant_factor * coefficients
    slopes = np.array([sigmoid.a_ for sigmoid in calibrated.calibrators])
    offsets = np.array([sigmoid.b_ for sigmoid in calibrated.calibrators])

    # scikit-learn's score of a class is its votes, (its pairs + sum of their signs) / 2, and a third of the softsign
    # of its sum of decisions. Sums are linear too, hence more columns of the same product: [signs | sums].
    decisions_and_sums = np.hstack([HUGE * weights, weights @ pairs])
    decision_and_sum_intercepts = np.hstack([HUGE * intercepts, intercepts @ pairs])
    # The sigmoid is 1 / (1 + exp(slope * score + offset)). Its logarithm is -softplus(slope * score + offset), and the
    # softmax of logarithms is the share in the sum. ONNX Runtime's own sigmoid is never below 1.5e-8: too coarse for
    # the share where all are small.
    votes_and_sums_to_exponents = slopes * np.vstack([pairs / 2, np.eye(pairs.shape[1]) / 3])
    exponent_offsets = slopes * (pairs.shape[1] - 1) / 2 + offsets

    constants = {
        "support_vectors": vectors.T,
        "decisions_and_sums": decisions_and_sums,
        "decision_and_sum_intercepts": decision_and_sum_intercepts,
        "votes_and_sums_to_exponents": votes_and_sums_to_exponents,
        "exponent_offsets": exponent_offsets,
    }
    columns = numpy_helper.from_array(np.array([1], np.int64), "columns")
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("ReduceSumSquare", ["X", "columns"], ["square"]),
            # Pixels are whole numbers, and so are their products: gamma comes last, to keep these exact.
            node(
                "Gemm",
                ["X", "support_vectors", "square"],
                ["kernel_exponent"],
                alpha=2 * machine.gamma,
                beta=-machine.gamma,
            ),
            node("Exp", ["kernel_exponent"], ["kernel"]),
            node("Gemm", ["kernel", "decisions_and_sums", "decision_and_sum_intercepts"], ["decisions"]),
            node("Softsign", ["decisions"], ["votes"]),
            node("Gemm", ["votes", "votes_and_sums_to_exponents", "exponent_offsets"], ["exponents"]),
            node("Softplus", ["exponents"], ["negative_logarithms"]),
            node("Neg", ["negative_logarithms"], ["logarithms"]),
            node("Softmax", ["logarithms"], ["probabilities"], axis=1),
            node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
        ],
        name,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, vectors.shape[1]])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, pairs.shape[1]]),
        ],
        [columns] + [numpy_helper.from_array(value.astype(np.float32), key) for key, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", digits.OPSET)])


def pairs_to_classes(classes):
    """A row for each pair of classes (0, 1), (0, 2), …: 1 for the first, which a positive decision is for, else -1."""
    pairs = np.array(list(itertools.combinations(range(classes), 2)))
    return np.eye(classes)[pairs[:, 0]] - np.eye(classes)[pairs[:, 1]]


def pair_coefficients(machine):
    """What each support vector (row) has to say in each pair of classes (column): 0 unless it is of one of the two.

    scikit-learn keeps, for a vector, only its coefficients against the other classes, in their order.
    """
    own = np.repeat(np.arange(len(machine.n_support_)), machine.n_support_)
    pairs = list(itertools.combinations(range(len(machine.n_support_)), 2))
    coefficients = np.zeros((len(own), len(pairs)))
    for column, (first, second) in enumerate(pairs):
        coefficients[own == first, column] = machine.dual_coef_[second - 1, own == first]
        coefficients[own == second, column] = machine.dual_coef_[first, own == second]
    return coefficients
