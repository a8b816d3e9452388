// Strings, numbers and words in JSON text.
//
// `text` is where one begins, and `limit` the end of all the text.
#pragma once
#include "CMantaJSON.h"

namespace manta {

// A scalar that is neither a string nor a number.
enum class Word { none, bool_true, bool_false, null, nan, positive_infinity, negative_infinity };

// The word at `text`. Python's json writes NaN, Infinity and -Infinity, so they are words here.
Word word(const uint8_t *text, const uint8_t *limit);

// The same three as strings.
Word quoted_word(const uint8_t *text, const uint8_t *limit);

inline bool starts_number(uint8_t byte) { return byte == '-' || uint8_t(byte - '0') < 10; }

// Checks a scalar of any kind.
manta_json_status check_scalar(const uint8_t *text, const uint8_t *limit);

// What to say of a scalar that isn't of the type wanted.
manta_json_status mismatch(const uint8_t *text, const uint8_t *limit);

} // namespace manta
