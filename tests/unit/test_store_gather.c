/* What a commit writes into the WAL goes to the disk as one, in order, and before anything else is done to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/sqlite/gather.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, FRAME = 24 + PAGE };

/* A VFS whose one file writes down what is asked of it. */
static struct {
    char words[512];
    int fails; /* so many writes to come */
    int sync;  /* what a sync says */
    int device;
    unsigned char bytes[1 << 20];
} disk;

static sqlite3_vfs *before;
static sqlite3_vfs stub;
static struct gather gather;
static sqlite3_file *wal;

static void note(const char *what, int length, sqlite3_int64 offset) {
    size_t at = strlen(disk.words);
    snprintf(disk.words + at, sizeof disk.words - at, "%s %d at %d; ", what, length, (int)offset);
}

static void assert_disk(const char *words) {
    assert_string_equal(disk.words, words);
    disk.words[0] = '\0';
}

static int on_close(sqlite3_file *file) {
    (void)file;
    note("close", 0, 0);
    return SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset) {
    (void)file;
    note("read", length, offset);
    memcpy(bytes, disk.bytes + offset, (size_t)length);
    return SQLITE_OK;
}

static int on_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset) {
    (void)file;
    note(disk.fails > 0 ? "fail" : "write", length, offset);
    if (disk.fails > 0) {
        disk.fails--;
        return SQLITE_FULL;
    }
    memcpy(disk.bytes + offset, bytes, (size_t)length);
    return SQLITE_OK;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size) {
    (void)file;
    note("cut", 0, size);
    return SQLITE_OK;
}

static int on_sync(sqlite3_file *file, int flags) {
    (void)file;
    note("sync", flags, 0);
    return disk.sync;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    (void)file;
    note("size", 0, 0);
    *size = 0;
    return SQLITE_OK;
}

static int on_control(sqlite3_file *file, int what, void *argument) {
    (void)file;
    assert_int_equal(what, SQLITE_FCNTL_LAST_ERRNO);
    *(int *)argument = 77;
    return SQLITE_OK;
}

static int on_device(sqlite3_file *file) {
    (void)file;
    return disk.device;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xFileControl = on_control,
    .xDeviceCharacteristics = on_device,
};

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
    (void)path;
    (void)flags;
    (void)out_flags;
    assert_ptr_equal(vfs, &stub);
    file->pMethods = &methods;
    return SQLITE_OK;
}

static void open_wal(int device) {
    memset(&disk, 0, sizeof disk);
    disk.device = device;
    assert_int_equal(gather_init(&gather), 0);
    wal = calloc(1, (size_t)gather.vfs.szOsFile);
    assert_int_equal(gather.vfs.xOpen(&gather.vfs, "x-wal", wal, SQLITE_OPEN_WAL, NULL), SQLITE_OK);
}

static int setup(void **state) {
    (void)state;
    before = sqlite3_vfs_find(NULL);
    stub = *before;
    stub.zName = "stub";
    stub.pNext = NULL;
    stub.szOsFile = (int)sizeof(sqlite3_file);
    stub.xOpen = on_open;
    sqlite3_vfs_register(&stub, 1);
    open_wal(SQLITE_IOCAP_POWERSAFE_OVERWRITE);
    return 0;
}

static void close_wal(void) {
    wal->pMethods->xClose(wal);
    free(wal);
    gather_reset(&gather);
}

static int teardown(void **state) {
    (void)state;
    close_wal();
    sqlite3_vfs_unregister(&stub);
    sqlite3_vfs_register(before, 1);
    return 0;
}

/* As SQLite does: the header and the page of each. */
static int write_frames(int first, int count) {
    unsigned char page[PAGE];
    for (int i = first; i < first + count; i++) {
        sqlite3_int64 offset = (sqlite3_int64)i * FRAME;
        memset(page, 'a' + i % 26, sizeof page);
        int code = wal->pMethods->xWrite(wal, page, FRAME - PAGE, offset);
        code = code == SQLITE_OK ? wal->pMethods->xWrite(wal, page, PAGE, offset + FRAME - PAGE) : code;
        if (code != SQLITE_OK) {
            return code;
        }
    }
    return SQLITE_OK;
}

