/* Frames between the host and a worker: what docs/internals/wire.md describes, encoded and decoded.
 *
 * A frame is a head of 16 bytes and a payload; numbers are little-endian:
 *
 *     u32 length of the payload   u8 type   u8 flags (0)   u16 reserved (0)   u64 run (0: about no run)
 *
 * A payload is a sequence of fields in the order that its type has: u32, u64, i64 as such, texts as u32 length and
 * bytes. Both sides check every length against what is there; a frame that does not hold together, an unknown type
 * or a payload over the limit ends the connection (the other side is broken, or hostile). Versions: the first
 * frame each way is HELLO with the version; they must be equal.
 *
 * Writing: wire_begin, wire_put_*, wire_end append to a buffer, many frames in a row; the owner writes the buffer
 * in one go. Reading: wire_next takes one frame off the bytes that have arrived; wire_get_* walk over its payload;
 * `is_broken` is checked once at the end. Nothing allocates but the buffers. One thread per connection.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "base/buffer.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_VERSION = 2, WIRE_HEAD_SIZE = 16, WIRE_PAYLOAD_MAX = 16 * 1024 * 1024 };

/* What the page holds while scripts are loaded: no run, but Lua is on the processor. */
#define WIRE_RUN_LOADING UINT64_MAX

enum wire_type {
    /* Host to worker. */

    /* Both ways: u32 version. From the host also u64 run memory, u64 all memory, u64 answer size (bytes each),
     * text time zone (as in configuration; empty: UTC), text names (JSON: an object with the lists "operations",
     * of C helpers, "secrets", and "tells": what the worker is to tell besides), and the descriptor of the shared
     * page (SCM_RIGHTS, with the first byte). */
    WIRE_HELLO = 1,
    /* text path (relative to the scripts folder), text bytes */
    WIRE_FILE = 2,
    /* All files are there: compile and try them. */
    WIRE_LOAD = 3,
    /* text handler (path), u64 seq, u32 attempt, i64 received (wall us), i64 now (wall us), u64 seed,
     * text raw event */
    WIRE_RUN = 4,
    /* u32 wait, u32 outcome (enum wire_outcome), u32 status, u32 repeated (0/1), i64 now (wall us), text etag,
     * text value (JSON, or empty for nil; for an error: the JSON of its members) */
    WIRE_ANSWER = 5,
    /* The run is over: drop it, no answer. */
    WIRE_CANCEL = 6,

    /* Worker to host. */

    /* u32 count, then per handler: text path, text options (JSON: filter, timeout, retry) */
    WIRE_LOADED = 16,
    /* The scripts do not load: text message ("Script.lua:12: ..."), text traceback */
    WIRE_REFUSED = 17,
    /* u32 wait, u32 branch, text operation, text arguments (canonical JSON array) */
    WIRE_WANT = 18,
    /* u32 level (enum log_level), text message, text fields (JSON object or empty) */
    WIRE_LOG = 19,
    /* u32 result (enum wire_result), text value (JSON of what the handler returned, or empty) */
    WIRE_DONE = 20,
    /* u32 failure (enum wire_failure), text message, text traceback, text error (JSON of a raised answer:
     * operation, status, code, message, retryable; or empty) */
    WIRE_FAILED = 21,
    /* text place: where the script is ("Script.lua:12"). Before each WANT, when the HELLO's `tells` asks for
     * "places" */
    WIRE_PLACE = 22,
};

enum wire_outcome {
    WIRE_OUTCOME_VALUE = 0,
    WIRE_OUTCOME_ERROR = 1,
    WIRE_OUTCOME_NOT_YET = 2, /* to "step": nothing is remembered under that name; do it, then want "step.keep" */
};

enum wire_result { WIRE_RESULT_RETURNED = 0, WIRE_RESULT_FILTERED = 1 };

enum wire_failure {
    WIRE_FAILURE_ERROR = 0,   /* a Lua error: a bug in the script, misuse of the API */
    WIRE_FAILURE_ANSWER = 1,  /* what was raised and not caught says whether to try again: an answer, fail() */
    WIRE_FAILURE_MEMORY = 2,  /* over run_memory_mib */
    WIRE_FAILURE_MISSING = 3, /* no such handler in this generation */
};

struct wire_frame {
    enum wire_type type;
    uint64_t run;
    struct slice payload; /* into the bytes that wire_next was given */
};

struct wire_reader {
    struct slice rest;
    bool is_broken;
};

/* Starts a frame at the end of `out` and returns its place for wire_end. */
size_t wire_begin(struct buffer *out, enum wire_type type, uint64_t run);
void wire_put_u32(struct buffer *out, uint32_t value);
void wire_put_u64(struct buffer *out, uint64_t value);
void wire_put_i64(struct buffer *out, int64_t value);
void wire_put_text(struct buffer *out, struct slice text);
/* Fills the length in. 0; or -1 when the buffer broke or the payload is too large: the frame is then taken off
 * again, and the buffer, with the whole frames before it, goes on. */
int wire_end(struct buffer *out, size_t place);

/* 1: a frame, its size in *taken; 0: not all of it is here yet; -1: no frame can start so. */
int wire_next(struct slice bytes, struct wire_frame *frame, size_t *taken);
struct wire_reader wire_read(const struct wire_frame *frame);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
int64_t wire_get_i64(struct wire_reader *reader);
struct slice wire_get_text(struct wire_reader *reader);
/* Everything was there, and nothing is left. */
bool wire_is_whole(const struct wire_reader *reader);

/* The page that host and worker share: it tells who is on the processor, and how far. The worker writes it around
 * every entry into Lua; the host only reads it (a hostile worker can lie and is charged all the same: what it
 * holds is its own generation's). `run` is 0 outside Lua; `slice` counts entries; with all bytes `taken`, the
 * worker waits for the host. When the host sends SIGURG, a hook writes where the running script is into `place`,
 * so that a kill can name the line. */
struct wire_page {
    _Atomic uint64_t run;
    _Atomic uint64_t slice;
    _Atomic uint64_t place_slice; /* the slice that `place` is about; written after `place` */
    _Atomic uint64_t taken;       /* bytes of frames that are done with, of all that the host sent */
    char place[512];
};

#endif
