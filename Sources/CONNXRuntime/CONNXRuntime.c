#include "CONNXRuntime.h"

bool manta_onnx_has_shape(const OrtApi *api, const OrtTensorTypeAndShapeInfo *info) {
    typedef bool (*HasShape)(const OrtTensorTypeAndShapeInfo *);
    enum { PLACE = 390 };
    return ((const HasShape *)api)[PLACE](info);
}
