#include "host/program.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    static const char *const places[] = {"", SWITCHHOOK_LIBEXEC "/"};
    char self[PATH_MAX];
    if (program_folder(self, error) < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (snprintf(path, PATH_MAX, "%s/%sswitchhook-worker", self, places[i]) < PATH_MAX &&
            access(path, X_OK) == 0) {
            return 0;
        }
    }
    return error_set(error, ERROR_NOT_FOUND,
                     "switchhook-worker is neither in %s nor in %s/%s: install both programs", self, self,
                     SWITCHHOOK_LIBEXEC);
}

void program_block_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}
