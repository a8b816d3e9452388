// How libmicrohttpd's threads wait for events.
#define _GNU_SOURCE
#include "CMantaHTTP.h"
#include "CMantaMemory.h"
#include <stdbool.h>
#include <time.h>

// How long a thread rests that has next to nothing to do but to refuse.
enum { rest_ns = 2000000 };

// For how long a thread has nothing to do before it gives back what it needed.
enum { idle_ms = 2000 };

static _Thread_local struct MantaTurn turn;

void manta_turn_count(struct MantaTurn *turn, int is_refusal) {
    turn->replies++;
    turn->refusals += is_refusal != 0;
}

int64_t manta_turn_end(struct MantaTurn *turn, int64_t now) {
    bool refuses = turn->refusals > 0 && 2 * turn->refusals >= turn->replies;
    turn->replies = turn->refusals = 0;
    if (!refuses) return 0;
    bool has_refused = turn->refusing_until > now;
    int64_t rest = has_refused ? rest_ns : 0;
    turn->refusing_until = now + rest + rest_ns;
    return rest;
}

void manta_count_reply(int is_refusal) {
    manta_turn_count(&turn, is_refusal);
}

static void rest_if_refusing(void) {
    if (turn.refusals == 0) {
        turn.replies = 0;
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct timespec rest = {.tv_nsec = manta_turn_end(&turn, now.tv_sec * 1000000000ll + now.tv_nsec)};
    if (rest.tv_nsec > 0) nanosleep(&rest, NULL);
}

// Waits, and gives memory back meanwhile if nothing happens for a while after something did.
static int wait_or_give_back(int descriptor, struct epoll_event *events, int room, int timeout) {
    static _Thread_local bool keeps_memory;
    if (keeps_memory && (timeout < 0 || timeout > idle_ms)) {
        int count = epoll_pwait(descriptor, events, room, idle_ms, NULL);
        if (count != 0) return count;
        manta_give_back_freed_memory();
        keeps_memory = false;
        if (timeout > 0) timeout -= idle_ms;
    }
    int count = epoll_pwait(descriptor, events, room, timeout, NULL);
    if (count > 0) keeps_memory = true;
    return count;
}

// libmicrohttpd (0.9.75 to 1.0.1) asks for more events when it got as many as it has room for, before it handles those it
// got; and it may block there, until there are others or a connection's time is over. Where just as many clients wait for
// answers, nobody gets one then. So who has got as many events as there was room for isn't kept waiting for more.
//
// And who only refuses rests first, so that several requests come to be refused at once.
//
// It takes the place of the C library's function in the whole process. Others see no events where there are none, and ask
// again.
int epoll_wait(int descriptor, struct epoll_event *events, int room, int timeout) {
    static _Thread_local bool was_full;
    if (was_full) timeout = 0;
    if (timeout != 0) rest_if_refusing();
    int count = wait_or_give_back(descriptor, events, room, timeout);
    was_full = count == room;
    return count;
}
