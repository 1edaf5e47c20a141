#include "base/text.h"
#include "inspect/walk.h"
#include <stdio.h>
#include <string.h>

static struct value read_member(struct walk *walk, const struct reference *reference);
static struct value read_event(struct walk *walk, const struct reference *reference);
static struct value read_field(struct walk *walk, const struct reference *reference, const char *whose,
                               const struct event_field *fields, const struct event_alias *alias);
static struct value of_field(const struct value *object, const struct event_field *field);
static bool may_be_written(const struct walk *walk, struct slice name);
static void tell_unknown(struct walk *walk, const struct reference *reference, const char *whose,
                         const struct event_field *fields);
static const char *nearest_field(struct slice name, const struct event_field *fields);
static void write_member(struct walk *walk, const struct reference *reference, const struct value *value);
static bool is_changing(const struct value *callee);
static void require_module(struct walk *walk, const struct value *name, size_t count, unsigned line);

static const struct value unknown = {.kind = VALUE_UNKNOWN};
static const struct value plain = {.kind = VALUE_PLAIN};

/* Of the event itself; event.parsed is not looked into. */
static const char *const event_members[] = {"attempt", "data",   "id",      "name", "parsed", "received",
                                            "seq",     "source", "subject", "time", "type",   NULL};

struct value walk_read(struct walk *walk, const struct reference *reference) {
    switch (reference->kind) {
    case REFERENCE_MEMBER: return read_member(walk, reference);
    case REFERENCE_NAME:
        if (reference->variable == 0) {
            return walk_global(walk, reference->name, reference->line);
        }
        const struct variable *variable = &walk->variables[reference->variable - 1];
        return walk_is_assigned(walk, variable) ? unknown : variable->value;
    default: return reference->value;
    }
}

void walk_write(struct walk *walk, const struct reference *reference, const struct value *value) {
    if (reference->kind == REFERENCE_MEMBER) {
        write_member(walk, reference, value);
    } else if (reference->kind == REFERENCE_NAME && reference->variable > 0) {
        walk_assign(walk, reference->variable);
    } else if (reference->kind == REFERENCE_NAME) {
        walk_note(walk, &walk->writes->globals, walk_key(reference->name));
    }
    walk_lose(walk, value);
}

struct value walk_call(struct walk *walk, const struct value *callee, const struct value *arguments, size_t count,
                       unsigned line) {
    bool is_offered = callee->kind == VALUE_OFFERED;
    if (is_offered && strcmp(callee->path, "require") == 0) {
        require_module(walk, arguments, count, line);
        return unknown;
    }
    if (is_offered && strcmp(callee->path, "after") == 0 && count >= 2 && arguments[1].kind == VALUE_STRING) {
        walk_tell(walk, INSPECT_RAISES, line, "%.*s", SLICE_ARG(arguments[1].text));
    }
    bool is_iterator = is_offered && (strcmp(callee->path, "ipairs") == 0 || strcmp(callee->path, "pairs") == 0);
    if (is_iterator && count == 1 && arguments[0].kind == VALUE_MODELS) {
        struct value elements = arguments[0];
        elements.kind = VALUE_ELEMENTS;
        return elements;
    }
    for (size_t i = 0; i < count; i++) {
        if (arguments[i].kind == VALUE_OFFERED) {
            walk_lose(walk, &arguments[i]);
        }
        if (!is_offered && callee->kind == VALUE_FUNCTION && walk_is_event(&arguments[i])) {
            walk->is_event_given_on = true;
        } else if (!is_offered) {
            walk_lose(walk, &arguments[i]);
        } else if (is_changing(callee) && walk->pass != WALK_NOTE) {
            walk->is_event_changed |= walk_is_event(&arguments[i]);
            walk->writes->is_any |= i == 0 && arguments[i].kind == VALUE_UNKNOWN;
        }
    }
    return unknown;
}

