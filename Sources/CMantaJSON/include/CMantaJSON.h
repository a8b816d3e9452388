// JSON between bytes and tensors: simdjson finds the tokens, the C++ library's charconv reads and writes numbers.
//
// Nothing here throws, and nothing reads beyond the bytes it was given.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The element types of tensors.
typedef enum {
    MANTA_BOOL,
    MANTA_INT8,
    MANTA_INT16,
    MANTA_INT32,
    MANTA_INT64,
    MANTA_UINT8,
    MANTA_UINT16,
    MANTA_UINT32,
    MANTA_UINT64,
    MANTA_FP16,
    MANTA_BF16,
    MANTA_FP32,
    MANTA_FP64,
    MANTA_BYTES,
} manta_type;

typedef enum {
    MANTA_JSON_OK,
    // The text as a whole.
    MANTA_JSON_EMPTY,
    MANTA_JSON_NOT_UTF8,
    MANTA_JSON_CONTROL_CHARACTER,
    MANTA_JSON_UNCLOSED_STRING,
    MANTA_JSON_TOO_LARGE,
    MANTA_JSON_NO_MEMORY,
    // A token that breaks the grammar, or the end of the text where one is needed.
    MANTA_JSON_EXPECTED_VALUE,
    MANTA_JSON_EXPECTED_NAME,
    MANTA_JSON_EXPECTED_COLON,
    MANTA_JSON_EXPECTED_COMMA_OR_BRACE,
    MANTA_JSON_EXPECTED_COMMA_OR_BRACKET,
    MANTA_JSON_BAD_NUMBER,
    MANTA_JSON_BAD_ESCAPE,
    MANTA_JSON_TOO_DEEP,
    // A good value that isn't an element of the tensor.
    MANTA_JSON_WRONG_TYPE,
    MANTA_JSON_OUT_OF_RANGE,
    MANTA_JSON_TOO_MANY,
} manta_json_status;

// Arrays and objects may be nested this deep within a value.
#define MANTA_JSON_MAX_DEPTH 100

// A JSON text and where its tokens begin: each of {}[]:, and each string, number or word.
typedef struct {
    const uint8_t *bytes;
    size_t byte_count;
    const uint32_t *tokens;
    // The last token of an object is "}". If it isn't, it is left out here, so that every token has another byte behind
    // it, and counted in `hidden_count`.
    size_t token_count;
    size_t hidden_count;
} manta_json;

// A text whose memory is used again for the next one. Released on the thread that acquired it.
manta_json *manta_json_acquire(void);
void manta_json_release(manta_json *json);

// Finds the tokens of `bytes`, which must outlive their use. Checks UTF-8 and that strings are closed and without
// control characters; the grammar is checked by the functions below.
manta_json_status manta_json_index(manta_json *json, const uint8_t *bytes, size_t count);

// What was read from `token` on.
typedef struct {
    manta_json_status status;
    // The token after it, or the one at fault.
    size_t token;
    // Elements (scalars) read before `token`.
    size_t elements;
    // Bytes written.
    size_t bytes;
} manta_json_read;

// Passes over one value and checks its grammar.
manta_json_read manta_json_skip(const manta_json *json, size_t token);

// Reads an array, nested or flat, of `count` elements into `target`, which has room for them: their width each, or for
// MANTA_BYTES 4 bytes each and all the text there is. Stops before an element too many; fewer are no error here.
manta_json_read manta_json_read_elements(
    const manta_json *json, size_t token, manta_type type, size_t count, uint8_t *target);

// Reads the one element at `token` into `target`, which has room for it.
manta_json_read manta_json_read_element(const manta_json *json, size_t token, manta_type type, uint8_t *target);

// A number on its own; `is_integer` if it is written as one and fits.
typedef struct {
    manta_json_status status;
    bool is_integer;
    int64_t integer;
    double value;
} manta_json_number;
manta_json_number manta_json_read_number(const manta_json *json, size_t token);

// A string without its quotes, as it stands in the text.
typedef struct {
    manta_json_status status;
    const uint8_t *start;
    size_t count;
    bool has_escapes;
} manta_json_string;
manta_json_string manta_json_read_string(const manta_json *json, size_t token);

// Writes what a string with escapes stands for, at most as long, and returns how long.
size_t manta_json_unescape(manta_json_string string, uint8_t *target);

// The most bytes that one number takes in JSON, with a comma.
size_t manta_json_number_width(manta_type type);

// Writes numbers with commas between them, each as the shortest that reads back as the same value, and returns how many
// bytes that took. `values` may be unaligned.
size_t manta_json_write_numbers(manta_type type, const uint8_t *values, size_t count, uint8_t *target);

// How many bytes a string takes in JSON, with its quotes; 0 if it isn't UTF-8.
size_t manta_json_string_width(const uint8_t *bytes, size_t count);

// Writes a string with quotes and escapes and returns how many bytes that took.
size_t manta_json_write_string(const uint8_t *bytes, size_t count, uint8_t *target);

#ifdef __cplusplus
}
#endif
