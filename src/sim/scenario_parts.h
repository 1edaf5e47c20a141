/* A scenario while it is read. Private to src/sim/scenario*.c, the only files of the room that know Lua.
 *
 * Everything that a scenario holds comes from one arena, so that an error may leave by longjmp at any moment. All
 * functions raise Lua errors; their words begin with FILE:LINE. A path is how messages name a value
 * ("workers.talk").
 */
#ifndef SIM_SCENARIO_PARTS_H
#define SIM_SCENARIO_PARTS_H

#include "base/buffer.h"
#include "base/slice.h"
#include "sim/scenario.h"
#include <lua.h>

struct scenario_block {
    struct scenario_block *next;
};

/* A name in the file that must be one of a queue or policy, wherever in the file that is made. */
struct scenario_reference {
    const char *kind, *id, *path;
    int line;
};

struct scenario_made {
    const char *kind, *id;
};

struct scenario_file {
    struct scenario scenario; /* first: it is what scenario_free gets */
    char name[256];
    struct scenario_block *blocks;
    size_t used;
};

struct reading {
    lua_State *lua;
    struct scenario_file *file;
    const char *name;    /* the file's */
    struct slice text;   /* the file, to find the line of a key in */
    int line;            /* of the statement that is being read */
    const char *pending; /* a queue or policy that has its id, and not yet its body; NULL: none */
    int pending_line;
    bool is_out_of_memory;
    struct buffer words; /* out of Lua's reach when it raises */
    struct scenario_call *calls[4];
    size_t call_counts[4];
    struct scenario_workers *workers;
    struct scenario_customers *customers;
    struct scenario_reference *references;
    size_t reference_count;
    struct scenario_made *made;
    size_t made_count;
    size_t worker_total;
};

enum { SCENARIO_SAVED_READING = 1 }; /* upvalue of the functions: the reading, as light userdata */

/* scenario.c */
/* Zeroed; lives as long as the scenario. */
void *scenario_allocate(struct reading *reading, size_t size);
char *scenario_keep(struct reading *reading, const char *text, size_t length);
/* The array, with room for one more after `count`, zeroed. */
void *scenario_grow(struct reading *reading, void *array, size_t count, size_t size);
/* Raises "FILE:LINE: PATH WORDS"; the line is that of the path's last name, at or below the statement. */
void scenario_fail(struct reading *reading, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/* scenario_people.c */
void scenario_read_body(struct reading *reading, const char *kind,
                        const char *id); /* the table on the top; keeps id */
void scenario_read_workers(struct reading *reading);
void scenario_read_customers(struct reading *reading);
/* When the file has ended: names that nobody has are errors; the lists go into the scenario. */
void scenario_finish(struct reading *reading);

/* scenario_values.c: of the value on the top of the stack, which stays there. */
void scenario_check_keys(struct reading *reading, const char *path, const char *const *known);
char *scenario_text(struct reading *reading, const char *path);
double scenario_number(struct reading *reading, const char *path, double least, double most);
/* Seconds: a number, or a text as "90s", "5m", "1h30m". */
double scenario_seconds(struct reading *reading, const char *path);
struct scenario_time scenario_time(struct reading *reading, const char *path);
int32_t scenario_time_of_day(struct reading *reading, const char *path);
struct scenario_spans scenario_spans(struct reading *reading, const char *path);
void scenario_per_hour(struct reading *reading, const char *path, double per_hour[24]);
/* Appends the value as JSON; primitives only when `is_map`: an object of them. */
void scenario_json(struct reading *reading, const char *path, struct buffer *out, bool is_map);
const struct scenario_label *scenario_labels(struct reading *reading, const char *path, size_t *count);
int64_t scenario_date(struct reading *reading, const char *path);

#endif
