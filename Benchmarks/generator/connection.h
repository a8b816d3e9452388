// Connections, and the lists that they are in: closed ones, idle ones, and busy ones in the order of their requests.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reply.h"

struct Request {
    int64_t due;  // nanoseconds from the start
    int kind, phase;
};

struct Connection {
    struct Connection *before, *after;
    int socket;
    bool is_busy;      // has a request that isn't done with
    bool awaits_room;  // part of its request is still to be written
    size_t written;
    struct Request request;
    struct Reply reply;
};

// A ring with a head that holds nothing.
static void list_begin(struct Connection *head) { head->before = head->after = head; }

static bool list_is_empty(const struct Connection *head) { return head->after == head; }

static void list_insert(struct Connection *connection, struct Connection *before, struct Connection *after) {
    connection->before = before;
    connection->after = after;
    before->after = after->before = connection;
}

static void list_remove(struct Connection *connection) {
    connection->before->after = connection->after;
    connection->after->before = connection->before;
}

// Whether the connection is there or on its way.
static bool connection_open(struct Connection *connection, int poll, const struct sockaddr_in *address) {
    int one = 1;
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->socket < 0) return false;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->awaits_room = false;
    if ((connect(connection->socket, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EINPROGRESS) &&
        epoll_ctl(poll, EPOLL_CTL_ADD, connection->socket, &event) == 0)
        return true;
    close(connection->socket);
    return false;
}

// Ends it. With a reset, as the kernel does for clients that don't wait for a reply, no port stays taken for a minute.
static void connection_close(struct Connection *connection, bool resets) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (resets) setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(connection->socket);
}

// Writes what there is room for. False: the connection is no more.
static bool connection_write(struct Connection *connection, int poll, const char *bytes, size_t count) {
    while (connection->written < count) {
        ssize_t written =
            send(connection->socket, bytes + connection->written, count - connection->written, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno != EAGAIN) return false;
        if (written < 0) break;
        connection->written += written;
    }
    bool awaits_room = connection->written < count;
    if (awaits_room != connection->awaits_room) {
        struct epoll_event event = {.events = EPOLLIN | (awaits_room ? EPOLLOUT : 0), .data.ptr = connection};
        if (epoll_ctl(poll, EPOLL_CTL_MOD, connection->socket, &event) != 0) return false;
        connection->awaits_room = awaits_room;
    }
    return true;
}
