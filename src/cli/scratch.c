#include "cli/scratch.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int cli_scratch_make(char folder[PATH_MAX], const char *name, bool is_busy, struct error *error) {
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0') {
        parent = is_busy && access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    int length = snprintf(folder, PATH_MAX, "%s/switchhook-%s-XXXXXX", parent, name);
    if (length < 0 || length >= PATH_MAX) {
        return error_set(error, ERROR_LIMIT, "the path of TMPDIR is too long");
    }
    if (mkdtemp(folder) == NULL) {
        return error_system(error, errno, "cannot make the folder %s for a store", folder);
    }
    return 0;
}

void cli_scratch_remove(const char *folder) {
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "store.db.lock"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}
