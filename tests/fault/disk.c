#include "fault/disk.h"
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512 };

enum kind { WROTE, CUT, SYNCED, DELETED, CREATED };

struct operation {
    enum kind kind;
    pthread_t by;
    int file;
    bool is_folder; /* DELETED and SYNCED: the folder was synced as well, so that what was deleted stays so */
    int64_t offset; /* CUT: the size */
    size_t length;
    unsigned char *bytes;
};

/* A sqlite3_file of ours; the real one lies behind it. */
struct disk_file {
    sqlite3_file base;
    int file;    /* in `names`; -1: not written down */
    bool is_new; /* its first sync makes its name last */
    char name[DISK_NAME_MOST];
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t mutex;
    bool is_recording;
    struct operation *operations;
    size_t count, capacity;
    char names[DISK_FILES][DISK_NAME_MOST];
    int name_count;
    const struct disk_failure *failure;
    size_t seen, failed;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;

static const char *last_part(const char *path);
static int index_of(const char *name);
static void note(enum kind kind, int file, int64_t offset, const void *bytes, size_t length, bool is_folder);
static bool does_fail(const struct disk_file *file, enum disk_operation operation);
static int on_open(sqlite3_vfs *self, const char *path, sqlite3_file *base, int flags, int *out_flags);
static int on_delete(sqlite3_vfs *self, const char *path, int syncs_folder);
static void keep(struct disk_crash *crash, int file, size_t last);
static bool is_kept(const struct disk_crash *crash, size_t i);
static const struct operation *neighbour(size_t i, int step);
static bool is_main(int file);
static bool is_wal(int file);
static void apply(struct disk_content *content, const struct operation *operation, uint64_t *dice, int torn);
static void resize(struct disk_content *content, size_t size);
static void write_out(const struct disk_content *content, const char *folder);
static uint64_t roll(uint64_t *dice);

void disk_install(void) {
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "disk";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct disk_file) + real_vfs->szOsFile;
    vfs.xOpen = on_open;
    vfs.xDelete = on_delete;
    sqlite3_vfs_register(&vfs, 1);
}

void disk_uninstall(void) {
    sqlite3_vfs_unregister(&vfs);
    sqlite3_vfs_register(real_vfs, 1);
    for (size_t i = 0; i < disk.count; i++) {
        free(disk.operations[i].bytes);
    }
    free(disk.operations);
    disk.operations = NULL;
    disk.count = disk.capacity = 0;
    disk.name_count = 0;
    disk.is_recording = false;
}

void disk_record(bool is_on) {
    pthread_mutex_lock(&disk.mutex);
    disk.is_recording = is_on;
    pthread_mutex_unlock(&disk.mutex);
}

size_t disk_now(void) {
    pthread_mutex_lock(&disk.mutex);
    size_t now = disk.count;
    pthread_mutex_unlock(&disk.mutex);
    return now;
}

size_t disk_next_sync(size_t from) {
    while (from < disk.count && disk.operations[from].kind != SYNCED) {
        from++;
    }
    return from;
}

size_t disk_sync_count(const char *name) {
    size_t count = 0;
    pthread_mutex_lock(&disk.mutex);
    for (size_t i = 0; i < disk.count; i++) {
        const struct operation *operation = &disk.operations[i];
        count += operation->kind == SYNCED && strcmp(disk.names[operation->file], name) == 0;
    }
    pthread_mutex_unlock(&disk.mutex);
    return count;
}

void disk_fail(const struct disk_failure *failure) {
    pthread_mutex_lock(&disk.mutex);
    disk.failure = failure;
    disk.seen = disk.failed = 0;
    pthread_mutex_unlock(&disk.mutex);
}

size_t disk_failed(void) {
    pthread_mutex_lock(&disk.mutex);
    size_t failed = disk.failed;
    pthread_mutex_unlock(&disk.mutex);
    return failed;
}

