/* One write where SQLite makes many, and the sync when its owner wants it: a VFS over the default one that gathers
 * what a commit writes into the WAL.
 *
 * SQLite writes each page of a commit as two pieces, a header of 24 bytes and the page, one behind the other. Here
 * pieces that follow each other are kept and go to the file as one, before anything else is done to it: a sync,
 * a read, a look at its size, a cut, a write elsewhere. So the file sees the same bytes in the same order, and the
 * VFS below sees honest writes and syncs.
 *
 * Why nobody misses what is kept: other connections find a frame through the wal-index, which SQLite changes after
 * it asked for the sync of the commit (synchronous=FULL, which schema.c reads back), and by then it was written.
 * Where SQLite would also write behind that sync (padding, on disks without SQLITE_IOCAP_POWERSAFE_OVERWRITE),
 * nothing is kept.
 * A write that fails is told by whatever made it happen, at the latest by the sync, and is not tried again: the
 * commit fails, as it would have. All other files are the default VFS's own.
 *
 * The sync of a commit may be put off, and made by gather_sync while the next one is prepared. Until then the
 * commit is whole for whoever reads, and nothing of it is promised; a later one is on the disk only together with
 * it, since each frame's checksum goes on from the one before. Two syncs are never put off: that of a WAL's new
 * header (behind which old frames could be taken for new ones), and any that is not a commit's. A sync that has
 * failed fails all that follow it: the system tells of a lost page once, and not always to the one who wrote it.
 *
 *     if (gather_init(&store->gather) < 0) ...
 *     sqlite3_open_v2(path, &db, flags, store->gather.name);
 *     ...
 *     gather_put_off(&store->gather);
 *     sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
 *     if (gather_settle(&store->gather)) {
 *         ... gather_sync(&store->gather, &number) ...      // on any thread
 *     }
 *     sqlite3_close(db);
 *     gather_reset(&store->gather);
 */
#ifndef STORE_SQLITE_GATHER_H
#define STORE_SQLITE_GATHER_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>

/* Kept at most: 31 pages. (SQLite's VFS for Unix takes no write of 2^17 bytes or more.) */
enum { GATHER_BYTES = 127 << 10 };

struct gather {
    sqlite3_vfs vfs; /* `pAppData` is the VFS below: the default one at the time of gather_init */
    char name[32];
    /* Of the thread that has the connection: */
    bool puts_off; /* the next sync of the WAL */
    bool is_owed;  /* that sync */
    /* Of whoever has the mutex: */
    pthread_mutex_t syncing;
    sqlite3_file *wal; /* below; NULL while it is not open */
    int failed;        /* what the first sync that failed said; 0: none has */
};

/* 0, or -1 without memory. The struct must stay where it is until gather_reset; zeroed, it may be reset. */
int gather_init(struct gather *gather);
void gather_reset(struct gather *gather);

/* Around a COMMIT, on its thread. gather_settle says whether a sync was put off in between. */
void gather_put_off(struct gather *gather);
bool gather_settle(struct gather *gather);

/* Brings all that was committed so far to the disk, on any thread. SQLITE_OK, or SQLite's code, with the system's
 * errno in *number where it is known. */
int gather_sync(struct gather *gather, int *number);

#endif
