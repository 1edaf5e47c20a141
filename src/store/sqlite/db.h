/* What every part of this folder needs of SQLite: statements, values and errors.
 *
 * Texts and bytes are bound where they lie (SQLITE_STATIC): they must outlive the step. A statement is reset as
 * soon as it has been stepped, so that no read transaction stays open behind one.
 *
 *     db_bind_slice(statement, 1, event->id);
 *     sqlite3_bind_int64(statement, 2, received_us);
 *     if (db_run(db, statement, "append an event", error) < 0) ...
 */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include "base/error.h"
#include "base/slice.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* One that is kept: prepared once, used often. */
int db_prepare(sqlite3 *db, sqlite3_stmt **statement, const char *sql, struct error *error);
/* Statements without results. */
int db_execute(sqlite3 *db, const char *sql, const char *doing, struct error *error);
/* The first column of the first row, as a number; no row leaves *value alone. */
int db_number(sqlite3 *db, const char *sql, int64_t *value, struct error *error);

/* Steps a statement that gives no row, and resets it. */
int db_run(sqlite3 *db, sqlite3_stmt *statement, const char *doing, struct error *error);
/* 1: a row is there; 0: no more, and the statement is reset; -1: failed, and it is reset. */
int db_step(sqlite3 *db, sqlite3_stmt *statement, const char *doing, struct error *error);

void db_bind_slice(sqlite3_stmt *statement, int place, struct slice text);
void db_bind_blob(sqlite3_stmt *statement, int place, struct slice bytes);
/* Unsigned numbers are kept as the signed ones with the same bits. */
void db_bind_bits(sqlite3_stmt *statement, int place, uint64_t bits);

/* Live until the statement is stepped or reset. NULL is the slice that is not set. */
struct slice db_slice(sqlite3_stmt *statement, int column);
struct slice db_blob(sqlite3_stmt *statement, int column);
uint64_t db_bits(sqlite3_stmt *statement, int column);

/* The result code as an error. Always returns -1. */
int db_error(sqlite3 *db, int code, const char *doing, struct error *error);
/* Whether no later write on this connection can be trusted after such an error. */
bool db_is_broken_by(const struct error *error);

#endif
