// Sends HTTP requests to a server on this machine and tells, as JSON, what became of them.
//
// Open loop (--plan): requests are due when a Poisson process says so, whether or not earlier ones have been answered,
// and latency counts from then: a server that stands still for a second has made all of that second's requests wait.
// What finds no connection in time is unsent, which is a failure. Closed loop (--closed): a number of clients, each of
// which sends its next request when the last one is done.
//
// One thread, one epoll. The connection used last is used next, as in clients' pools.
#include <getopt.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "arrivals.h"
#include "connection.h"
#include "totals.h"

static const char usage[] =
    "usage: generator --plan RATE:SECONDS[,RATE:SECONDS...] | --closed CLIENTS --requests N [--seconds S]\n"
    "                 [options] PORT REQUESTS\n"
    "\n"
    "REQUESTS has a line for each kind of request: WEIGHT STATUS NAME FILE. FILE holds the request's bytes, head and\n"
    "body. STATUS is what its reply should have, 0 if any will do, -1 if the client leaves without waiting for one.\n"
    "\n"
    "  --connections N      at most, 4000\n"
    "  --patience-ms X      how late a request may be sent, 10\n"
    "  --timeout-ms X       how long a client waits for its reply, 10000\n"
    "  --bound-ms X         how long a good reply may take, as long as the client waits\n"
    "  --tick-ms X          look only so often what is due and what has come, which costs less; 0, at once\n"
    "  --renew-every N      end a connection after one of so many requests, never\n"
    "  --progress N         print a line after each N requests that are done with\n"
    "  --seed N             1\n"
    "  --dry-run            print when the requests would be due, in seconds\n";

struct Kind {
    double until;  // of the sum of weights, those up to this one
    int status;
    char name[64];
    char *bytes;
    size_t count;
    struct Totals totals;
};

enum { MOST_KINDS = 64, MOST_EVENTS = 256, SENDS_PER_TURN = 64, BINS_PER_SECOND = 10, LEAVES = -1, ANY = 0 };

struct Bin {
    uint64_t due, good, refused, failed;
};

static struct Arrivals arrivals;
static struct Kind kinds[MOST_KINDS];
static struct Totals phases[MOST_PHASES];
static double phase_cpu[MOST_PHASES + 1];
static struct Bin *bins;
static struct Connection closed, idle, busy;
static struct sockaddr_in address;
static int kind_count, bin_count, poll_set;
static int connection_limit = 4000, clients, seconds_limit, is_dry_run;
static int64_t began, patience = 10000000, timeout = 10000000000, bound, tick;
static uint64_t wanted, seed = 1, renew_every, progress_every, choice, opened, open_now, open_most, issued, done;

// Requests that are due and have no connection yet: a ring.
static struct Request *waiting;
static uint64_t waiting_first, waiting_end, waiting_room;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec - began;
}

static struct timespec timespec_of(int64_t duration) {
    return (struct timespec){.tv_sec = duration / 1000000000, .tv_nsec = duration % 1000000000};
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what) {
    fprintf(stderr, "generator: %s\n", what);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) fail("out of memory");
    return memory;
}

static void read_requests(const char *path) {
    char file_name[4096];
    double weight, sum = 0;
    FILE *list = fopen(path, "r");
    if (list == NULL) fail("can't open the list of requests");
    while (kind_count < MOST_KINDS) {
        struct Kind *kind = &kinds[kind_count];
        if (fscanf(list, "%lf %d %63s %4095s", &weight, &kind->status, kind->name, file_name) != 4) break;
        FILE *file = fopen(file_name, "rb");
        if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail("can't open a request");
        kind->count = ftell(file);
        kind->bytes = allocate(kind->count + 1, 1);
        rewind(file);
        if (fread(kind->bytes, 1, kind->count, file) != kind->count) fail("can't read a request");
        fclose(file);
        kind->until = sum += weight;
        kind_count++;
    }
    if (!feof(list) || kind_count == 0) fail("the list of requests is not as it should be");
    fclose(list);
}

static int choose_kind(void) {
    double share = (random_bits(&choice) >> 11) * 0x1p-53 * kinds[kind_count - 1].until;
    int kind = 0;
    while (kind < kind_count - 1 && kinds[kind].until <= share) kind++;
    return kind;
}

