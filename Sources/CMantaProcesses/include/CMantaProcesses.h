// What Swift can't see of how programs are started.
#pragma once
#include <stddef.h>
#include <sys/types.h>

// A program and what it is given.
struct MantaProgram {
    const char *path;
    // Each with a NULL after the last.
    char *const *arguments;
    char *const *environment;
    // Where it runs, or NULL for where this process does.
    const char *directory;
    // What it has as standard input, output and error.
    int streams[3];
};

// Starts it with these descriptors and no others, with no signal blocked or ignored, to be killed when the calling
// thread ends. Returns 0, or why it can't be started as a number of errno.
int manta_start_program(const struct MantaProgram *program, pid_t *pid);

// Waits for its end, then returns. It stays there to be asked for, so its number is nobody else's.
void manta_await_end(pid_t pid);

// The exit status of one that has ended, or minus the signal that ended it. To be asked for once.
int manta_exit_status(pid_t pid);

// pipe2 whose ends go away in programs that are started. Returns 0, or -1 with errno.
int manta_pipe(int ends[2]);

// A file in memory alone that goes away in programs that are started; -1 with errno.
int manta_memory_file(void);
