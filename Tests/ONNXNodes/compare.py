"""Tells two arrays apart."""

import numpy


def plain(values):
    """Numbers of any width as those that numpy compares, texts as bytes."""
    if values.dtype.kind in "OUS":
        texts = [text.encode() if isinstance(text, str) else bytes(text) for text in values.reshape(-1)]
        return numpy.array(texts, dtype=numpy.object_).reshape(values.shape)
    # The types of ml_dtypes.
    return values.astype(numpy.float32) if values.dtype.kind == "V" else values


def difference(found, expected, rtol, atol):
    """What is different, in words; None if nothing is."""
    found, expected = plain(found), plain(expected)
    if found.shape != expected.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    if found.dtype != expected.dtype:
        return f"{found.dtype}, expected {expected.dtype}"
    if found.dtype.kind in "fc":
        equal = numpy.isclose(found, expected, rtol=rtol, atol=atol, equal_nan=True)
    else:
        equal = found == expected
    if numpy.all(equal):
        return None
    return f"{numpy.sum(~equal)} of {found.size} elements, found {found[~equal][:3]}, expected {expected[~equal][:3]}"