// Counts one in both of a request's totals.
#define COUNT(request, counter) (phases[(request)->phase].counter++, kinds[(request)->kind].totals.counter++)
#define TIME(request, times, duration)                           \
    (histogram_add(&phases[(request)->phase].times, (duration)), \
     histogram_add(&kinds[(request)->kind].totals.times, (duration)))

static struct Bin *bin_of(const struct Request *request) {
    int bin = request->due / (1000000000 / BINS_PER_SECOND);
    return &bins[bin < bin_count ? bin : bin_count - 1];
}

static void enqueue(int64_t due, int phase) {
    struct Request request = {.due = due, .kind = choose_kind(), .phase = phase};
    if (waiting_end - waiting_first == waiting_room) {
        struct Request *more = allocate(waiting_room * 2, sizeof *more);
        for (uint64_t i = waiting_first; i < waiting_end; i++) more[i % (waiting_room * 2)] = waiting[i % waiting_room];
        free(waiting);
        waiting = more;
        waiting_room *= 2;
    }
    waiting[waiting_end++ % waiting_room] = request;
    COUNT(&request, due);
    bin_of(&request)->due++;
    issued++;
}

static void drop(struct Connection *connection, bool resets) {
    connection->is_busy = false;
    connection_close(connection, resets);
    list_remove(connection);
    list_insert(connection, &closed, closed.after);
    open_now--;
}

static void is_done(void) {
    done++;
    if (progress_every > 0 && done % progress_every == 0) {
        printf("{\"done\": %lu}\n", done);
        fflush(stdout);
    }
}

// Counts a request that got no reply.
#define COUNT_FAILURE(request, counter) (COUNT(request, counter), bin_of(request)->failed++, is_done())

static void count_reply(const struct Request *request, int status) {
    int64_t latency = now() - request->due;
    int expected = kinds[request->kind].status;
    COUNT(request, statuses[status]);
    if (status == 429 || status == 503) {
        TIME(request, refusals, latency);
        bin_of(request)->refused++;
    }
    if (expected == ANY || status == expected) {
        TIME(request, latency, latency);
        if (latency <= bound) {
            COUNT(request, good);
            bin_of(request)->good++;
        }
    } else {
        COUNT(request, unexpected);
        if (status != 429 && status != 503) bin_of(request)->failed++;
    }
    is_done();
}

static void reply_is_complete(struct Connection *connection) {
    count_reply(&connection->request, connection->reply.status);
    if (connection->reply.closes || (renew_every > 0 && random_bits(&choice) % renew_every == 0)) {
        drop(connection, false);
    } else {
        connection->is_busy = false;
        list_remove(connection);
        list_insert(connection, &idle, idle.after);
    }
}

static void is_cut(struct Connection *connection) {
    COUNT_FAILURE(&connection->request, cut);
    drop(connection, true);
}

static void write_request(struct Connection *connection) {
    const struct Kind *kind = &kinds[connection->request.kind];
    if (!connection_write(connection, poll_set, kind->bytes, kind->count)) {
        is_cut(connection);
    } else if (kind->status == LEAVES && connection->written == kind->count) {
        COUNT(&connection->request, left);
        drop(connection, true);
        is_done();
    }
}

// False: all connections are busy.
static bool dispatch(const struct Request *request) {
    struct Connection *connection = idle.after;
    if (connection == &idle) {
        connection = closed.after;
        if (connection == &closed) return false;
        opened++;
        if (!connection_open(connection, poll_set, &address)) {
            COUNT_FAILURE(request, cut);
            return true;
        }
        if (++open_now > open_most) open_most = open_now;
    }
    connection->is_busy = true;
    connection->request = *request;
    connection->written = 0;
    reply_begin(&connection->reply);
    list_remove(connection);
    list_insert(connection, busy.before, &busy);
    COUNT(request, sent);
    TIME(request, lateness, now() - request->due);
    write_request(connection);
    return true;
}

