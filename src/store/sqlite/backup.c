/* A copy of the file as it is at one moment. A read transaction on a connection of its own holds that moment:
 * commits go on meanwhile, into the WAL, which cannot start anew until the copy is done. */
#include "store/sqlite/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static int create(const char *path, struct error *error);
static int copy(const struct store *store, const char *path, struct error *error);
static int copy_pages(sqlite3 *from, sqlite3 *to, struct error *error);
static int sync_file(int fd, const char *path, struct error *error);
static int sync_folder(const char *path, struct error *error);

int store_backup(struct store *store, const char *path, struct error *error) {
    struct error unasked;
    error = error == NULL ? &unasked : error;
    int fd = create(path, error);
    if (fd < 0) {
        return -1;
    }
    int result = copy(store, path, error);
    if (result == 0) {
        result = sync_file(fd, path, error);
    }
    if (result == 0) {
        result = sync_folder(path, error);
    }
    if (result < 0) {
        unlink(path);
    }
    close(fd);
    return result;
}

/* Made here, for its mode and so that nothing is overwritten. */
static int create(const char *path, struct error *error) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        return fd;
    }
    if (errno == EEXIST) {
        return error_set(error, ERROR_INVALID, "backup: %s is there already: name another file", path);
    }
    return error_system(error, errno, "backup: cannot create %s", path);
}

static int copy(const struct store *store, const char *path, struct error *error) {
    sqlite3 *from = NULL;
    sqlite3 *to = NULL;
    int result = -1;
    int code = sqlite3_open_v2(store->path, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        db_error(from, code, "open the file for a backup", error);
        goto out;
    }
    sqlite3_db_config(from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        db_error(to, code, "open the backup", error);
        goto out;
    }
    sqlite3_extended_result_codes(to, 1);
    /* A copy that breaks off is deleted, and one that is whole is synced at the end: no journal is needed. */
    if (db_execute(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", "set the backup up", error) < 0) {
        goto out;
    }
    result = copy_pages(from, to, error);
out:
    sqlite3_close(to);
    sqlite3_close(from);
    return result;
}

/* All pages in one step: it never starts again from the beginning, however much is committed meanwhile. */
static int copy_pages(sqlite3 *from, sqlite3 *to, struct error *error) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == NULL) {
        return db_error(to, sqlite3_errcode(to), "begin a backup", error);
    }
    int code = sqlite3_backup_step(backup, -1);
    int finished = sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE && finished == SQLITE_OK) {
        return 0;
    }
    return db_error(to, finished == SQLITE_OK ? code : finished, "write the backup", error);
}

static int sync_file(int fd, const char *path, struct error *error) {
    return fsync(fd) == 0 ? 0 : error_system(error, errno, "backup: cannot sync %s", path);
}

/* The new name must outlive a crash as well. */
static int sync_folder(const char *path, struct error *error) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (length >= sizeof folder) {
        return error_set(error, ERROR_INVALID, "backup: the path is too long");
    }
    memcpy(folder, slash == NULL ? "." : path, length);
    folder[length] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_system(error, errno, "backup: cannot open %s", folder);
    }
    int result = sync_file(fd, folder, error);
    close(fd);
    return result;
}
