#include "CMantaMemory.h"
#include <stdbool.h>
#include <stddef.h>

// mimalloc's; null in a process that doesn't use it.
__attribute__((weak)) int mi_version(void);
__attribute__((weak)) void mi_option_enable(int option);
__attribute__((weak)) void mi_thread_done(void);
__attribute__((weak)) void mi_thread_init(void);
__attribute__((weak)) void mi_collect(bool is_forced);

// `mi_option_abandoned_page_decommit`: an ended thread's free pages go back to the system at once.
enum { abandoned_page_decommit = 12 };

void manta_give_back_freed_memory(void) {
    if (!mi_version || !mi_option_enable || !mi_thread_done || !mi_thread_init || !mi_collect) return;
    if (mi_version() >= 214) {
        mi_collect(true);
        return;
    }
    // Before 2.1.4, mi_collect leaves free pages of segments that are used in part as they are. So the thread ends for the
    // allocator, and begins anew: what it held and is in use is taken over by whichever thread needs memory next.
    mi_option_enable(abandoned_page_decommit);
    mi_thread_done();
    mi_thread_init();
}
