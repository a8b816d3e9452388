#include "CSimulation.h"

// The runtime's own way of replacing the global executor, as its headers declare it (swift/Runtime/Concurrency.h). There
// is no name for it in Swift.
extern __attribute__((swiftcall)) void (*swift_task_enqueueGlobal_hook)(void *job, void *original);

static void (*taker)(void *job);

static __attribute__((swiftcall)) void hook(void *job, void *original) {
    (void)original;
    taker(job);
}

void simulation_take_jobs(void (*take)(void *job)) {
    taker = take;
    swift_task_enqueueGlobal_hook = hook;
}
