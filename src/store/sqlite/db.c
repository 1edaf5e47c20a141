#include "store/sqlite/db.h"
#include <errno.h>

int db_prepare(sqlite3 *db, sqlite3_stmt **statement, const char *sql, struct error *error) {
    int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return code == SQLITE_OK ? 0 : db_error(db, code, "prepare a statement", error);
}

int db_execute(sqlite3 *db, const char *sql, const char *doing, struct error *error) {
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : db_error(db, code, doing, error);
}

int db_number(sqlite3 *db, const char *sql, int64_t *value, struct error *error) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK) {
        return db_error(db, code, "prepare a statement", error);
    }
    int result = db_step(db, statement, "read a number", error);
    if (result > 0) {
        *value = sqlite3_column_int64(statement, 0);
        result = 0;
    }
    sqlite3_finalize(statement);
    return result;
}

int db_run(sqlite3 *db, sqlite3_stmt *statement, const char *doing, struct error *error) {
    int result = db_step(db, statement, doing, error);
    if (result > 0) {
        sqlite3_reset(statement);
        return 0;
    }
    return result;
}

int db_step(sqlite3 *db, sqlite3_stmt *statement, const char *doing, struct error *error) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return 1;
    }
    if (code == SQLITE_DONE) {
        sqlite3_reset(statement);
        return 0;
    }
    /* The words belong to the failed step: they are read before the reset. */
    db_error(db, code, doing, error);
    sqlite3_reset(statement);
    return -1;
}

/* A bind fails only for a length over SQLite's limit (1 GB): works are checked against STORE_TEXT_MOST before. */
void db_bind_slice(sqlite3_stmt *statement, int place, struct slice text) {
    sqlite3_bind_text64(statement, place, text.bytes, text.length, SQLITE_STATIC, SQLITE_UTF8);
}

void db_bind_blob(sqlite3_stmt *statement, int place, struct slice bytes) {
    sqlite3_bind_blob64(statement, place, bytes.bytes, bytes.length, SQLITE_STATIC);
}

void db_bind_bits(sqlite3_stmt *statement, int place, uint64_t bits) {
    sqlite3_bind_int64(statement, place, (sqlite3_int64)bits);
}

struct slice db_slice(sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    if (text == NULL) {
        return (struct slice){0};
    }
    return slice_make(text, (size_t)sqlite3_column_bytes(statement, column));
}

struct slice db_blob(sqlite3_stmt *statement, int column) {
    if (sqlite3_column_type(statement, column) == SQLITE_NULL) {
        return (struct slice){0};
    }
    const char *bytes = sqlite3_column_blob(statement, column);
    return slice_make(bytes == NULL ? "" : bytes, (size_t)sqlite3_column_bytes(statement, column));
}

uint64_t db_bits(sqlite3_stmt *statement, int column) {
    return (uint64_t)sqlite3_column_int64(statement, column);
}

/* SQLite says SQLITE_FULL for ENOSPC only; a quota or a file-size limit is a full disk as well. A sync that fails
 * for want of space is not: what it lost nobody knows. */
static bool is_no_space(int code, int system) {
    if ((code & 0xff) == SQLITE_FULL) {
        return true;
    }
    bool is_write = code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE;
    return is_write && (system == ENOSPC || system == EDQUOT || system == EFBIG);
}

static int last_errno(sqlite3 *db, int which) {
    sqlite3_file *file = NULL;
    int number = 0;
    if (sqlite3_file_control(db, "main", which, &file) == SQLITE_OK && file != NULL && file->pMethods != NULL) {
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
    }
    return number;
}

/* Why the system said no. sqlite3_system_errno knows it only where opening failed: after a COMMIT it is not set,
 * so the WAL is asked (SQLite's word for it is "journal"), then the file itself. */
static int system_of(sqlite3 *db, int code) {
    if ((code & 0xff) == SQLITE_CANTOPEN) {
        return sqlite3_system_errno(db);
    }
    if ((code & 0xff) != SQLITE_IOERR) {
        return 0;
    }
    int number = last_errno(db, SQLITE_FCNTL_JOURNAL_POINTER);
    return number != 0 ? number : last_errno(db, SQLITE_FCNTL_FILE_POINTER);
}

static enum error_code code_of(int code, int system) {
    if (is_no_space(code, system)) {
        return ERROR_FULL;
    }
    if (code == SQLITE_IOERR_NOMEM) {
        return ERROR_MEMORY;
    }
    switch (code & 0xff) {
    case SQLITE_NOMEM: return ERROR_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERROR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ERROR_CORRUPT;
    case SQLITE_TOOBIG: return ERROR_LIMIT;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return ERROR_INVALID;
    default: return ERROR_SYSTEM;
    }
}

int db_error(sqlite3 *db, int code, const char *doing, struct error *error) {
    int extended = db == NULL ? code : sqlite3_extended_errcode(db);
    if ((extended & 0xff) != (code & 0xff)) {
        extended = code;
    }
    int system = db == NULL ? 0 : system_of(db, code);
    enum error_code kind = code_of(extended, system);
    if (kind == ERROR_MEMORY) {
        return error_memory(error);
    }
    const char *words = db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(db);
    if (kind == ERROR_SYSTEM && system != 0) {
        error_system(error, system, "store: cannot %s: %s (%d)", doing, words, extended);
        /* error_system would read ENOSPC as a full disk; a sync that failed of it is worse. */
        if (error != NULL) {
            error->code = ERROR_SYSTEM;
        }
        return -1;
    }
    return error_set(error, kind, "store: cannot %s: %s (%d)", doing, words, extended);
}

bool db_is_broken_by(const struct error *error) {
    return error->code == ERROR_SYSTEM || error->code == ERROR_CORRUPT;
}