static void handle(struct Connection *connection, uint32_t events) {
    static char bytes[1 << 16];
    if (!connection->is_busy) {
        drop(connection, true);  // nothing was asked: it can only have ended
        return;
    }
    if (connection->awaits_room && (events & EPOLLOUT)) {
        write_request(connection);
        if (!connection->is_busy) return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    ssize_t count = recv(connection->socket, bytes, sizeof bytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    enum ReplyProgress progress =
        count > 0 ? reply_take(&connection->reply, bytes, count) : reply_end(&connection->reply);
    if (progress == COMPLETE) {
        reply_is_complete(connection);
    } else if (progress == BROKEN && count > 0) {
        COUNT_FAILURE(&connection->request, broken);
        drop(connection, true);
    } else if (progress == BROKEN) {
        is_cut(connection);
    }
}

static void give_up_late_ones(int64_t time) {
    while (!list_is_empty(&busy) && busy.after->request.due + timeout <= time) {
        COUNT_FAILURE(&busy.after->request, timed_out);
        drop(busy.after, true);
    }
}

static void send_what_is_due(int64_t time) {
    for (int turn = 0; turn < SENDS_PER_TURN && waiting_first < waiting_end; turn++) {
        const struct Request *request = &waiting[waiting_first % waiting_room];
        if (request->due + patience < time) {
            COUNT_FAILURE(request, unsent);
            turn--;
        } else if (!dispatch(request)) {
            return;
        }
        waiting_first++;
    }
}

static void phase_has_begun(int phase) {
    phase_cpu[phase] = cpu_seconds();
    printf("{\"phase\": %d}\n", phase);
    fflush(stdout);
}

static void take_from_plan(int64_t time) {
    while (!arrivals_over(&arrivals) && arrivals.at * 1e9 <= time) {
        enqueue(arrivals.at * 1e9, arrivals.phase);
        int phase = arrivals.phase;
        arrivals_advance(&arrivals);
        while (phase < arrivals.phase) phase_has_begun(++phase);
    }
}

static bool clients_are_done(int64_t time) {
    return issued >= wanted || (seconds_limit > 0 && time >= seconds_limit * 1000000000ll);
}

static void take_from_clients(int64_t time) {
    while (issued - done < (uint64_t)clients && !clients_are_done(time)) enqueue(time, 0);
}

// Until something is due, a client's patience ends, or a connection tells of something.
static void wait_for_events(void) {
    struct epoll_event events[MOST_EVENTS];
    int64_t time = now(), until = time + 100000000;
    if (clients == 0 && !arrivals_over(&arrivals) && arrivals.at * 1e9 < until) until = arrivals.at * 1e9;
    if (!list_is_empty(&busy) && busy.after->request.due + timeout < until) until = busy.after->request.due + timeout;
    if (waiting_first < waiting_end) {
        int64_t end = waiting[waiting_first % waiting_room].due + patience + 1;
        bool has_room = !list_is_empty(&idle) || !list_is_empty(&closed);
        until = has_room ? time : end < until ? end : until;
    }
    int64_t left = until > time ? until - time : 0;
    if (left > 0 && tick > 0) {
        struct timespec rest = timespec_of(tick - time % tick);
        nanosleep(&rest, NULL);
        left = 0;
    }
    struct timespec rest = timespec_of(left);
    int count = epoll_pwait2(poll_set, events, MOST_EVENTS, &rest, NULL);
    if (count < 0 && errno != EINTR) fail("can't wait for events");
    for (int i = 0; i < count; i++) handle(events[i].data.ptr, events[i].events);
}

static void run(void) {
    phase_has_begun(0);
    while (true) {
        int64_t time = now();
        if (clients > 0) {
            take_from_clients(time);
        } else {
            take_from_plan(time);
        }
        send_what_is_due(time);
        give_up_late_ones(time);
        bool has_more = clients > 0 ? !clients_are_done(time) : !arrivals_over(&arrivals);
        if (!has_more && issued == done) break;
        wait_for_events();
    }
    if (clients > 0) phase_has_begun(1);
}

static void report(double seconds) {
    int count = clients > 0 ? 1 : arrivals.count;
    printf("{\"seconds\": %.3f, \"generator_seconds\": %.3f, \"opened\": %lu, \"open_at_most\": %lu, \"phases\": [", seconds,
           cpu_seconds(), opened, open_most);
    for (int i = 0; i < count; i++) {
        double length = clients > 0 ? seconds : arrivals.phases[i].seconds;
        printf("%s{\"seconds\": %.3f, \"generator_cpus\": %.3f, ", i > 0 ? ", " : "", length,
               (phase_cpu[i + 1] - phase_cpu[i]) / length);
        if (clients == 0) printf("\"rate\": %.3f, ", arrivals.phases[i].rate);
        print_totals(&phases[i]);
        printf("}");
    }
    printf("], \"kinds\": [");
    for (int i = 0; i < kind_count; i++) {
        printf("%s{\"name\": \"%s\", ", i > 0 ? ", " : "", kinds[i].name);
        print_totals(&kinds[i].totals);
        printf("}");
    }
    printf("], \"bins_per_second\": %d, \"bins\": [", BINS_PER_SECOND);
    for (int i = 0; i < bin_count && clients == 0; i++)
        printf("%s[%lu, %lu, %lu, %lu]", i > 0 ? ", " : "", bins[i].due, bins[i].good, bins[i].refused, bins[i].failed);
    printf("]}\n");
}

static void read_options(int count, char **words) {
    enum { PLAN = 1, CLOSED, REQUESTS, SECONDS, CONNECTIONS, PATIENCE, TIMEOUT, BOUND, RENEW, PROGRESS, SEED, TICK };
    static const struct option options[] = {
        {"plan", 1, 0, PLAN}, {"closed", 1, 0, CLOSED}, {"requests", 1, 0, REQUESTS}, {"seconds", 1, 0, SECONDS},
        {"connections", 1, 0, CONNECTIONS}, {"patience-ms", 1, 0, PATIENCE}, {"timeout-ms", 1, 0, TIMEOUT},
        {"bound-ms", 1, 0, BOUND}, {"tick-ms", 1, 0, TICK}, {"renew-every", 1, 0, RENEW},
        {"progress", 1, 0, PROGRESS}, {"seed", 1, 0, SEED}, {"dry-run", 0, &is_dry_run, 1}, {0, 0, 0, 0}};
    bool has_plan = false;
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;) {
        switch (option) {
        case 0: break;
        case PLAN: has_plan = arrivals_parse(&arrivals, optarg); break;
        case CLOSED: clients = atoi(optarg); break;
        case REQUESTS: wanted = strtoull(optarg, NULL, 10); break;
        case SECONDS: seconds_limit = atoi(optarg); break;
        case CONNECTIONS: connection_limit = atoi(optarg); break;
        case PATIENCE: patience = atof(optarg) * 1e6; break;
        case TIMEOUT: timeout = atof(optarg) * 1e6; break;
        case BOUND: bound = atof(optarg) * 1e6; break;
        case TICK: tick = atof(optarg) * 1e6; break;
        case RENEW: renew_every = strtoull(optarg, NULL, 10); break;
        case PROGRESS: progress_every = strtoull(optarg, NULL, 10); break;
        case SEED: seed = strtoull(optarg, NULL, 10); break;
        default: fputs(usage, stderr), exit(64);
        }
    }
    bool has_one_loop = has_plan != (clients > 0) && (has_plan || wanted > 0);
    if (!has_one_loop || connection_limit < 1 || timeout <= 0 || (!is_dry_run && count - optind != 2)) {
        fputs(usage, stderr);
        exit(64);
    }
    if (bound <= 0 || bound > timeout) bound = timeout;
    if (clients > connection_limit) connection_limit = clients;
}

int main(int count, char **words) {
    read_options(count, words);
    if (is_dry_run) {
        for (arrivals_begin(&arrivals, seed); !arrivals_over(&arrivals); arrivals_advance(&arrivals))
            printf("%.9f\n", arrivals.at);
        return 0;
    }
    read_requests(words[optind + 1]);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(words[optind]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1ul);  // else the kernel may wake us 50 µs late
    if ((poll_set = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("can't create an epoll set");

    list_begin(&closed), list_begin(&idle), list_begin(&busy);
    struct Connection *connections = allocate(connection_limit, sizeof *connections);
    for (int i = 0; i < connection_limit; i++) list_insert(&connections[i], closed.before, &closed);
    waiting = allocate(waiting_room = 1024, sizeof *waiting);
    choice = ~seed;  // which requests come doesn't depend on when they come
    double seconds = seconds_limit;
    if (clients == 0) {
        arrivals_begin(&arrivals, seed);
        for (int i = 0; i < arrivals.count; i++) seconds += arrivals.phases[i].seconds;
    }
    bin_count = ceil(seconds * BINS_PER_SECOND);
    if (bin_count == 0) bin_count = 1;  // a closed loop without an end: nobody looks at it
    bins = allocate(bin_count, sizeof *bins);

    began = now();
    run();
    report(now() / 1e9);
    return 0;
}
