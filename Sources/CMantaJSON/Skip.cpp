#include "CMantaJSON.h"
#include "Scalars.h"

using namespace manta;

manta_json_read manta_json_skip(const manta_json *json, size_t token) {
    auto bytes = json->bytes;
    auto tokens = json->tokens;
    auto end = json->token_count;
    auto limit = bytes + json->byte_count;
    bool in_object[MANTA_JSON_MAX_DEPTH + 1];
    size_t depth = 0;
    size_t elements = 0;
    auto stop = [&](manta_json_status status) { return manta_json_read{status, token, elements, 0}; };
    auto byte = [&] { return token < end ? bytes[tokens[token]] : uint8_t(0); };
    // Passes over `"name":` and says whether it was there.
    auto pass_name = [&](manta_json_status &status) {
        status = MANTA_JSON_EXPECTED_NAME;
        if (byte() != '"') { return false; }
        status = check_scalar(bytes + tokens[token], limit);
        if (status != MANTA_JSON_OK) { return false; }
        ++token;
        status = MANTA_JSON_EXPECTED_COLON;
        if (byte() != ':') { return false; }
        ++token;
        return true;
    };
    manta_json_status status;
    while (true) {
        auto first = byte();
        if (first == 0) { return stop(MANTA_JSON_EXPECTED_VALUE); }
        bool is_open = false;
        if (first == '[' || first == '{') {
            if (depth == MANTA_JSON_MAX_DEPTH) { return stop(MANTA_JSON_TOO_DEEP); }
            in_object[++depth] = first == '{';
            ++token;
            is_open = byte() != (in_object[depth] ? '}' : ']');
            if (is_open && in_object[depth] && !pass_name(status)) { return stop(status); }
        } else {
            status = check_scalar(bytes + tokens[token], limit);
            if (status != MANTA_JSON_OK) { return stop(status); }
            ++elements;
            ++token;
        }
        if (is_open) { continue; }
        while (true) {
            if (depth == 0) { return stop(MANTA_JSON_OK); }
            auto next = byte();
            if (next == ',') {
                ++token;
                if (in_object[depth] && !pass_name(status)) { return stop(status); }
                break;
            }
            if (next != (in_object[depth] ? '}' : ']')) {
                return stop(in_object[depth] ? MANTA_JSON_EXPECTED_COMMA_OR_BRACE : MANTA_JSON_EXPECTED_COMMA_OR_BRACKET);
            }
            ++token;
            --depth;
        }
    }
}
