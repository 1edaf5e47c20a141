#include "host/program.h"
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool find_library(char folder[PATH_MAX]);
static bool is_below(const char *folder, const char *place, char path[PATH_MAX]);

int program_folder(char folder[PATH_MAX], struct error *error) {
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0) {
        return error_set(error, ERROR_SYSTEM, "cannot find out where this program is: is /proc mounted?");
    }
    folder[length] = '\0';
    *strrchr(folder, '/') = '\0';
    return 0;
}

int program_find_worker(char path[PATH_MAX], struct error *error) {
    char folder[PATH_MAX];
    if (program_folder(folder, error) < 0) {
        return -1;
    }
    if (is_below(folder, "", path) || is_below(folder, SWITCHHOOK_LIBEXEC "/", path)) {
        return 0;
    }
    const char *installed = SWITCHHOOK_LIBEXEC;
    if (find_library(folder)) {
        installed = SWITCHHOOK_LIBEXEC_OF_LIBRARY;
        if (is_below(folder, "", path) || is_below(folder, SWITCHHOOK_LIBEXEC_OF_LIBRARY "/", path)) {
            return 0;
        }
    }
    return error_set(error, ERROR_NOT_FOUND,
                     "switchhook-worker is neither in %s nor in %s/%s: install both programs", folder, folder,
                     installed);
}

void program_block_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

/* Where the shared object is that this is in; false leaves `folder` as it was. */
static bool find_library(char folder[PATH_MAX]) {
    static const char here;
    Dl_info info;
    char program[PATH_MAX], library[PATH_MAX];
    if (dladdr(&here, &info) == 0 || info.dli_fname == NULL || realpath(info.dli_fname, library) == NULL ||
        realpath("/proc/self/exe", program) == NULL || strcmp(program, library) == 0) {
        return false;
    }
    *strrchr(library, '/') = '\0';
    memcpy(folder, library, strlen(library) + 1);
    return true;
}

static bool is_below(const char *folder, const char *place, char path[PATH_MAX]) {
    return snprintf(path, PATH_MAX, "%s/%sswitchhook-worker", folder, place) < PATH_MAX && access(path, X_OK) == 0;
}
