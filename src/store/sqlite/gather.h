/* One write where SQLite makes many: a VFS over the default one that gathers what a commit writes into the WAL.
 *
 * SQLite writes each page of a commit as two pieces, a header of 24 bytes and the page, one behind the other. Here
 * pieces that follow each other are kept and go to the file as one, before anything else is done to it: a sync,
 * a read, a look at its size, a cut, a write elsewhere. So the file sees the same bytes in the same order, and the
 * VFS below sees honest writes and syncs.
 *
 * Why nobody misses what is kept: other connections find a frame through the wal-index, which SQLite changes after
 * the sync of the commit (synchronous=FULL, which schema.c reads back), and by then it was written. Where SQLite
 * would also write behind that sync (padding, on disks without SQLITE_IOCAP_POWERSAFE_OVERWRITE), nothing is kept.
 * A write that fails is told by whatever made it happen, at the latest by the sync, and is not tried again: the
 * commit fails, as it would have. All other files are the default VFS's own.
 *
 *     if (gather_init(&store->gather) < 0) ...
 *     sqlite3_open_v2(path, &db, flags, store->gather.name);
 *     ...
 *     sqlite3_close(db);
 *     gather_reset(&store->gather);
 */
#ifndef STORE_SQLITE_GATHER_H
#define STORE_SQLITE_GATHER_H

#include <sqlite3.h>

/* Kept at most: 31 pages. (SQLite's VFS for Unix takes no write of 2^17 bytes or more.) */
enum { GATHER_BYTES = 127 << 10 };

struct gather {
    sqlite3_vfs vfs; /* `pAppData` is the VFS below: the default one at the time of gather_init */
    char name[32];
};

/* 0, or -1 without memory. The struct must stay where it is until gather_reset; zeroed, it may be reset. */
int gather_init(struct gather *gather);
void gather_reset(struct gather *gather);

#endif
