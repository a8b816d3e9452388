// What Swift can't see: libmicrohttpd's variadic functions, the kernel's epoll and accept4, and of GnuTLS what is needed
// to change a listener's certificate, and to encrypt a connection that isn't libmicrohttpd's.
#pragma once
#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

// How a daemon is set up.
struct MantaDaemonSettings {
    // Bound and listening.
    int socket;
    // Threads that read and write, at least 1.
    unsigned int threads;
    // Connections open at a time: in all, and from one address (0 for no limit).
    unsigned int connections;
    unsigned int connections_per_address;
    // How long a connection may be inactive.
    unsigned int idle_seconds;
    // Memory of a connection for header fields and a part of the body.
    size_t connection_memory;
    // Whether connections are encrypted. Each must then be given a certificate when it starts.
    int is_tls;
};

// What a daemon calls, on its own threads.
struct MantaDaemonCallbacks {
    // A connection was accepted or is about to be closed.
    MHD_NotifyConnectionCallback connection;
    // A request's line is there. What it returns is the request's own context.
    void *(*request_line)(void *context, const char *target, struct MHD_Connection *connection);
    // A request's head, body or end is there.
    MHD_AccessHandlerCallback request;
    // A reply was sent or can't be.
    MHD_RequestCompletedCallback completed;
    // Passed to each.
    void *context;
};

// MHD_start_daemon with epoll, internal threads and suspended connections; NULL if it can't be started.
struct MHD_Daemon *manta_start_daemon(const struct MantaDaemonSettings *settings,
                                      const struct MantaDaemonCallbacks *callbacks);

// MHD_get_connection_info: what the connection callback stored, the socket, and the client's address.
void *manta_socket_context(struct MHD_Connection *connection);
int manta_socket(struct MHD_Connection *connection);
const struct sockaddr *manta_client_address(struct MHD_Connection *connection);

// What a thread of the daemon's replied since it last waited for events, in a turn. All zero at first.
struct MantaTurn {
    unsigned int replies;
    // Those of them that said that there is too much to do.
    unsigned int refusals;
    // Until then, on the monotonic clock, another turn of refusals is one of many.
    int64_t refusing_until;
};

void manta_turn_count(struct MantaTurn *turn, int is_refusal);

// A turn is over, and the thread would wait. Returns for how many nanoseconds it should rest before it does: 2 ms if at
// least half of the turn's replies refused, and of a turn in the 2 ms before too. To refuse costs little, but to wake
// up for it does, and takes the caches from those that run models; so refusals wait for each other, as packets do in a
// network card that moderates its interrupts.
int64_t manta_turn_end(struct MantaTurn *turn, int64_t now);

// Counts a reply in the turn of this thread, which must be one of the daemon's.
void manta_count_reply(int is_refusal);

// accept4 that blocks neither now nor later.
int manta_accept(int socket, struct sockaddr *address, socklen_t *length);

// A certificate chain and its key, for any number of connections: a `gnutls_certificate_credentials_t`.
struct MantaCertificate;

// Makes one of two PEM texts. Returns 0, or the code of GnuTLS's error, also when the two don't belong together.
int manta_certificate_make(const char *certificate, const char *key, struct MantaCertificate **made);

// What a code means.
const char *manta_certificate_fault(int code);

void manta_certificate_free(struct MantaCertificate *certificate);

// Has a connection that has just started, and hasn't shaken hands, use a certificate. It must outlive the connection.
void manta_certificate_use(struct MantaCertificate *certificate, struct MHD_Connection *connection);

// The encryption of a connection that isn't libmicrohttpd's: a `gnutls_session_t` of a server, for HTTP/2. It is one
// thread's at a time, and nothing of it blocks.
struct MantaTLS;

// What else than a number of bytes the functions below return.
enum { MANTA_TLS_WAITS = -1, MANTA_TLS_BROKEN = -2 };

// Begins with a connection that was just accepted. The certificate must outlive it. NULL if there is no memory.
struct MantaTLS *manta_tls_start(struct MantaCertificate *certificate, int socket);

// Shakes hands: 0 when that is done, MANTA_TLS_WAITS or MANTA_TLS_BROKEN. To be called until then, and before the others.
int manta_tls_handshake(struct MantaTLS *tls);

// Whether what waits, waits to write.
int manta_tls_waits_to_write(struct MantaTLS *tls);

// As recv and send do: a number of bytes (0: the client has ended), MANTA_TLS_WAITS or MANTA_TLS_BROKEN. What waits to be
// sent must be sent again as it was.
ssize_t manta_tls_receive(struct MantaTLS *tls, void *bytes, size_t count);
ssize_t manta_tls_send(struct MantaTLS *tls, const void *bytes, size_t count);

// Says that nothing more is sent.
void manta_tls_finish(struct MantaTLS *tls);

void manta_tls_free(struct MantaTLS *tls);
