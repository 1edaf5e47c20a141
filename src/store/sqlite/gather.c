/* Each method of the WAL's file: first what is kept goes out, then the file below is asked. A sync may be left to
 * whoever calls gather_sync. */
#include "store/sqlite/gather.h"
#include "base/list.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file below follows it in memory. */
struct wal_file {
    sqlite3_file base;
    struct gather *gather;
    unsigned char *kept; /* NULL: every write goes out at once */
    int length;
    sqlite3_int64 start; /* where in the file the kept bytes belong */
    bool is_new;         /* its header was written and not synced */
};

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags);
static int on_close(sqlite3_file *file);
static int on_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset);
static int on_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset);
static int on_truncate(sqlite3_file *file, sqlite3_int64 size);
static int on_sync(sqlite3_file *file, int flags);
static int on_file_size(sqlite3_file *file, sqlite3_int64 *size);
static int on_lock(sqlite3_file *file, int lock);
static int on_unlock(sqlite3_file *file, int lock);
static int on_check_lock(sqlite3_file *file, int *result);
static int on_control(sqlite3_file *file, int what, void *argument);
static int on_sector_size(sqlite3_file *file);
static int on_device(sqlite3_file *file);
static int let_go(struct wal_file *wal);
static int sync_below(struct gather *gather, sqlite3_file *file, int flags);
static void set_wal(struct gather *gather, sqlite3_file *file);
static struct wal_file *wal_of(sqlite3_file *file);
static sqlite3_file *below(sqlite3_file *file);

/* Version 1: a WAL has no shared memory and is not mapped. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_lock,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_device,
};

int gather_init(struct gather *gather) {
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (real == NULL) {
        return -1;
    }
    snprintf(gather->name, sizeof gather->name, "gather-%p", (void *)gather);
    gather->vfs = *real;
    gather->vfs.zName = gather->name;
    gather->vfs.pNext = NULL;
    gather->vfs.pAppData = real;
    gather->vfs.szOsFile = (int)sizeof(struct wal_file) + real->szOsFile;
    gather->vfs.xOpen = on_open;
    pthread_mutex_init(&gather->syncing, NULL);
    return sqlite3_vfs_register(&gather->vfs, 0) == SQLITE_OK ? 0 : -1;
}

void gather_reset(struct gather *gather) {
    if (gather->vfs.zName != NULL) {
        sqlite3_vfs_unregister(&gather->vfs);
        pthread_mutex_destroy(&gather->syncing);
        gather->vfs.zName = NULL;
    }
}

void gather_put_off(struct gather *gather) {
    gather->puts_off = true;
}

bool gather_settle(struct gather *gather) {
    bool is_owed = gather->is_owed;
    gather->puts_off = gather->is_owed = false;
    return is_owed;
}

int gather_sync(struct gather *gather, int *number) {
    pthread_mutex_lock(&gather->syncing);
    int code = gather->wal == NULL ? SQLITE_IOERR_FSYNC : sync_below(gather, gather->wal, SQLITE_SYNC_NORMAL);
    *number = 0;
    if (code != SQLITE_OK && gather->wal != NULL) {
        gather->wal->pMethods->xFileControl(gather->wal, SQLITE_FCNTL_LAST_ERRNO, number);
    }
    pthread_mutex_unlock(&gather->syncing);
    return code;
}

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
    sqlite3_vfs *real = vfs->pAppData;
    if ((flags & SQLITE_OPEN_WAL) == 0) {
        return real->xOpen(real, path, file, flags, out_flags);
    }
    struct wal_file *wal = wal_of(file);
    memset(wal, 0, sizeof *wal);
    below(file)->pMethods = NULL;
    int code = real->xOpen(real, path, below(file), flags, out_flags);
    if (below(file)->pMethods == NULL) {
        return code;
    }
    file->pMethods = &methods;
    if (code == SQLITE_OK && (on_device(file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0) {
        wal->kept = malloc(GATHER_BYTES); /* without it, it works as well */
    }
    wal->gather = CONTAINER_OF(vfs, struct gather, vfs);
    set_wal(wal->gather, below(file));
    return code;
}