void disk_crash_begin(struct disk_crash *crash, enum disk_honesty honesty) {
    *crash = (struct disk_crash){.honesty = honesty};
    for (int i = 0; i < disk.name_count; i++) {
        memcpy(crash->files[i].name, disk.names[i], DISK_NAME_MOST);
    }
}

/* Each sync that the disk keeps brings all before it, of the same file, to the disk; one of the folder, what
 * was deleted. */
void disk_crash_at(struct disk_crash *crash, size_t moment) {
    for (; crash->at < moment; crash->at++) {
        const struct operation *operation = &disk.operations[crash->at];
        if (!is_kept(crash, crash->at)) {
            continue;
        }
        keep(crash, operation->file, crash->at);
        for (size_t i = 0; operation->is_folder && i < crash->at; i++) {
            if (disk.operations[i].kind == DELETED) {
                keep(crash, disk.operations[i].file, i);
            }
        }
    }
}

void disk_crash_write(const struct disk_crash *crash, uint64_t seed, const char *folder) {
    uint64_t dice = seed;
    uint64_t share = roll(&dice) % 5; /* of 4 writes so many come through */
    int torn = (int)(roll(&dice) % 2);
    for (int file = 0; file < disk.name_count; file++) {
        struct disk_content content = crash->files[file];
        content.capacity = content.size;
        content.bytes = malloc(content.size + 1);
        if (content.size > 0) {
            memcpy(content.bytes, crash->files[file].bytes, content.size);
        }
        for (size_t i = crash->synced[file]; i < crash->at; i++) {
            if (disk.operations[i].file == file && roll(&dice) % 4 < share) {
                apply(&content, &disk.operations[i], &dice, torn);
            }
        }
        write_out(&content, folder);
        free(content.bytes);
    }
}

void disk_crash_end(struct disk_crash *crash) {
    for (int i = 0; i < DISK_FILES; i++) {
        free(crash->files[i].bytes);
    }
}

/* Of this file, all up to this operation. */
static void keep(struct disk_crash *crash, int file, size_t last) {
    for (size_t i = crash->synced[file]; i <= last; i++) {
        if (disk.operations[i].file == file) {
            apply(&crash->files[file], &disk.operations[i], NULL, 0);
        }
    }
    crash->synced[file] = last + 1 > crash->synced[file] ? last + 1 : crash->synced[file];
}

static bool is_kept(const struct disk_crash *crash, size_t i) {
    const struct operation *operation = &disk.operations[i];
    if (operation->kind != SYNCED) {
        return operation->kind == DELETED && operation->is_folder;
    }
    if (is_main(operation->file)) {
        return crash->honesty != DISK_SYNCS_NO_FILE;
    }
    if (!is_wal(operation->file) || crash->honesty != DISK_SYNCS_NO_COMMIT) {
        return true;
    }
    const struct operation *before = neighbour(i, -1);
    const struct operation *after = neighbour(i, 1);
    bool is_of_header = before != NULL && before->kind == WROTE && before->offset == 0;
    bool is_before_moving = after != NULL && after->kind == WROTE && is_main(after->file);
    return is_of_header || is_before_moving;
}

/* What the same thread did before it (-1), or after it (1). */
static const struct operation *neighbour(size_t i, int step) {
    const struct operation *operation = &disk.operations[i];
    for (i += (size_t)step; i < disk.count; i += (size_t)step) {
        if (pthread_equal(disk.operations[i].by, operation->by)) {
            return &disk.operations[i];
        }
    }
    return NULL;
}

static bool is_main(int file) {
    return strchr(disk.names[file], '-') == NULL;
}

static bool is_wal(int file) {
    size_t length = strlen(disk.names[file]);
    return length > 4 && strcmp(disk.names[file] + length - 4, "-wal") == 0;
}

