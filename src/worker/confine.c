#include "worker/confine.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef SWITCHHOOK_SANITIZED
enum { IS_SANITIZED = 1, FIRST_FOREIGN = 3 };
#else
enum { IS_SANITIZED = 0, FIRST_FOREIGN = 1 };
#endif

/* Frames in and out with room to grow, the C library, and what malloc loses to fragments. */
#define MARGIN ((rlim_t)192 << 20)

static int limit(int resource, rlim_t value);
static rlim_t address_space(void);

/* A sanitizer reports on descriptor 2 and looks at its own process at the end, which needs it to be dumpable. */
int confine_process(void) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return -1;
    }
    if (!IS_SANITIZED && prctl(PR_SET_DUMPABLE, 0) < 0) {
        return -1;
    }
    if (FIRST_FOREIGN == 3) {
        close(1);
    }
    if (close_range(FIRST_FOREIGN, ~0U, 0) < 0) {
        return -1;
    }
    return limit(RLIMIT_CORE, 0);
}

int confine_resources(size_t memory) {
    if (IS_SANITIZED) {
        return 0;
    }
    rlim_t space = address_space() + memory + memory / 4 + MARGIN;
    if (limit(RLIMIT_FSIZE, 0) < 0 || limit(RLIMIT_NPROC, 0) < 0 || limit(RLIMIT_AS, space) < 0) {
        return -1;
    }
    return limit(RLIMIT_NOFILE, 1);
}

/* Never above what the process was started with. */
static int limit(int resource, rlim_t value) {
    struct rlimit both;
    if (getrlimit(resource, &both) < 0) {
        return -1;
    }
    if (both.rlim_max == RLIM_INFINITY || value < both.rlim_max) {
        both.rlim_max = value;
    }
    both.rlim_cur = both.rlim_max;
    return setrlimit(resource, &both);
}

/* Of now: the program, its libraries, its stack. */
static rlim_t address_space(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages == 0 ? (rlim_t)64 << 20 : (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}
