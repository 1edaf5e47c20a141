/* One walk over a script: a recursive descent over Lua's grammar that knows of each expression as much as helps.
 * Three walks make one inspection: the first notes what is assigned and which function is the handler, the second
 * where the event goes, the third tells. Private to the room.
 */
#ifndef INSPECT_WALK_H
#define INSPECT_WALK_H

#include "base/map.h"
#include "inspect/inspect.h"
#include "inspect/lexer.h"

enum {
    WALK_DEPTH = 180, /* Lua itself stops at 200 */
    WALK_VARIABLES = 2000,
    WALK_EFFORT = 50 * 1000 * 1000, /* comparisons of names, in one walk */
    PATH_SIZE = 120,
};

enum walk_pass { WALK_NOTE, WALK_FOLLOW, WALK_TELL };

enum value_kind {
    VALUE_UNKNOWN,
    VALUE_PLAIN,    /* neither the event nor an object of its data */
    VALUE_EVENT,    /* the handler's */
    VALUE_DATA,     /* event.data */
    VALUE_MODEL,    /* an object in it, of `model` */
    VALUE_MODELS,   /* a list of them */
    VALUE_ELEMENTS, /* what ipairs and pairs of such a list return */
    VALUE_OFFERED,  /* something that scripts are offered, by its path */
    VALUE_FUNCTION, /* the one whose parameters begin at `place` */
    VALUE_TABLE,    /* the one whose brackets open at `place`; its `handle` is the function at `handle`, or 0 */
    VALUE_STRING,   /* `text` */
};

struct value {
    enum value_kind kind;
    bool is_empty;                   /* VALUE_TABLE: nothing between its brackets */
    bool holds_event;                /* VALUE_TABLE: something of the event is in it */
    const struct event_model *model; /* VALUE_MODEL, VALUE_MODELS, VALUE_ELEMENTS */
    size_t place, handle;
    struct slice text;
    char path[PATH_SIZE]; /* as a warning names it: event.data.queueDetails, router.jobs */
};

struct variable {
    struct slice name;
    size_t declared; /* the offset of its name */
    struct value value;
};

/* What an expression that ends in a name, a member or a call stands for, before it is read or assigned. */
struct reference {
    enum { REFERENCE_VALUE, REFERENCE_NAME, REFERENCE_MEMBER } kind;
    struct value value; /* or whose member */
    struct slice name;  /* not set: a key that is not written as a text */
    size_t variable;    /* REFERENCE_NAME: its index + 1; 0: a global */
    unsigned line;
    bool is_call;
};

struct inspect_writes {
    struct map members; /* by walk_key; the values mean nothing */
    struct map globals;
    bool is_any; /* members whose names are not written in the script, or all of it */
    bool is_any_global;
};

struct walk {
    const struct inspect_options *options;
    enum walk_pass pass;
    struct lexer lexer;
    struct lexer_token token, ahead;
    bool has_ahead;
    bool is_broken;
    unsigned depth, functions;
    size_t effort;
    size_t name_count; /* of the options' */
    unsigned line;     /* of the token before */
    struct variable *variables;
    size_t variable_count, variable_capacity;
    /* What the walks before have found: */
    struct inspect_writes *writes;
    struct map assigned;    /* variables that are assigned after their declaration, by that + 1 */
    struct map handlers;    /* functions, by their place */
    bool is_event_given_on; /* to a function of this script, */
    bool is_event_away;     /* to one of another, or where it cannot be followed */
    bool is_event_changed;  /* nothing is known any more */
    unsigned found;
};

/* walk.c: tokens and variables */
void walk_advance(struct walk *walk);
const struct lexer_token *walk_look_ahead(struct walk *walk);
bool walk_is(const struct walk *walk, const char *text); /* the token is this word or symbol */
bool walk_take(struct walk *walk, const char *text);     /* the same, and passes over it */
void walk_expect(struct walk *walk, const char *text);
struct lexer_token walk_take_name(struct walk *walk);
void walk_break(struct walk *walk); /* nothing can be known */
bool walk_enter(struct walk *walk); /* one level deeper; false: too deep */
void walk_leave(struct walk *walk);
void walk_declare(struct walk *walk, const struct lexer_token *name, const struct value *value);
size_t walk_find(struct walk *walk, struct slice name); /* its index + 1; 0: none */
void walk_assign(struct walk *walk, size_t variable);
bool walk_is_assigned(const struct walk *walk, const struct variable *variable);
uint64_t walk_key(struct slice name);
void walk_note(struct walk *walk, struct map *map, uint64_t key);
bool walk_has(const struct map *map, uint64_t key);
void walk_tell(struct walk *walk, enum inspect_kind kind, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* statement.c */
void walk_chunk(struct walk *walk);
/* From the parameters' bracket to `end`. */
struct value walk_function(struct walk *walk, bool is_method);

/* expression.c */
struct value walk_expression(struct walk *walk);
/* How many; the values of the first `most`, and unknown ones for what is missing. */
size_t walk_expressions(struct walk *walk, struct value *values, size_t most);
struct reference walk_suffixed(struct walk *walk);

/* member.c */
struct value walk_read(struct walk *walk, const struct reference *reference);
void walk_write(struct walk *walk, const struct reference *reference, const struct value *value);
struct value walk_call(struct walk *walk, const struct value *callee, const struct value *arguments, size_t count,
                       unsigned line);
struct value walk_element(const struct value *list);
bool walk_is_event(const struct value *value); /* or something of it */
/* The value is kept where it is not followed. */
void walk_lose(struct walk *walk, const struct value *value);

/* offered.c */
struct value walk_global(struct walk *walk, struct slice name, unsigned line);
struct value walk_offered_member(struct walk *walk, const struct value *table, struct slice name, unsigned line);

#endif
