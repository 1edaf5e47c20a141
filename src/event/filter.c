#include "event/filter.h"
#include "event/condition.h"
#include "event/event.h"
#include "json/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILTER_TYPES = 256 };

enum { TYPES, BEGINS, ENDS, CASE, ARRAYS, CONDITIONS, MEMBERS };

static int compile(struct filter *filter, const struct slice *members, struct error *error);
static int take_types(struct filter *filter, struct slice json, struct error *error);
static int take_conditions(struct filter *filter, struct slice json, struct error *error);
static void add_watches(struct filter *filter);
static void add_spellings(struct filter *filter, size_t condition);
static void add_watch(struct filter *filter, size_t condition, const char *other);

struct filter *filter_new(struct slice json, struct error *error) {
    static const char *const names[] = {"includedEventTypes",
                                        "subjectBeginsWith",
                                        "subjectEndsWith",
                                        "isSubjectCaseSensitive",
                                        "enableAdvancedFilteringOnArrays",
                                        "advancedFilters",
                                        NULL};
    struct slice members[MEMBERS] = {{0}};
    if (filter_collect(json, names, members, "filter", error) < 0) {
        return NULL;
    }
    struct filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL) {
        error_memory(error);
        return NULL;
    }
    if (compile(filter, members, error) < 0) {
        filter_free(filter);
        return NULL;
    }
    return filter;
}

void filter_free(struct filter *filter) {
    if (filter == NULL) {
        return;
    }
    for (size_t i = 0; i < filter->count; i++) {
        condition_reset(&filter->conditions[i]);
    }
    for (size_t i = 0; i < filter->type_count; i++) {
        pattern_reset(&filter->types[i]);
    }
    free(filter->types);
    pattern_reset(&filter->subject_begins);
    pattern_reset(&filter->subject_ends);
    free(filter);
}

/* "All" stands for all. */
bool filter_includes(const struct filter *filter, struct slice type) {
    struct slice short_name = event_short_name(type);
    for (size_t i = 0; i < filter->type_count; i++) {
        if (pattern_equals(&filter->types[i], type) || pattern_equals(&filter->types[i], short_name) ||
            pattern_equals(&filter->types[i], slice_of("all"))) {
            return true;
        }
    }
    return filter->type_count == 0;
}

bool watch_is_named(const struct filter *filter, const struct watch *watch, size_t segment, struct slice name) {
    const struct condition *condition = &filter->conditions[watch->condition];
    if (segment == 1 && watch->other != NULL) {
        return slice_is(name, watch->other);
    }
    if (segment == 0 && !condition->is_in_grid) {
        return slice_equal_ignoring_case(name, condition->segments[0]);
    }
    return slice_equal(name, condition->segments[segment]);
}

const char *spelling_field(const struct event_type *type, struct slice name) {
    for (const struct event_alias *alias = type->aliases; alias->other != NULL; alias++) {
        if (slice_is(name, alias->name) || (alias->is_present && slice_is(name, alias->other))) {
            return alias->name;
        }
    }
    return NULL;
}

static int compile(struct filter *filter, const struct slice *members, struct error *error) {
    if (filter_take_boolean(members[CASE], &filter->is_subject_case_sensitive, "filter.isSubjectCaseSensitive",
                            error) < 0 ||
        filter_take_boolean(members[ARRAYS], &filter->looks_into_arrays, "filter.enableAdvancedFilteringOnArrays",
                            error) < 0 ||
        take_types(filter, members[TYPES], error) < 0) {
        return -1;
    }
    bool ignores_case = !filter->is_subject_case_sensitive;
    if (slice_is_set(members[BEGINS]) && filter_take_text(members[BEGINS], ignores_case, &filter->subject_begins,
                                                          "filter.subjectBeginsWith", error) < 0) {
        return -1;
    }
    if (slice_is_set(members[ENDS]) && filter_take_text(members[ENDS], ignores_case, &filter->subject_ends,
                                                        "filter.subjectEndsWith", error) < 0) {
        return -1;
    }
    if (take_conditions(filter, members[CONDITIONS], error) < 0) {
        return -1;
    }
    add_watches(filter);
    return 0;
}

static int take_types(struct filter *filter, struct slice json, struct error *error) {
    struct slice elements[FILTER_TYPES];
    long count =
        slice_is_set(json) ? filter_list(json, elements, FILTER_TYPES, "filter.includedEventTypes", error) : 0;
    if (count <= 0) {
        return (int)count;
    }
    filter->types = calloc((size_t)count, sizeof *filter->types);
    if (filter->types == NULL) {
        return error_memory(error);
    }
    for (long i = 0; i < count; i++) {
        char where[64];
        (void)snprintf(where, sizeof where, "filter.includedEventTypes[%ld]", i + 1);
        if (filter_take_text(elements[i], true, &filter->types[i], where, error) < 0) {
            return -1;
        }
        filter->type_count++;
    }
    return 0;
}

static int take_conditions(struct filter *filter, struct slice json, struct error *error) {
    struct slice elements[FILTER_CONDITIONS];
    long count =
        slice_is_set(json) ? filter_list(json, elements, FILTER_CONDITIONS, "filter.advancedFilters", error) : 0;
    for (long i = 0; i < count; i++) {
        char where[64];
        (void)snprintf(where, sizeof where, "filter.advancedFilters[%ld]", i + 1);
        if (condition_init(&filter->conditions[i], elements[i], &filter->values, where, error) < 0) {
            return -1;
        }
        filter->count++;
    }
    return count < 0 ? -1 : 0;
}

static void add_watches(struct filter *filter) {
    for (size_t i = 0; i < filter->count; i++) {
        filter->watches[filter->watch_count++] = (struct watch){.condition = i};
    }
    for (size_t i = 0; i < filter->count; i++) {
        const struct condition *condition = &filter->conditions[i];
        if (condition->depth > 1 && slice_is(condition->segments[0], "data")) {
            add_spellings(filter, i);
        }
    }
}

/* Which type the event will have is not known here: the spellings that any type has of the member are watched. */
static void add_spellings(struct filter *filter, size_t condition) {
    struct slice name = filter->conditions[condition].segments[1];
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        const char *field = spelling_field(type, name);
        if (field != NULL && !slice_is(name, field)) {
            add_watch(filter, condition, field);
        }
        for (const struct event_alias *alias = type->aliases; alias->other != NULL; alias++) {
            if (field != NULL && strcmp(alias->name, field) == 0 && !slice_is(name, alias->other)) {
                add_watch(filter, condition, alias->other);
            }
        }
    }
}

static void add_watch(struct filter *filter, size_t condition, const char *other) {
    bool is_known = filter->watch_count == FILTER_WATCHES;
    for (size_t i = filter->count; i < filter->watch_count && !is_known; i++) {
        is_known = filter->watches[i].condition == condition && strcmp(filter->watches[i].other, other) == 0;
    }
    if (!is_known) {
        filter->watches[filter->watch_count++] = (struct watch){condition, other};
    }
}
