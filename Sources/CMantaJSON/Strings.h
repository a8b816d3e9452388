// Strings in JSON text.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace manta {

// The first quote or backslash from `text` on; there is one before `limit`, since strings are closed.
const uint8_t *end_of_run(const uint8_t *text, const uint8_t *limit);

// Writes what the string whose first character is at `text` stands for, and moves both pointers behind it, `text` onto
// its closing quote. Returns whether its escapes are good.
bool unescape(const uint8_t *&text, const uint8_t *limit, uint8_t *&target);

// The same without writing. Tells whether there are escapes.
bool pass_string(const uint8_t *&text, const uint8_t *limit, bool &has_escapes);

} // namespace manta
