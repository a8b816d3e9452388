#include "Strings.h"

#include "CMantaJSON.h"
#include <cstring>

namespace manta {

namespace {

// Whether one of eight bytes is this one (Mycroft's test; it may be wrong about bytes above the first that is).
uint64_t has(uint64_t bytes, uint8_t wanted) {
    uint64_t zero = bytes ^ (0x0101010101010101 * wanted);
    return (zero - 0x0101010101010101) & ~zero & 0x8080808080808080;
}

int hex_digit(uint8_t byte) {
    if (byte >= '0' && byte <= '9') { return byte - '0'; }
    if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f') { return (byte | 0x20) - 'a' + 10; }
    return -1;
}

// Four hexadecimal digits, or -1. A quote ends them, so this stays within the string.
int32_t code_unit(const uint8_t *text) {
    int32_t unit = 0;
    for (int index = 0; index < 4; ++index) {
        int digit = hex_digit(text[index]);
        if (digit < 0) { return -1; }
        unit = unit << 4 | digit;
    }
    return unit;
}

uint8_t *write_utf8(uint32_t scalar, uint8_t *target) {
    if (scalar < 0x80) {
        *target++ = uint8_t(scalar);
        return target;
    }
    if (scalar < 0x800) {
        *target++ = uint8_t(0xC0 | scalar >> 6);
    } else {
        if (scalar < 0x10000) {
            *target++ = uint8_t(0xE0 | scalar >> 12);
        } else {
            *target++ = uint8_t(0xF0 | scalar >> 18);
            *target++ = uint8_t(0x80 | (scalar >> 12 & 0x3F));
        }
        *target++ = uint8_t(0x80 | (scalar >> 6 & 0x3F));
    }
    *target++ = uint8_t(0x80 | (scalar & 0x3F));
    return target;
}

// Reads the escape after a backslash at `text` and moves behind it. Returns the character, or -1 if it is none.
int32_t escape(const uint8_t *&text) {
    switch (text[1]) {
    case '"': case '\\': case '/': text += 2; return text[-1];
    case 'b': text += 2; return '\b';
    case 'f': text += 2; return '\f';
    case 'n': text += 2; return '\n';
    case 'r': text += 2; return '\r';
    case 't': text += 2; return '\t';
    case 'u': break;
    default: return -1;
    }
    int32_t unit = code_unit(text + 2);
    if (unit < 0 || (unit >= 0xDC00 && unit < 0xE000)) { return -1; }
    text += 6;
    if (unit < 0xD800 || unit >= 0xE000) { return unit; }
    // Half of a pair: the other half must follow.
    if (text[0] != '\\' || text[1] != 'u') { return -1; }
    int32_t low = code_unit(text + 2);
    if (low < 0xDC00 || low >= 0xE000) { return -1; }
    text += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

} // namespace

const uint8_t *end_of_run(const uint8_t *text, const uint8_t *limit) {
    uint64_t bytes;
    while (limit - text >= 8) {
        std::memcpy(&bytes, text, 8);
        if (has(bytes, '"') | has(bytes, '\\')) { break; }
        text += 8;
    }
    while (*text != '"' && *text != '\\') { ++text; }
    return text;
}

bool unescape(const uint8_t *&text, const uint8_t *limit, uint8_t *&target) {
    while (true) {
        auto end = end_of_run(text, limit);
        std::memcpy(target, text, size_t(end - text));
        target += end - text;
        text = end;
        if (*text == '"') { return true; }
        int32_t scalar = escape(text);
        if (scalar < 0) { return false; }
        target = write_utf8(uint32_t(scalar), target);
    }
}

bool pass_string(const uint8_t *&text, const uint8_t *limit, bool &has_escapes) {
    has_escapes = false;
    while (true) {
        text = end_of_run(text, limit);
        if (*text == '"') { return true; }
        has_escapes = true;
        if (escape(text) < 0) { return false; }
    }
}

} // namespace manta

manta_json_string manta_json_read_string(const manta_json *json, size_t token) {
    manta_json_string string = {MANTA_JSON_OK, json->bytes + json->tokens[token] + 1, 0, false};
    auto text = string.start;
    if (!manta::pass_string(text, json->bytes + json->byte_count, string.has_escapes)) {
        string.status = MANTA_JSON_BAD_ESCAPE;
    }
    string.count = size_t(text - string.start);
    return string;
}

size_t manta_json_unescape(manta_json_string string, uint8_t *target) {
    auto text = string.start;
    auto end = target;
    manta::unescape(text, string.start + string.count, end);
    return size_t(end - target);
}
