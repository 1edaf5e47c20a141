/* All that the writing connection says to SQLite again and again. */
#include "store/sqlite/internal.h"

/* ?1, ?2: the first and the last run; ?3: those that are done as well; ?4: of this handler, or NULL. */
#define RUNS_TO_REPLAY                                                                                            \
    "id BETWEEN ?1 AND ?2 AND (state = 4 OR (?3 AND state = 3)) AND (?4 IS NULL OR handler = ?4)"

/* ?1: the last number of the stretch. */
#define RUNS_OF_STRETCH "id BETWEEN (?1 - 4095) * 256 AND ?1 * 256 + 255"

const char *const writer_texts[WRITER_STATEMENTS] = {
    [WRITE_EVENT] = "INSERT INTO events VALUES (?, ?, ?, ?)",
    [WRITE_ENVELOPE] = "INSERT INTO envelopes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [WRITE_BODY] = "INSERT INTO bodies VALUES (?, ?)",
    [READ_TWIN] = "SELECT identity, content, received FROM envelopes WHERE seq = ?",
    [UNDERSTAND_EVENT] = "UPDATE events SET state = 0, lane = ?2, fingerprint = ?3 WHERE seq = ?1",
    [UNDERSTAND_ENVELOPE] = "UPDATE envelopes SET identity = ?2, content = ?3, id = ?4, type = ?5, source = ?6,"
                            " subject = ?7, time = ?8, job = ?9, worker = ?10, malformed = NULL WHERE seq = ?1",
    [READ_STATE] = "SELECT state, lane FROM events WHERE seq = ?",
    [CLOSE_EVENT] = "UPDATE events SET state = ?2 WHERE seq = ?1 AND state <= 2",
    [CLOSE_EVENTS] = "UPDATE events SET state = ?3 WHERE seq BETWEEN ?1 AND ?2 AND state <= 2",
    [WRITE_STATE] = "UPDATE events SET state = ?2 WHERE seq = ?1",
    /* Most runs are written once. (REPLACE would keep a copy of every page it touches, to undo it alone.) */
    [WRITE_RUN] = "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [REWRITE_RUN] = "UPDATE runs SET state = ?2, handler = ?3, generation = ?4, script = ?5, attempt = ?6,"
                    " kills = ?7, due = ?8, started = ?9, finished = ?10, result = ?11, reason = ?12,"
                    " traceback = ?13, returned = ?14 WHERE id = ?1",
    [WRITE_STEP] = "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [FORGET_STEP] = "UPDATE steps SET is_forgotten = 1 WHERE id = ?",
    [READ_GENERATION] = "SELECT id FROM generations WHERE digest = ?",
    [WRITE_GENERATION] = "INSERT INTO generations(digest, kept) VALUES (?, ?)",
    [TOUCH_GENERATION] = "UPDATE generations SET kept = ?2 WHERE id = ?1",
    [READ_FILE_BEFORE] = "SELECT blobs.id, bytes FROM generation_files JOIN blobs ON blobs.id = blob"
                         " WHERE generation = ? AND path = ?",
    [WRITE_BLOB] = "INSERT INTO blobs(bytes) VALUES (?)",
    [WRITE_FILE] = "INSERT INTO generation_files VALUES (?, ?, ?)",
    [READ_FENCE] = "SELECT value FROM meta WHERE name = 'fence'",
    [WRITE_SEGMENT] = "INSERT OR REPLACE INTO job_segments SELECT ?1, pack_jobs(job, seq) FROM envelopes"
                      " WHERE seq > ?1 - 4096 AND seq <= ?1 AND job IS NOT NULL",
    [WRITE_ASIDE] = "INSERT OR IGNORE INTO aside_stretches VALUES (?, ?)",
    [WRITE_USE] = "INSERT OR IGNORE INTO generation_uses VALUES (?, ?)",
    [READ_RECEIVED] = "SELECT seq, received FROM envelopes WHERE seq >= ? ORDER BY seq LIMIT 1",

    [READ_VALUE] = "SELECT value, expires FROM state WHERE key = ?",
    [WRITE_VALUE] = "INSERT INTO state(key, value, expires) VALUES (?, ?, ?)"
                    " ON CONFLICT(key) DO UPDATE SET value = excluded.value, expires = excluded.expires",
    [DROP_VALUE] = "DELETE FROM state WHERE key = ?",

    [READ_TIMER] = "SELECT 1 FROM timers WHERE id = ?",
    [WRITE_TIMER] = "INSERT INTO timers VALUES (?, ?, ?, ?, ?)",
    [DROP_TIMER] = "DELETE FROM timers WHERE id = ?",

    [REPLAY_STEPS] = "UPDATE steps SET is_forgotten = 1 WHERE id BETWEEN ?5 AND ?6"
                     " AND id / 65536 IN (SELECT id FROM runs WHERE " RUNS_TO_REPLAY ")",
    [REPLAY_RUNS] = "UPDATE runs SET state = 0, attempt = 0, kills = 0, due = 0, finished = 0, result = NULL,"
                    " reason = NULL, traceback = NULL, returned = NULL,"
                    " started = CASE WHEN ?5 THEN 0 ELSE started END WHERE " RUNS_TO_REPLAY,

    [PURGE_WINDOW] = "SELECT seq, fingerprint FROM events WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
    [PURGE_DONE] = "SELECT seq, state FROM events WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
    [FIRST_ASIDE] = "SELECT min(last) FROM aside_stretches WHERE state = ?",
    [PURGE_ASIDE] = "SELECT seq FROM events WHERE seq > ?2 - 4096 AND seq <= ?2 AND seq < ?3 AND state = ?1"
                    " ORDER BY seq LIMIT ?4",
    [DROP_ASIDE] = "DELETE FROM aside_stretches WHERE state = ? AND last = ?",
    [PURGE_AGE] = "SELECT received FROM envelopes WHERE seq = ?",
    [DROP_EVENT] = "DELETE FROM events WHERE seq = ?",
    [DROP_ENVELOPE] = "DELETE FROM envelopes WHERE seq = ?",
    [DROP_BODY] = "DELETE FROM bodies WHERE seq = ?",
    [DROP_RUNS] = "DELETE FROM runs WHERE id BETWEEN ? AND ?",
    [DROP_STEPS] = "DELETE FROM steps WHERE id BETWEEN ? AND ?",
    [DROP_SEGMENT] = "DELETE FROM job_segments WHERE last = ?1 AND last < (SELECT max(last) FROM job_segments)"
                     " AND NOT EXISTS (SELECT 1 FROM events WHERE seq > ?1 - 4096 AND seq <= ?1)",
    [DROP_USES] =
        "DELETE FROM generation_uses WHERE last = ?1 AND NOT EXISTS (SELECT 1 FROM runs WHERE " RUNS_OF_STRETCH
        ")",
    [KEEP_LAST_SEQ] = "UPDATE meta SET value = ? WHERE name = 'last_seq'",
    [PURGE_GENERATIONS] = "SELECT id, digest, kept < ?2 AND id < (SELECT max(id) FROM generations)"
                          " FROM generations WHERE id > ?1 ORDER BY id LIMIT ?3",
    [FIRST_USE] = "SELECT last FROM generation_uses WHERE generation = ? ORDER BY last LIMIT 1",
    [READ_USE] = "SELECT 1 FROM runs WHERE " RUNS_OF_STRETCH " AND generation = ?2 LIMIT 1",
    [DROP_USE] = "DELETE FROM generation_uses WHERE last = ? AND generation = ?",
    [DROP_BLOBS] = "DELETE FROM blobs WHERE id IN (SELECT blob FROM generation_files WHERE generation = ?1)"
                   " AND NOT EXISTS (SELECT 1 FROM generation_files WHERE blob = blobs.id AND generation <> ?1)",
    [DROP_FILES] = "DELETE FROM generation_files WHERE generation = ?",
    [DROP_GENERATION] = "DELETE FROM generations WHERE id = ?",
    [DROP_EXPIRED] = "DELETE FROM state WHERE id IN"
                     " (SELECT id FROM state WHERE expires > 0 AND expires <= ?1 ORDER BY expires LIMIT ?2)",
    [COUNT_FREE] = "PRAGMA freelist_count",
    [READ_FREE] = "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count",
};
