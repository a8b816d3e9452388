// The least that libmicrohttpd can be asked to do: it takes a request whole and answers with the same bytes each time.
// With LEAK it forgets as many bytes with each request: what measures growth has to see them.
// usage: static_server PORT REPLY [LEAK]
#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static size_t leak;
static void *volatile forgotten;  // else the compiler would leave the leak out

struct Body {
    char *bytes;
    size_t count, capacity;
};

static enum MHD_Result answer(void *response, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *bytes, size_t *count, void **context) {
    struct Body *body = *context;
    if (body == NULL) {
        *context = calloc(1, sizeof(struct Body));
        if (leak > 0) forgotten = memset(malloc(leak), 1, leak);
        return *context == NULL ? MHD_NO : MHD_YES;
    }
    if (*count == 0) return MHD_queue_response(connection, MHD_HTTP_OK, response);
    if (body->count + *count > body->capacity) {
        body->capacity = 2 * (body->count + *count);
        body->bytes = realloc(body->bytes, body->capacity);
    }
    memcpy(body->bytes + body->count, bytes, *count);
    body->count += *count;
    *count = 0;
    return MHD_YES;
}

static void completed(void *none, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code) {
    struct Body *body = *context;
    if (body != NULL) free(body->bytes);
    free(body);
}

int main(int count, char **arguments) {
    if (count != 3 && count != 4) return 64;
    if (count == 4) leak = atoi(arguments[3]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(arguments[2]), arguments[2], MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, response, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_THREAD_POOL_SIZE, 2u, MHD_OPTION_CONNECTION_LIMIT, 2048u,
        MHD_OPTION_END);
    if (daemon == NULL) return 1;
    int signal;
    sigwait(&ends, &signal);
    MHD_stop_daemon(daemon);
    return 0;
}
