/* A disk between SQLite and the real one: it writes down all that is written, cut off, synced and deleted, builds what a
 * loss of power at any moment could have left, and fails when it is told to.
 *
 * It stands as SQLite's default VFS over the usual one, so the program under test knows nothing of it. Files are known by
 * the last part of their name; shared memory is not written down (it does not outlive the power).
 *
 *     disk_install();
 *     disk_record(true);
 *     ... the store works; disk_now() is the moment of a promise ...
 *     disk_record(false);
 *     struct disk_crash crash;
 *     disk_crash_begin(&crash, DISK_HONEST);
 *     disk_crash_at(&crash, moment);              // moments in order
 *     disk_crash_write(&crash, seed, folder);     // the files as they may be then
 *     disk_crash_end(&crash);
 *     disk_uninstall();
 */
#ifndef TESTS_FAULT_DISK_H
#define TESTS_FAULT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_FILES = 8, DISK_NAME_MOST = 64 };

void disk_install(void);
void disk_uninstall(void); /* and forgets what was written down */

/* Whether what happens is written down. Syncs are never made: nothing here has to outlive the real power. */
void disk_record(bool is_on);
/* How many operations were written down: a crash at this moment comes after them. */
size_t disk_now(void);
/* The first moment from `from` on at which a sync was asked for and is not made yet; disk_now() without one. */
size_t disk_next_sync(size_t from);
size_t disk_sync_count(const char *name);

/* Which syncs the disk keeps. */
enum disk_honesty {
    DISK_HONEST,
    DISK_SYNCS_NO_COMMIT, /* of the WAL's, only what synchronous=NORMAL asks for: of its header, and before its pages move */
    DISK_SYNCS_NO_FILE, /* none of the database's own file */
};

struct disk_content {
    char name[DISK_NAME_MOST];
    unsigned char *bytes;
    size_t size, capacity;
    bool exists;
};

struct disk_crash {
    enum disk_honesty honesty;
    size_t at;
    size_t synced[DISK_FILES]; /* operations before it, of this file, are on the disk */
    struct disk_content files[DISK_FILES];
};

void disk_crash_begin(struct disk_crash *crash, enum disk_honesty honesty);
void disk_crash_at(struct disk_crash *crash, size_t moment);
/* Of what was not synced, any part: whole writes, or single sectors of 512 bytes, chosen by `seed`. */
void disk_crash_write(const struct disk_crash *crash, uint64_t seed, const char *folder);
void disk_crash_end(struct disk_crash *crash);

/* What fails: from the `after`-th such operation on (counted from 0) on a file with this ending, `times` times. */
enum disk_operation { DISK_WRITE, DISK_TRUNCATE, DISK_SYNC };
struct disk_failure {
    const char *ending;
    enum disk_operation operation;
    size_t after, times;
    int code;      /* SQLite's */
    bool is_short; /* half of the bytes are written */
};
/* NULL: nothing fails any more. How often it has failed is kept in disk_failed(). */
void disk_fail(const struct disk_failure *failure);
size_t disk_failed(void);

#endif
