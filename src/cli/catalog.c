#include "cli/catalog.h"
#include "base/text.h"
#include "cli/cli.h"
#include "event/event.h"
#include <getopt.h>
#include <stdio.h>

enum { OUT_MAX = 16 * 1024 * 1024 };

struct catalog_options {
    const struct event_type *type;
    bool is_json, is_page;
};

static void print_help(void);
static int read_options(int argc, char **argv, struct catalog_options *options);
static int find_type(const char *name, struct catalog_options *options);
static size_t add_models(const struct event_field *fields, const struct event_model *models[CATALOG_MODELS],
                         size_t count);

static const struct {
    enum event_source source;
    const char *name;
} sources[] = {
    {EVENT_FROM_SCHEMA, "schema"},
    {EVENT_FROM_SAMPLE, "sample"},
    {EVENT_FROM_PAGE, "page"},
    {EVENT_FROM_PREVIEW, "preview"},
};

int cli_catalog(int argc, char **argv) {
    struct catalog_options options = {0};
    int status = read_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    if (options.is_json) {
        catalog_put_json(&out, options.type);
    } else if (options.is_page) {
        catalog_put_page(&out);
    } else if (options.type != NULL) {
        catalog_put_type(&out, options.type);
    } else {
        catalog_put_types(&out);
    }
    bool is_broken = out.is_broken;
    if (!is_broken) {
        (void)fwrite(out.bytes, 1, out.length, stdout);
    }
    buffer_reset(&out);
    return is_broken ? cli_fail("the catalogue could not be put together: no memory") : CLI_OK;
}

static void print_help(void) {
    printf("usage: switchhook catalog [TYPE] [--json | --markdown]\n\n"
           "The types of events that the Job Router sends, and when; or one type's fields, with what each is,\n"
           "whether it may be null, its known values and its other spellings, and a sample event.\n\n"
           "  TYPE        RouterJobQueued, or Microsoft.Communication.RouterJobQueued\n"
           "  --json      all that is known, for programs\n"
           "  --markdown  all types, as docs/events.md has them\n");
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct catalog_options *options) {
    static const struct option names[] = {{"help", no_argument, NULL, 'h'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"markdown", no_argument, NULL, 'm'},
                                          {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, ":h", names, NULL)) != -1;) {
        switch (option) {
        case 'j': options->is_json = true; break;
        case 'm': options->is_page = true; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option("catalog", argv, option, names);
        }
    }
    if (argc - optind > 1) {
        return cli_misuse("catalog", "it takes one TYPE, not %s as well", argv[optind + 1]);
    }
    if (options->is_page && (options->is_json || optind < argc)) {
        return cli_misuse("catalog", "--markdown is the page of all types: it goes with nothing else");
    }
    return optind < argc ? find_type(argv[optind], options) : -1;
}

static int find_type(const char *name, struct catalog_options *options) {
    struct slice short_name = event_short_name(slice_of(name));
    options->type = event_find_type(short_name);
    if (options->type != NULL) {
        return -1;
    }
    struct buffer shown;
    buffer_init(&shown, OUT_MAX);
    cli_put_visible(&shown, name);
    const char *near = text_nearest(short_name, event_type_names);
    int status = near == NULL ? cli_fail("no event has the type %s; `switchhook catalog` lists them", shown.bytes)
                              : cli_fail("no event has the type %s; did you mean %s?", shown.bytes, near);
    buffer_reset(&shown);
    return status;
}

const char *catalog_kind(const struct event_field *field, char *out, size_t size) {
    static const char *const names[] = {
        [EVENT_TEXT] = "text",       [EVENT_INTEGER] = "integer",     [EVENT_NUMBER] = "number",
        [EVENT_BOOLEAN] = "boolean", [EVENT_TIME] = "time",           [EVENT_LIFETIME] = "lifetime",
        [EVENT_MAP] = "map",         [EVENT_PRIMITIVE] = "primitive", [EVENT_TEXTS] = "list of text",
        [EVENT_MODEL] = NULL,        [EVENT_MODELS] = NULL,
    };
    if (field->model == NULL) {
        return names[field->kind];
    }
    (void)snprintf(out, size, "%s%s", field->kind == EVENT_MODELS ? "list of " : "", field->model->name);
    return out;
}

const char *catalog_source(unsigned source) {
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (sources[i].source == source) {
            return sources[i].name;
        }
    }
    return NULL;
}

void catalog_put_sources(struct buffer *out, unsigned mask) {
    const char *separator = "";
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if ((mask & sources[i].source) != 0) {
            buffer_append_format(out, "%s%s", separator, sources[i].name);
            separator = ", ";
        }
    }
}

void catalog_put_values(struct buffer *out, const char *const *values) {
    for (const char *const *value = values; value != NULL && *value != NULL; value++) {
        buffer_append_format(out, "%s%s", value == values ? "" : ", ", *value);
    }
}

void catalog_put_spellings(struct buffer *out, const struct event_alias *aliases, const char *name) {
    const char *separator = "";
    for (const struct event_alias *alias = aliases; alias->other != NULL; alias++) {
        if (strcmp(alias->name, name) == 0) {
            buffer_append_format(out, "%s%s%s", separator, alias->other, alias->is_present ? "" : " (2021)");
            separator = ", ";
        }
    }
}

const char *catalog_lane(const struct event_type *type) {
    return type->lane == EVENT_LANE_JOB ? "the job's (data.jobId)" : "the worker's (data.workerId)";
}

size_t catalog_models(const struct event_field *fields, const struct event_model *models[CATALOG_MODELS]) {
    size_t count = add_models(fields, models, 0);
    for (size_t i = 0; i < count; i++) {
        count = add_models(models[i]->fields, models, count);
    }
    return count;
}

static size_t add_models(const struct event_field *fields, const struct event_model *models[CATALOG_MODELS],
                         size_t count) {
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        size_t i = 0;
        while (i < count && models[i] != field->model) {
            i++;
        }
        if (field->model != NULL && i == count && count < CATALOG_MODELS) {
            models[count++] = field->model;
        }
    }
    return count;
}
