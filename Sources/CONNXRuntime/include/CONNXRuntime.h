#pragma once

// The face of ONNX Runtime: types and a table of functions. Its library is opened while the program runs, not linked.
#if __has_include(<onnxruntime/onnxruntime_c_api.h>)
#include <onnxruntime/onnxruntime_c_api.h>
#else
#error "ONNX Runtime's header <onnxruntime/onnxruntime_c_api.h> isn't there: install libonnxruntime-dev, or put the header into /usr/local/include/onnxruntime"
#endif
