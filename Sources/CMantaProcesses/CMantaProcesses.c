#define _GNU_SOURCE
#include "CMantaProcesses.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Makes the calling process the program. Returns a number of errno if it can't.
//
// Its memory is still the parent's, so all it does are system calls.
static int become(const struct MantaProgram *program, pid_t parent) {
    // Handlers are gone with exec by themselves, what is ignored would stay so.
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
    // The parent may have ended before that.
    if (getppid() != parent) return ESRCH;
    // First out of the way: any of them may have one of the numbers 0 to 2.
    int streams[3];
    for (int i = 0; i < 3; i++) {
        streams[i] = fcntl(program->streams[i], F_DUPFD_CLOEXEC, 3);
        if (streams[i] < 0) return errno;
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(streams[i], i) < 0) return errno;
    }
    // A kernel without this call leaves what isn't marked to be closed.
    if (syscall(SYS_close_range, 3u, ~0u, 0u) != 0 && errno != ENOSYS) return errno;
    if (program->directory != NULL && chdir(program->directory) != 0) return errno;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(program->path, program->arguments, program->environment);
    return errno;
}

int manta_start_program(const struct MantaProgram *program, pid_t *pid) {
    // This process' handlers must not run in the child, which has its memory until exec.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    volatile int error = 0;
    pid_t child = vfork();
    if (child == 0) {
        error = become(program, parent);
        _exit(127);
    }
    if (child < 0) error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child > 0 && error != 0) manta_exit_status(child);
    *pid = child;
    return error;
}

void manta_await_end(pid_t pid) {
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
}

int manta_exit_status(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int manta_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int manta_memory_file(void) { return memfd_create("manta", MFD_CLOEXEC); }