static void a_commit_is_one_write(void **state) {
    (void)state;
    assert_int_equal(write_frames(0, 5), SQLITE_OK);
    assert_disk("");
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("write 20600 at 0; sync 2 at 0; ");
    assert_int_equal(write_frames(5, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("write 4120 at 20600; sync 2 at 0; sync 2 at 0; ");
    for (int i = 0; i < 6 * FRAME; i++) {
        assert_int_equal(disk.bytes[i], 'a' + i / FRAME);
    }
}

static void what_is_large_goes_in_pieces(void **state) {
    (void)state;
    assert_int_equal(write_frames(0, 40), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("write 127744 at 0; write 37056 at 127744; sync 2 at 0; ");
    for (int i = 0; i < 40 * FRAME; i++) {
        assert_int_equal(disk.bytes[i], 'a' + i / FRAME % 26);
    }
    static const unsigned char huge[GATHER_BYTES + 1];
    assert_int_equal(wal->pMethods->xWrite(wal, huge, sizeof huge, 0), SQLITE_OK);
    assert_disk("write 130049 at 0; ");
}

static void whatever_asks_the_file_sees_what_was_written(void **state) {
    (void)state;
    unsigned char page[PAGE];
    sqlite3_int64 size;
    assert_int_equal(write_frames(0, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xRead(wal, page, PAGE, 24), SQLITE_OK);
    assert_int_equal(page[0], 'a');
    assert_disk("write 4120 at 0; read 4096 at 24; ");
    assert_int_equal(write_frames(1, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xFileSize(wal, &size), SQLITE_OK);
    assert_disk("write 4120 at 4120; size 0 at 0; ");
    assert_int_equal(write_frames(2, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xTruncate(wal, 77), SQLITE_OK);
    assert_disk("write 4120 at 8240; cut 0 at 77; ");
}

static void a_write_elsewhere_comes_after(void **state) {
    (void)state;
    assert_int_equal(write_frames(3, 2), SQLITE_OK);
    assert_int_equal(write_frames(4, 1), SQLITE_OK);
    assert_int_equal(write_frames(0, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("write 8240 at 12360; write 4120 at 16480; write 4120 at 0; sync 2 at 0; ");
}

static void a_failed_write_fails_the_sync_once(void **state) {
    (void)state;
    assert_int_equal(write_frames(0, 2), SQLITE_OK);
    disk.fails = 1;
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_FULL);
    assert_disk("fail 8240 at 0; ");
    assert_int_equal(write_frames(0, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("write 4120 at 0; sync 2 at 0; ");
    assert_int_equal(write_frames(1, 1), SQLITE_OK);
    disk.fails = 1;
    assert_int_equal(write_frames(0, 1), SQLITE_FULL);
    assert_disk("fail 4120 at 4120; ");
}

/* SQLite pads there, and writes the rest of the last frame behind the sync. */
static void a_disk_that_tears_what_lies_beside_is_written_at_once(void **state) {
    (void)state;
    close_wal();
    open_wal(0);
    assert_int_equal(write_frames(0, 1), SQLITE_OK);
    assert_disk("write 24 at 0; write 4096 at 24; ");
}

/* Frames at the start stand for the header, which is written there. */
static void a_sync_may_be_put_off_but_not_that_of_a_header(void **state) {
    (void)state;
    int number;
    gather_put_off(&gather);
    assert_int_equal(write_frames(0, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("write 4120 at 0; sync 2 at 0; ");
    assert_int_equal(write_frames(1, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("write 4120 at 4120; ");
    assert_true(gather_settle(&gather));
    assert_int_equal(gather_sync(&gather, &number), SQLITE_OK);
    assert_disk("sync 2 at 0; ");
    assert_int_equal(write_frames(2, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("write 4120 at 8240; sync 2 at 0; ");
    assert_false(gather_settle(&gather));
}

/* Where SQLite writes behind its sync, it has to be made when it is asked for. */
static void a_disk_that_tears_is_synced_at_once(void **state) {
    (void)state;
    close_wal();
    open_wal(0);
    assert_int_equal(write_frames(0, 1), SQLITE_OK);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    disk.words[0] = '\0';
    gather_put_off(&gather);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_disk("sync 2 at 0; ");
    assert_false(gather_settle(&gather));
}

static void a_failed_sync_fails_all_that_follow(void **state) {
    (void)state;
    int number;
    disk.sync = SQLITE_IOERR_FSYNC;
    assert_int_equal(gather_sync(&gather, &number), SQLITE_IOERR_FSYNC);
    assert_int_equal(number, 77);
    disk.sync = SQLITE_OK;
    assert_disk("sync 2 at 0; ");
    assert_int_equal(gather_sync(&gather, &number), SQLITE_IOERR_FSYNC);
    assert_int_equal(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL), SQLITE_IOERR_FSYNC);
    assert_disk("");
}

static void a_wal_that_is_closed_cannot_be_synced(void **state) {
    (void)state;
    int number;
    wal->pMethods->xClose(wal);
    assert_int_equal(gather_sync(&gather, &number), SQLITE_IOERR_FSYNC);
    assert_disk("close 0 at 0; ");
    free(wal);
    gather_reset(&gather);
    open_wal(SQLITE_IOCAP_POWERSAFE_OVERWRITE);
}

static void what_no_commit_wrote_is_dropped(void **state) {
    (void)state;
    assert_int_equal(write_frames(0, 1), SQLITE_OK);
    close_wal();
    assert_disk("close 0 at 0; ");
    open_wal(SQLITE_IOCAP_POWERSAFE_OVERWRITE);
}

#define GATHER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        GATHER_TEST(a_commit_is_one_write),
        GATHER_TEST(what_is_large_goes_in_pieces),
        GATHER_TEST(whatever_asks_the_file_sees_what_was_written),
        GATHER_TEST(a_write_elsewhere_comes_after),
        GATHER_TEST(a_failed_write_fails_the_sync_once),
        GATHER_TEST(a_disk_that_tears_what_lies_beside_is_written_at_once),
        GATHER_TEST(a_sync_may_be_put_off_but_not_that_of_a_header),
        GATHER_TEST(a_disk_that_tears_is_synced_at_once),
        GATHER_TEST(a_failed_sync_fails_all_that_follow),
        GATHER_TEST(a_wal_that_is_closed_cannot_be_synced),
        GATHER_TEST(what_no_commit_wrote_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