bool walk_is_event(const struct value *value) {
    return value->kind == VALUE_EVENT || value->kind == VALUE_DATA || value->kind == VALUE_MODEL ||
           value->kind == VALUE_MODELS || value->kind == VALUE_ELEMENTS;
}

void walk_lose(struct walk *walk, const struct value *value) {
    walk->is_event_away |= walk_is_event(value) || value->holds_event;
    if (value->kind == VALUE_OFFERED && strcmp(value->path, "require") == 0) {
        walk_tell(walk, INSPECT_REQUIRES_ANY, walk->line, "%s", "");
    } else if (value->kind == VALUE_OFFERED && strcmp(value->path, "_G") == 0) {
        walk->writes->is_any_global = true;
    }
}

struct value walk_element(const struct value *list) {
    struct value element = *list;
    element.kind = VALUE_MODEL;
    size_t length = strlen(element.path);
    (void)snprintf(element.path + length, sizeof element.path - length, "[i]");
    return element;
}

static struct value read_member(struct walk *walk, const struct reference *reference) {
    const struct value *object = &reference->value;
    switch (object->kind) {
    case VALUE_EVENT: return read_event(walk, reference);
    case VALUE_DATA: {
        const struct event_type *type = walk->options->type;
        return read_field(walk, reference, type->name, type->fields, type->aliases);
    }
    case VALUE_MODEL:
        return read_field(walk, reference, object->model->name, object->model->fields, object->model->aliases);
    case VALUE_MODELS: {
        struct value element = walk_element(object);
        return slice_is_set(reference->name) ? unknown : element;
    }
    case VALUE_OFFERED:
        return slice_is_set(reference->name) ? walk_offered_member(walk, object, reference->name, reference->line)
                                             : unknown;
    case VALUE_PLAIN: return plain;
    default: return unknown;
    }
}

static struct value read_event(struct walk *walk, const struct reference *reference) {
    struct slice name = reference->name;
    if (!slice_is_set(name) || may_be_written(walk, name)) {
        return unknown;
    }
    if (slice_is(name, "data")) {
        struct value data = {.kind = walk->options->type == NULL ? VALUE_UNKNOWN : VALUE_DATA,
                             .path = "event.data"};
        return data;
    }
    for (size_t i = 0; event_members[i] != NULL; i++) {
        if (slice_is(name, event_members[i])) {
            return slice_is(name, "parsed") ? unknown : plain;
        }
    }
    const char *nearest = text_nearest(name, event_members);
    const struct event_type *type = walk->options->type;
    bool is_field = type != NULL && event_find_field(type->fields, name) != NULL;
    walk_tell(walk, INSPECT_WARNING, reference->line, "event.%.*s: an event has no such member%s%.*s%s%s%s",
              SLICE_ARG(name), is_field ? "; did you mean event.data." : "", is_field ? (int)name.length : 0,
              is_field ? name.bytes : "", is_field || nearest == NULL ? "" : "; did you mean event.",
              is_field || nearest == NULL ? "" : nearest, is_field || nearest != NULL ? "?" : "");
    return plain;
}

/* Of the data, or of an object in it: `whose`. */
static struct value read_field(struct walk *walk, const struct reference *reference, const char *whose,
                               const struct event_field *fields, const struct event_alias *alias) {
    struct slice name = reference->name;
    if (!slice_is_set(name) || may_be_written(walk, name)) {
        return unknown;
    }
    const struct event_field *field = event_find_field(fields, name);
    if (field != NULL) {
        return of_field(&reference->value, field);
    }
    while (alias->other != NULL && !slice_is(name, alias->other)) {
        alias++;
    }
    if (alias->other == NULL) {
        tell_unknown(walk, reference, whose, fields);
        return plain;
    }
    if (!alias->is_present) {
        walk_tell(walk, INSPECT_WARNING, reference->line,
                  "%s.%s: only events of the 2021 set have it; %s is always there", reference->value.path,
                  alias->other, alias->name);
    }
    field = event_find_field(fields, slice_of(alias->name));
    return field == NULL ? unknown : of_field(&reference->value, field);
}

