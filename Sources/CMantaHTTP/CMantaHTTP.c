#define _GNU_SOURCE
#include "CMantaHTTP.h"
#include <gnutls/abstract.h>
#include <string.h>

// Strict as RFC 9112 wants it. Release 0.9.75 then refuses a missing Host by itself and writes the head of its reply
// twice; the Swift code looks for what it lets pass otherwise, a missing Host and spaces in the target.
enum { strictness = MHD_VERSION < 0x01000000 ? 0 : 1 };

// Never called: each connection gets its certificate when it starts, before its handshake. libmicrohttpd wants a
// certificate or this.
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
                          const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **certificates,
                          unsigned int *certificate_count, gnutls_privkey_t *key) {
    return -1;
}

struct MHD_Daemon *manta_start_daemon(const struct MantaDaemonSettings *settings,
                                      const struct MantaDaemonCallbacks *callbacks) {
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem more[3];
    unsigned int count = 0;
    // A pool of one is refused.
    if (settings->threads > 1) {
        more[count++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, settings->threads, NULL};
    }
    if (settings->is_tls) {
        flags |= MHD_USE_TLS;
        more[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)no_certificate};
    }
    more[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, callbacks->request, callbacks->context,
        MHD_OPTION_LISTEN_SOCKET, settings->socket,
        MHD_OPTION_CONNECTION_LIMIT, settings->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->connections_per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->connection_memory,
        MHD_OPTION_STRICT_FOR_CLIENT, strictness,
        MHD_OPTION_NOTIFY_CONNECTION, callbacks->connection, callbacks->context,
        MHD_OPTION_URI_LOG_CALLBACK, callbacks->request_line, callbacks->context,
        MHD_OPTION_NOTIFY_COMPLETED, callbacks->completed, callbacks->context,
        MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

void *manta_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

int manta_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

const struct sockaddr *manta_client_address(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info == NULL ? NULL : info->client_addr;
}

int manta_accept(int socket, struct sockaddr *address, socklen_t *length) {
    return accept4(socket, address, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int manta_certificate_make(const char *certificate, const char *key, struct MantaCertificate **made) {
    gnutls_certificate_credentials_t credentials = NULL;
    int code = gnutls_certificate_allocate_credentials(&credentials);
    if (code != GNUTLS_E_SUCCESS) return code;
    gnutls_datum_t chain = {(unsigned char *)certificate, (unsigned int)strlen(certificate)};
    gnutls_datum_t secret = {(unsigned char *)key, (unsigned int)strlen(key)};
    // Also finds out whether the two belong together.
    code = gnutls_certificate_set_x509_key_mem2(credentials, &chain, &secret, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code < 0) {
        gnutls_certificate_free_credentials(credentials);
        return code;
    }
    *made = (struct MantaCertificate *)credentials;
    return GNUTLS_E_SUCCESS;
}

const char *manta_certificate_fault(int code) {
    return gnutls_strerror(code);
}

void manta_certificate_free(struct MantaCertificate *certificate) {
    gnutls_certificate_free_credentials((gnutls_certificate_credentials_t)certificate);
}

void manta_certificate_use(struct MantaCertificate *certificate, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || info->tls_session == NULL) return;
    gnutls_credentials_set((gnutls_session_t)info->tls_session, GNUTLS_CRD_CERTIFICATE, certificate);
}

struct MantaTLS *manta_tls_start(struct MantaCertificate *certificate, int socket) {
    gnutls_session_t session = NULL;
    if (gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != GNUTLS_E_SUCCESS) return NULL;
    // RFC 9113, section 9.2. Some clients of gRPC name no protocol, so none is required.
    const gnutls_datum_t protocols[] = {{(unsigned char *)"grpc-exp", 8}, {(unsigned char *)"h2", 2}};
    if (gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", NULL) != GNUTLS_E_SUCCESS ||
        gnutls_alpn_set_protocols(session, protocols, 2, 0) != GNUTLS_E_SUCCESS ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certificate) != GNUTLS_E_SUCCESS) {
        gnutls_deinit(session);
        return NULL;
    }
    gnutls_transport_set_int(session, socket);
    return (struct MantaTLS *)session;
}

// A code of GnuTLS in our words. What isn't fatal, an alert that only warns, say, is tried again; more of them in a row
// than any client has a reason for end the connection.
enum { tries = 16 };

static int outcome(ssize_t code) {
    if (code == GNUTLS_E_AGAIN) return MANTA_TLS_WAITS;
    return code == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal((int)code) ? MANTA_TLS_BROKEN : 0;
}

int manta_tls_handshake(struct MantaTLS *tls) {
    for (int try = 0; try < tries; try++) {
        int code = gnutls_handshake((gnutls_session_t)tls);
        if (code == GNUTLS_E_SUCCESS) return 0;
        int result = outcome(code);
        if (result == MANTA_TLS_BROKEN) gnutls_alert_send_appropriate((gnutls_session_t)tls, code);
        if (result != 0) return result;
    }
    return MANTA_TLS_BROKEN;
}

int manta_tls_waits_to_write(struct MantaTLS *tls) {
    return gnutls_record_get_direction((gnutls_session_t)tls) == 1;
}

ssize_t manta_tls_receive(struct MantaTLS *tls, void *bytes, size_t count) {
    for (int try = 0; try < tries; try++) {
        ssize_t received = gnutls_record_recv((gnutls_session_t)tls, bytes, count);
        if (received >= 0) return received;
        int result = outcome(received);
        if (result != 0) return result;
    }
    return MANTA_TLS_BROKEN;
}

ssize_t manta_tls_send(struct MantaTLS *tls, const void *bytes, size_t count) {
    for (int try = 0; try < tries; try++) {
        ssize_t sent = gnutls_record_send((gnutls_session_t)tls, bytes, count);
        if (sent >= 0) return sent;
        int result = outcome(sent);
        if (result != 0) return result;
    }
    return MANTA_TLS_BROKEN;
}

void manta_tls_finish(struct MantaTLS *tls) {
    gnutls_bye((gnutls_session_t)tls, GNUTLS_SHUT_WR);
}

void manta_tls_free(struct MantaTLS *tls) {
    gnutls_deinit((gnutls_session_t)tls);
}