/* `dice` NULL: all of it. */
static void apply(struct disk_content *content, const struct operation *operation, uint64_t *dice, int torn) {
    switch (operation->kind) {
    case CREATED: content->exists = true; return;
    case DELETED:
        content->exists = false;
        content->size = 0;
        return;
    case CUT: resize(content, (size_t)operation->offset); return;
    case SYNCED: return;
    case WROTE: break;
    }
    content->exists = true;
    for (size_t at = 0; at < operation->length;) {
        size_t offset = (size_t)operation->offset + at;
        size_t length = SECTOR - offset % SECTOR;
        length = length < operation->length - at ? length : operation->length - at;
        if (dice == NULL || !torn || roll(dice) % 2 == 0) {
            if (content->size < offset + length) {
                resize(content, offset + length);
            }
            memcpy(content->bytes + offset, operation->bytes + at, length);
        }
        at += length;
    }
}

static void resize(struct disk_content *content, size_t size) {
    if (size > content->capacity) {
        content->capacity = size * 2;
        content->bytes = realloc(content->bytes, content->capacity);
    }
    if (size > content->size) {
        memset(content->bytes + content->size, 0, size - content->size);
    }
    content->size = size;
}

static void write_out(const struct disk_content *content, const char *folder) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, content->name);
    unlink(path);
    if (!content->exists) {
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, content->bytes, content->size) != (ssize_t)content->size) {
        perror(path);
        abort();
    }
    close(fd);
}