/* What is still kept belongs to no commit, or to one that has failed. */
static int on_close(sqlite3_file *file) {
    set_wal(wal_of(file)->gather, NULL);
    free(wal_of(file)->kept);
    return below(file)->pMethods->xClose(below(file));
}

static int on_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset) {
    struct wal_file *wal = wal_of(file);
    wal->is_new = wal->is_new || offset == 0;
    if (offset != wal->start + wal->length || length > GATHER_BYTES - wal->length) {
        int code = let_go(wal);
        if (code != SQLITE_OK) {
            return code;
        }
        wal->start = offset;
    }
    if (wal->kept == NULL || length > GATHER_BYTES) {
        return below(file)->pMethods->xWrite(below(file), bytes, length, offset);
    }
    memcpy(wal->kept + wal->length, bytes, (size_t)length);
    wal->length += length;
    return SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset) {
    int code = let_go(wal_of(file));
    return code != SQLITE_OK ? code : below(file)->pMethods->xRead(below(file), bytes, length, offset);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int code = let_go(wal_of(file));
    return code != SQLITE_OK ? code : below(file)->pMethods->xTruncate(below(file), size);
}

static int on_sync(sqlite3_file *file, int flags) {
    struct wal_file *wal = wal_of(file);
    int code = let_go(wal);
    if (code != SQLITE_OK) {
        return code;
    }
    if (wal->gather->puts_off && wal->kept != NULL && !wal->is_new) {
        wal->gather->is_owed = true;
        return SQLITE_OK;
    }
    pthread_mutex_lock(&wal->gather->syncing);
    code = sync_below(wal->gather, below(file), flags);
    pthread_mutex_unlock(&wal->gather->syncing);
    wal->is_new = wal->is_new && code != SQLITE_OK;
    return code;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    int code = let_go(wal_of(file));
    return code != SQLITE_OK ? code : below(file)->pMethods->xFileSize(below(file), size);
}

static int on_lock(sqlite3_file *file, int lock) {
    return below(file)->pMethods->xLock(below(file), lock);
}

static int on_unlock(sqlite3_file *file, int lock) {
    return below(file)->pMethods->xUnlock(below(file), lock);
}

static int on_check_lock(sqlite3_file *file, int *result) {
    return below(file)->pMethods->xCheckReservedLock(below(file), result);
}

static int on_control(sqlite3_file *file, int what, void *argument) {
    return below(file)->pMethods->xFileControl(below(file), what, argument);
}

static int on_sector_size(sqlite3_file *file) {
    return below(file)->pMethods->xSectorSize(below(file));
}

static int on_device(sqlite3_file *file) {
    return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

/* One write of all that is kept. It is kept no longer, whether it was written or not. */
static int let_go(struct wal_file *wal) {
    int length = wal->length;
    wal->length = 0;
    if (length == 0) {
        return SQLITE_OK;
    }
    sqlite3_file *file = below(&wal->base);
    return file->pMethods->xWrite(file, wal->kept, length, wal->start);
}

/* With the mutex. */
static int sync_below(struct gather *gather, sqlite3_file *file, int flags) {
    if (gather->failed == SQLITE_OK) {
        gather->failed = file->pMethods->xSync(file, flags);
    }
    return gather->failed;
}

static void set_wal(struct gather *gather, sqlite3_file *file) {
    pthread_mutex_lock(&gather->syncing);
    gather->wal = file;
    pthread_mutex_unlock(&gather->syncing);
}

static struct wal_file *wal_of(sqlite3_file *file) {
    return (struct wal_file *)(void *)file;
}

static sqlite3_file *below(sqlite3_file *file) {
    return (sqlite3_file *)(void *)(wal_of(file) + 1);
}
