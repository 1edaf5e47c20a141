/* The file: how it is set up, which version it has, how one version becomes the next.
 *
 * PRAGMA application_id says that a file is ours, PRAGMA user_version how many migrations it has seen. Each
 * migration is one transaction. A file with more migrations than this program knows is refused: what it means is
 * unknown. What each table is for: docs/internals/store.md. */
#ifndef STORE_SQLITE_SCHEMA_H
#define STORE_SQLITE_SCHEMA_H

#include "base/error.h"
#include <sqlite3.h>
#include <stddef.h>

/* "swhk" */
enum { SCHEMA_APPLICATION = 0x7377686b };

/* The steps from nothing to the present layout; NULL ends. */
extern const char *const schema_migrations[];

/* Sets WAL, synchronous=FULL, the page size and incremental vacuum, reads them back, and brings the file up to the
 * last of `migrations`. ERROR_CORRUPT for what is no store of ours or a newer one. */
int schema_prepare(sqlite3 *db, const char *path, const char *const *migrations, struct error *error);

#endif
