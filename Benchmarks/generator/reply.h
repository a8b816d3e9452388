// Reads one HTTP/1.1 reply, in whatever pieces it comes. The body is counted, not kept.
#pragma once
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum ReplyPart { HEAD, SIZED, CHUNK_SIZE, CHUNK_EXTENSION, CHUNK, CHUNK_END, TRAILER, UNTIL_CLOSE };
enum ReplyProgress { UNFINISHED, COMPLETE, BROKEN };

struct Reply {
    enum ReplyPart part;
    int status;
    bool closes;  // the server said that the connection ends with this reply
    size_t left;  // bytes of the body or the chunk to come; of a trailer's line, those seen
    size_t have;  // bytes of the head
    char head[4096];
};

static void reply_begin(struct Reply *reply) {
    reply->part = HEAD;
    reply->status = 0;
    reply->closes = false;
    reply->left = reply->have = 0;
}

// The head is there, with a 0 after it.
static enum ReplyProgress reply_read_head(struct Reply *reply) {
    if (strncmp(reply->head, "HTTP/1.", 7) != 0 || strlen(reply->head) < 12) return BROKEN;
    reply->status = atoi(reply->head + 9);
    reply->closes = reply->head[7] == '0';
    if (reply->status < 200 || reply->status > 599) return BROKEN;
    bool sized = false, chunked = false;
    for (char *line = strstr(reply->head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, "content-length:", 15) == 0) {
            sized = true;
            reply->left = strtoull(line + 15, NULL, 10);
        } else if (strncasecmp(line, "transfer-encoding: chunked", 26) == 0) {
            chunked = true;
        } else if (strncasecmp(line, "connection: close", 17) == 0) {
            reply->closes = true;
        } else if (strncasecmp(line, "connection: keep-alive", 22) == 0) {
            reply->closes = false;
        }
    }
    if (reply->status == 204 || reply->status == 304) return COMPLETE;
    reply->part = chunked ? CHUNK_SIZE : sized ? SIZED : UNTIL_CLOSE;
    if (chunked) reply->left = 0;
    if (reply->part == UNTIL_CLOSE) reply->closes = true;
    return reply->part == SIZED && reply->left == 0 ? COMPLETE : UNFINISHED;
}

// Takes a byte of what is around the chunks.
static enum ReplyProgress reply_read_frame(struct Reply *reply, char byte) {
    switch (reply->part) {
    case CHUNK_SIZE: {
        const char *digits = "0123456789abcdef", *digit = memchr(digits, byte | 0x20, 16);
        if (digit != NULL && byte != '\r' && byte != '\n') {
            if (reply->left >> 40) return BROKEN;
            reply->left = reply->left * 16 + (digit - digits);
            return UNFINISHED;
        }
        reply->part = CHUNK_EXTENSION;
    }
        // fall through
    case CHUNK_EXTENSION:
        if (byte == '\n') reply->part = reply->left == 0 ? TRAILER : CHUNK;
        return UNFINISHED;
    case CHUNK_END:
        if (byte == '\n') {
            reply->part = CHUNK_SIZE;
            reply->left = 0;
        }
        return UNFINISHED;
    default:  // TRAILER
        if (byte == '\n') {
            if (reply->left == 0) return COMPLETE;
            reply->left = 0;
        } else if (byte != '\r') {
            reply->left++;
        }
        return UNFINISHED;
    }
}

static enum ReplyProgress reply_take(struct Reply *reply, const char *bytes, size_t count) {
    const char *end = bytes + count;
    if (reply->part == HEAD) {
        size_t room = sizeof reply->head - 1 - reply->have, taken = count < room ? count : room;
        memcpy(reply->head + reply->have, bytes, taken);
        size_t from = reply->have < 3 ? 0 : reply->have - 3;
        char *blank = memmem(reply->head + from, reply->have + taken - from, "\r\n\r\n", 4);
        if (blank == NULL) {
            reply->have += taken;
            return taken == count ? UNFINISHED : BROKEN;
        }
        bytes += blank + 4 - reply->head - reply->have;
        *blank = 0;
        enum ReplyProgress progress = reply_read_head(reply);
        if (progress == COMPLETE) return bytes == end ? COMPLETE : BROKEN;
        if (progress == BROKEN) return BROKEN;
    }
    while (bytes < end) {
        if (reply->part == UNTIL_CLOSE) return UNFINISHED;
        if (reply->part == SIZED || reply->part == CHUNK) {
            size_t here = (size_t)(end - bytes) < reply->left ? (size_t)(end - bytes) : reply->left;
            bytes += here;
            reply->left -= here;
            if (reply->left > 0) return UNFINISHED;
            if (reply->part == SIZED) return bytes == end ? COMPLETE : BROKEN;  // nothing else was asked for
            reply->part = CHUNK_END;
            continue;
        }
        if (reply_read_frame(reply, *bytes++) == COMPLETE) return bytes == end ? COMPLETE : BROKEN;
    }
    return UNFINISHED;
}

// The server has closed the connection.
static enum ReplyProgress reply_end(const struct Reply *reply) {
    return reply->part == UNTIL_CLOSE ? COMPLETE : BROKEN;
}
