#pragma once

// The face of ONNX Runtime: types and a table of functions. Its library is opened while the program runs, not linked.
#if __has_include(<onnxruntime/onnxruntime_c_api.h>)
#include <onnxruntime/onnxruntime_c_api.h>
#else
#error "ONNX Runtime's header <onnxruntime/onnxruntime_c_api.h> isn't there: install libonnxruntime-dev, or put the header into /usr/local/include/onnxruntime"
#endif

#include <stdbool.h>

// The version of the table of functions that first has `TensorTypeAndShape_HasShape`.
#define MANTA_ONNX_HAS_SHAPE_VERSION 24

// Calls `TensorTypeAndShape_HasShape`, for headers older than the function: whether the shape is known at all. The table
// only ever grows at its end, so each function keeps its place in it.
bool manta_onnx_has_shape(const OrtApi *api, const OrtTensorTypeAndShapeInfo *info);
