#include "CMantaJSON.h"

#include <memory>
#include <new>
#include <simdjson.h>

namespace {

using Parser = simdjson::internal::dom_parser_implementation;

// The index takes 4 bytes for each byte of text. What is larger than this isn't kept for the next text.
constexpr size_t kept_capacity = size_t(256) << 10;
constexpr size_t least_capacity = size_t(4) << 10;

struct Document : manta_json {
    std::unique_ptr<Parser> parser;
    size_t capacity = 0;

    bool reserve(size_t count) {
        if (count <= capacity) { return true; }
        size_t wanted = least_capacity;
        while (wanted < count) { wanted *= 2; }
        parser.reset();
        capacity = 0;
        // Only the first stage is used, so the depth, which is the second stage's, is the least.
        if (simdjson::get_active_implementation()->create_dom_parser_implementation(wanted, 1, parser)) { return false; }
        capacity = wanted;
        return true;
    }
};

// One document for each thread. Whoever uses it takes it out, so a second one at the same time gets its own.
thread_local std::unique_ptr<Document> idle;

manta_json_status status(simdjson::error_code code) {
    switch (code) {
    case simdjson::SUCCESS: return MANTA_JSON_OK;
    case simdjson::EMPTY: return MANTA_JSON_EMPTY;
    case simdjson::UTF8_ERROR: return MANTA_JSON_NOT_UTF8;
    case simdjson::UNESCAPED_CHARS: return MANTA_JSON_CONTROL_CHARACTER;
    case simdjson::UNCLOSED_STRING: return MANTA_JSON_UNCLOSED_STRING;
    case simdjson::CAPACITY: return MANTA_JSON_TOO_LARGE;
    default: return MANTA_JSON_NO_MEMORY;
    }
}

} // namespace

manta_json *manta_json_acquire(void) {
    if (idle) { return idle.release(); }
    return new (std::nothrow) Document();
}

void manta_json_release(manta_json *json) {
    std::unique_ptr<Document> document(static_cast<Document *>(json));
    if (document && document->capacity <= kept_capacity && !idle) { idle = std::move(document); }
}

manta_json_status manta_json_index(manta_json *json, const uint8_t *bytes, size_t count) {
    auto document = static_cast<Document *>(json);
    if (document == nullptr) { return MANTA_JSON_NO_MEMORY; }
    document->token_count = document->hidden_count = 0;
    if (count == 0) { return MANTA_JSON_EMPTY; }
    // Tokens are found by 32 bits.
    if (count > UINT32_MAX - 64) { return MANTA_JSON_TOO_LARGE; }
    if (!document->reserve(count)) { return MANTA_JSON_NO_MEMORY; }
    auto code = document->parser->stage1(bytes, count, simdjson::stage1_mode::regular);
    if (code) { return status(code); }
    size_t tokens = document->parser->n_structural_indexes;
    if (tokens == 0) { return MANTA_JSON_EMPTY; }
    document->bytes = bytes;
    document->byte_count = count;
    document->tokens = document->parser->structural_indexes.get();
    document->hidden_count = bytes[document->tokens[tokens - 1]] == '}' ? 0 : 1;
    document->token_count = tokens - document->hidden_count;
    return MANTA_JSON_OK;
}