static struct value of_field(const struct value *object, const struct event_field *field) {
    struct value value = plain;
    if (field->kind == EVENT_MODEL || field->kind == EVENT_MODELS) {
        value.kind = field->kind == EVENT_MODEL ? VALUE_MODEL : VALUE_MODELS;
        value.model = field->model;
        (void)snprintf(value.path, sizeof value.path, "%.*s.%s", (int)sizeof value.path / 2, object->path,
                       field->name);
    }
    return value;
}

/* By the script, or by one that it handed the event to. */
static bool may_be_written(const struct walk *walk, struct slice name) {
    const struct inspect_writes *modules = walk->options->modules;
    uint64_t key = walk_key(name);
    bool is_elsewhere =
        walk->is_event_away && modules != NULL && (modules->is_any || walk_has(&modules->members, key));
    bool is_anything =
        walk->is_event_changed || (walk->writes->is_any && (walk->is_event_away || walk->is_event_given_on));
    return is_elsewhere || is_anything || walk_has(&walk->writes->members, key);
}

static void tell_unknown(struct walk *walk, const struct reference *reference, const char *whose,
                         const struct event_field *fields) {
    const char *nearest = nearest_field(reference->name, fields);
    walk_tell(walk, INSPECT_WARNING, reference->line, "%s.%.*s: %s has no such field%s%s%s", reference->value.path,
              SLICE_ARG(reference->name), whose, nearest == NULL ? "" : "; did you mean ",
              nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}

static const char *nearest_field(struct slice name, const struct event_field *fields) {
    enum { FIELDS_MAX = 64 };
    const char *names[FIELDS_MAX + 1];
    size_t count = 0;
    for (; count < FIELDS_MAX && fields[count].name != NULL; count++) {
        names[count] = fields[count].name;
    }
    names[count] = NULL;
    return text_nearest(name, names);
}

static void write_member(struct walk *walk, const struct reference *reference, const struct value *value) {
    const struct value *table = &reference->value;
    if (table->kind == VALUE_TABLE) {
        for (size_t i = 0; i < walk->variable_count; i++) {
            struct value *known = &walk->variables[i].value;
            bool is_handle = slice_is(reference->name, "handle") && value->kind == VALUE_FUNCTION;
            if (is_handle && known->kind == VALUE_TABLE && known->place == table->place) {
                known->handle = value->place;
            }
        }
    } else if (table->kind == VALUE_OFFERED && strcmp(table->path, "_G") == 0) {
        if (slice_is_set(reference->name)) {
            walk_note(walk, &walk->writes->globals, walk_key(reference->name));
        } else {
            walk->writes->is_any_global = true;
        }
    } else if (table->kind == VALUE_MODELS) {
        walk->is_event_changed |= walk->pass != WALK_NOTE;
    } else if (table->kind != VALUE_PLAIN && table->kind != VALUE_OFFERED && slice_is_set(reference->name)) {
        walk_note(walk, &walk->writes->members, walk_key(reference->name));
    } else if (walk->pass != WALK_NOTE) {
        walk->is_event_changed |= walk_is_event(table);
        walk->writes->is_any |= table->kind == VALUE_UNKNOWN;
    }
}

static bool is_changing(const struct value *callee) {
    return strcmp(callee->path, "rawset") == 0 || strcmp(callee->path, "setmetatable") == 0 ||
           slice_starts_with(slice_of(callee->path), "table.");
}

static void require_module(struct walk *walk, const struct value *name, size_t count, unsigned line) {
    if (count == 1 && name->kind == VALUE_STRING) {
        walk_tell(walk, INSPECT_REQUIRES, line, "%.*s", SLICE_ARG(name->text));
    } else {
        walk_tell(walk, INSPECT_REQUIRES_ANY, line, "%s", "");
    }
}