/* splitmix64 */
static uint64_t roll(uint64_t *dice) {
    uint64_t x = *dice += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static const char *last_part(const char *path) {
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* With the mutex. -1: no room for another. */
static int index_of(const char *name) {
    for (int i = 0; i < disk.name_count; i++) {
        if (strcmp(disk.names[i], name) == 0) {
            return i;
        }
    }
    if (disk.name_count == DISK_FILES || strlen(name) >= DISK_NAME_MOST) {
        return -1;
    }
    snprintf(disk.names[disk.name_count], DISK_NAME_MOST, "%s", name);
    return disk.name_count++;
}

static void note(enum kind kind, int file, int64_t offset, const void *bytes, size_t length, bool is_folder) {
    pthread_mutex_lock(&disk.mutex);
    if (disk.is_recording && file >= 0) {
        if (disk.count == disk.capacity) {
            disk.capacity = disk.capacity * 2 + 1024;
            disk.operations = realloc(disk.operations, disk.capacity * sizeof *disk.operations);
        }
        struct operation *operation = &disk.operations[disk.count++];
        *operation = (struct operation){.kind = kind,
                                        .by = pthread_self(),
                                        .file = file,
                                        .is_folder = is_folder,
                                        .offset = offset,
                                        .length = length};
        if (length > 0) {
            operation->bytes = malloc(length);
            memcpy(operation->bytes, bytes, length);
        }
    }
    pthread_mutex_unlock(&disk.mutex);
}

static bool does_fail(const struct disk_file *file, enum disk_operation operation) {
    pthread_mutex_lock(&disk.mutex);
    const struct disk_failure *failure = disk.failure;
    bool is_meant = false;
    if (failure != NULL && failure->operation == operation) {
        size_t length = strlen(file->name);
        size_t ending = strlen(failure->ending);
        is_meant = length >= ending && strcmp(file->name + length - ending, failure->ending) == 0;
    }
    bool fails = is_meant && disk.seen >= failure->after && disk.seen - failure->after < failure->times;
    disk.seen += is_meant;
    disk.failed += fails;
    pthread_mutex_unlock(&disk.mutex);
    return fails;
}

#define REAL(base) (((struct disk_file *)(void *)(base))->real)

static int on_close(sqlite3_file *base) {
    return REAL(base)->pMethods->xClose(REAL(base));
}

static int on_read(sqlite3_file *base, void *bytes, int length, sqlite3_int64 offset) {
    return REAL(base)->pMethods->xRead(REAL(base), bytes, length, offset);
}

static int on_write(sqlite3_file *base, const void *bytes, int length, sqlite3_int64 offset) {
    const struct disk_file *file = (struct disk_file *)(void *)base;
    bool fails = does_fail(file, DISK_WRITE);
    int written = !fails ? length : disk.failure->is_short ? length / 2 : 0;
    if (written > 0) {
        int code = file->real->pMethods->xWrite(file->real, bytes, written, offset);
        if (code != SQLITE_OK) {
            return code;
        }
        note(WROTE, file->file, offset, bytes, (size_t)written, false);
    }
    return fails ? disk.failure->code : SQLITE_OK;
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 size) {
    const struct disk_file *file = (struct disk_file *)(void *)base;
    if (does_fail(file, DISK_TRUNCATE)) {
        return disk.failure->code;
    }
    note(CUT, file->file, size, NULL, 0, false);
    return file->real->pMethods->xTruncate(file->real, size);
}

/* Nothing here has to outlive the real power. */
static int on_sync(sqlite3_file *base, int flags) {
    (void)flags;
    struct disk_file *file = (struct disk_file *)(void *)base;
    if (does_fail(file, DISK_SYNC)) {
        return disk.failure->code;
    }
    note(SYNCED, file->file, 0, NULL, 0, file->is_new);
    file->is_new = false;
    return SQLITE_OK;
}

static int on_file_size(sqlite3_file *base, sqlite3_int64 *size) {
    return REAL(base)->pMethods->xFileSize(REAL(base), size);
}

static int on_lock(sqlite3_file *base, int lock) {
    return REAL(base)->pMethods->xLock(REAL(base), lock);
}

static int on_unlock(sqlite3_file *base, int lock) {
    return REAL(base)->pMethods->xUnlock(REAL(base), lock);
}

static int on_check_lock(sqlite3_file *base, int *result) {
    return REAL(base)->pMethods->xCheckReservedLock(REAL(base), result);
}

static int on_control(sqlite3_file *base, int what, void *argument) {
    return REAL(base)->pMethods->xFileControl(REAL(base), what, argument);
}

static int on_sector_size(sqlite3_file *base) {
    return REAL(base)->pMethods->xSectorSize(REAL(base));
}

static int on_device(sqlite3_file *base) {
    return REAL(base)->pMethods->xDeviceCharacteristics(REAL(base));
}

static int on_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **memory) {
    return REAL(base)->pMethods->xShmMap(REAL(base), page, size, extend, memory);
}

static int on_shm_lock(sqlite3_file *base, int offset, int count, int flags) {
    return REAL(base)->pMethods->xShmLock(REAL(base), offset, count, flags);
}

static void on_shm_barrier(sqlite3_file *base) {
    REAL(base)->pMethods->xShmBarrier(REAL(base));
}

static int on_shm_unmap(sqlite3_file *base, int deletes) {
    return REAL(base)->pMethods->xShmUnmap(REAL(base), deletes);
}

/* Version 2: no memory mapping, past which nothing could be written down. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
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
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *self, const char *path, sqlite3_file *base, int flags, int *out_flags) {
    (void)self;
    struct disk_file *file = (struct disk_file *)(void *)base;
    memset(file, 0, sizeof *file);
    file->real = (sqlite3_file *)(void *)(file + 1);
    file->file = -1;
    file->is_new = path != NULL && (flags & SQLITE_OPEN_MAIN_DB) == 0 && access(path, F_OK) < 0;
    int code = real_vfs->xOpen(real_vfs, path, file->real, flags, out_flags);
    if (code != SQLITE_OK) {
        return code;
    }
    base->pMethods = &methods;
    if (path != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0) {
        snprintf(file->name, sizeof file->name, "%s", last_part(path));
        pthread_mutex_lock(&disk.mutex);
        file->file = disk.is_recording ? index_of(file->name) : -1;
        pthread_mutex_unlock(&disk.mutex);
        note(CREATED, file->file, 0, NULL, 0, false);
    }
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *self, const char *path, int syncs_folder) {
    (void)self;
    pthread_mutex_lock(&disk.mutex);
    int file = disk.is_recording ? index_of(last_part(path)) : -1;
    pthread_mutex_unlock(&disk.mutex);
    note(DELETED, file, 0, NULL, 0, syncs_folder != 0);
    return real_vfs->xDelete(real_vfs, path, 0);
}
