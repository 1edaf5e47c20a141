#include "base/text.h"
#include "cli/cli.h"
#include "event/catalogue.h"
#include "event/event.h"
#include "store/store.h"
#include "json/tree.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_LENGTH = 8 * 1024, COLUMNS = 6, WIDTH_MAX = 48, LIMIT_MAX = 1000 };

struct events_options {
    const char *file, *type;
    struct buffer query; /* of the path */
    bool has_filter, is_json;
};

static void print_help(void);
static int read_options(int argc, char **argv, struct events_options *options);
static bool is_state(const char *text);
static bool is_number(const char *text, uint64_t most);
static void add_filter(struct events_options *options, const char *name, const char *value);
static int show_one(int argc, char **argv, const struct events_options *options);
static int list(const struct events_options *options);
static void tell_nearest_type(const char *type);
static int print_table(const struct config *config, const struct cli_call *call);
static void fill_row(const struct json *event, struct buffer cells[COLUMNS]);
static size_t width_of(const struct buffer *cell);

int cli_events(int argc, char **argv) {
    struct events_options options = {0};
    buffer_init(&options.query, PATH_MAX_LENGTH);
    buffer_append_text(&options.query, "/api/events");
    int status = read_options(argc, argv, &options);
    if (status < 0 && optind < argc) {
        status = show_one(argc, argv, &options);
    } else if (status < 0 && options.query.is_broken) {
        status = cli_misuse("events", "these names are too long");
    } else if (status < 0) {
        status = list(&options);
    }
    buffer_reset(&options.query);
    return status;
}

static void print_help(void) {
    printf("usage: switchhook events [-c FILE] [--job ID] [--type T] [--state S] [--limit N] [--before SEQ]\n"
           "                         [--json]\n"
           "       switchhook events show SEQ [-c FILE] [--json]\n\n"
           "The recorded events, newest first. `show` tells what became of one: its runs, their steps with the\n"
           "answers, and what went wrong.\n\n"
           "  --job ID     of this job\n"
           "  --type T     of this type: RouterJobQueued, or in full\n"
           "  --state S    queued, running, waiting, done, parked, unhandled or quarantined\n"
           "  --limit N    at most so many: 100 unless told, up to 1000\n"
           "  --before SEQ older than this one: the next page\n"
           "  --json       as the admin port answers it\n"
           "  -c FILE      the host's configuration\n");
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct events_options *options) {
    static const struct option names[] = {
        {"help", no_argument, NULL, 'h'},         {"json", no_argument, NULL, 'J'},
        {"job", required_argument, NULL, 'j'},    {"type", required_argument, NULL, 't'},
        {"state", required_argument, NULL, 's'},  {"limit", required_argument, NULL, 'l'},
        {"before", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': options->file = optarg; break;
        case 'j': add_filter(options, "job", optarg); break;
        case 't':
            options->type = optarg;
            add_filter(options, "type", optarg);
            break;
        case 's':
            if (!is_state(optarg)) {
                return cli_misuse(
                    "events",
                    "--state %s: must be one of queued, running, waiting, done, parked, unhandled, quarantined",
                    optarg);
            }
            add_filter(options, "state", optarg);
            break;
        case 'l':
            if (!is_number(optarg, LIMIT_MAX)) {
                return cli_misuse("events", "--limit %s: must be a number from 1 to %d", optarg, LIMIT_MAX);
            }
            add_filter(options, "limit", optarg);
            break;
        case 'b':
            if (!is_number(optarg, INT64_MAX)) {
                return cli_misuse("events", "--before %s: must be the number of an event", optarg);
            }
            add_filter(options, "before", optarg);
            break;
        case 'J': options->is_json = true; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option("events", argv, option, names);
        }
    }
    return -1;
}

static bool is_state(const char *text) {
    for (size_t i = 0; i < STORE_STATES; i++) {
        if (strcmp(text, store_state_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_number(const char *text, uint64_t most) {
    uint64_t number = 0;
    return text_to_uint64(slice_of(text), &number) == 0 && number >= 1 && number <= most;
}

static void add_filter(struct events_options *options, const char *name, const char *value) {
    buffer_append_format(&options->query, "%c%s=", options->has_filter ? '&' : '?', name);
    text_append_percent(&options->query, slice_of(value));
    options->has_filter = true;
}

static int show_one(int argc, char **argv, const struct events_options *options) {
    uint64_t seq = 0;
    if (strcmp(argv[optind], "show") != 0) {
        return cli_misuse("events", "it takes no %s", argv[optind]);
    }
    if (argc - optind != 2 || text_to_uint64(slice_of(argv[optind + 1]), &seq) < 0 || options->has_filter) {
        return cli_misuse("events", "show takes the number of one event, and nothing else");
    }
    struct config *config = cli_config_partly(options->file);
    int status = config == NULL ? CLI_FAILED : cli_show(config, seq, options->is_json);
    config_free(config);
    return status;
}

static int list(const struct events_options *options) {
    struct config *config = cli_config_partly(options->file);
    if (config == NULL) {
        return CLI_FAILED;
    }
    if (options->type != NULL) {
        tell_nearest_type(options->type);
    }
    struct cli_call call = {.path = options->query.bytes};
    int status = options->is_json ? cli_print_answer(config, &call) : print_table(config, &call);
    config_free(config);
    return status;
}

/* No mistake for sure: it may be another source's type. */
static void tell_nearest_type(const char *type) {
    struct slice name = event_short_name(slice_of(type));
    const char *nearest = event_find_type(name) != NULL ? NULL : text_nearest(name, event_type_names);
    if (nearest != NULL) {
        fprintf(stderr, "switchhook events: no event of the Job Router has the name %.*s; did you mean %s?\n",
                SLICE_ARG(name), nearest);
    }
}

/* Two walks: the columns are as wide as what is in them. */
static int print_table(const struct config *config, const struct cli_call *call) {
    static const char *const heads[COLUMNS] = {"SEQ", "RECEIVED", "STATE", "TYPE", "OF", "ID"};
    struct error error = {0};
    struct json *answer = cli_ask_json(config, call, &error);
    if (answer == NULL) {
        return cli_fail("%s", error.message);
    }
    const struct json *events = json_get(answer, "events");
    struct buffer cells[COLUMNS];
    size_t widths[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        buffer_init(&cells[i], PATH_MAX_LENGTH);
        widths[i] = strlen(heads[i]);
    }
    for (const struct json *event = json_first(events); event != NULL; event = json_next(event)) {
        fill_row(event, cells);
        for (size_t i = 0; i < COLUMNS; i++) {
            size_t width = width_of(&cells[i]);
            widths[i] = width > widths[i] && width <= WIDTH_MAX ? width : widths[i];
        }
    }
    for (size_t i = 0; i < COLUMNS && json_count(events) > 0; i++) {
        printf("%-*s%s", i + 1 < COLUMNS ? (int)widths[i] + 2 : 0, heads[i], i + 1 < COLUMNS ? "" : "\n");
    }
    for (const struct json *event = json_first(events); event != NULL; event = json_next(event)) {
        fill_row(event, cells);
        for (size_t i = 0; i < COLUMNS; i++) {
            size_t width = width_of(&cells[i]);
            int blanks = i + 1 < COLUMNS ? 2 + (int)(width < widths[i] ? widths[i] - width : 0) : 0;
            printf("%s%*s%s", cells[i].bytes, blanks, "", i + 1 < COLUMNS ? "" : "\n");
        }
    }
    double next = json_get_double(answer, "next", 0);
    if (json_count(events) == 0) {
        fprintf(stderr, "no events\n");
    } else if (next > 0) {
        fprintf(stderr, "there may be older ones: --before %.0f\n", next);
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        buffer_reset(&cells[i]);
    }
    json_free(answer);
    return CLI_OK;
}

static void fill_row(const struct json *event, struct buffer cells[COLUMNS]) {
    static const char *const owners[] = {"jobId", "workerId", "subject"};
    const char *owner = NULL;
    for (size_t i = 0; i < 3 && (owner == NULL || owner[0] == '\0'); i++) {
        owner = json_get_string(event, owners[i]);
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        buffer_clear(&cells[i]);
    }
    const char *type = json_get_string(event, "type");
    buffer_append_format(&cells[0], "%.0f", json_get_double(event, "seq", 0));
    cli_put_visible(&cells[1], json_get_string(event, "receivedAt"));
    cli_put_visible(&cells[2], json_get_string(event, "state"));
    cli_put_visible(&cells[3], type == NULL ? NULL : event_short_name(slice_of(type)).bytes);
    cli_put_visible(&cells[4], owner);
    cli_put_visible(&cells[5], json_get_string(event, "id"));
    for (size_t i = 0; i < COLUMNS; i++) {
        if (cells[i].is_broken) {
            buffer_clear(&cells[i]);
            buffer_append_text(&cells[i], "(too long)");
        }
    }
}

/* In characters, not bytes. */
static size_t width_of(const struct buffer *cell) {
    size_t width = 0;
    for (size_t i = 0; i < cell->length; i++) {
        width += ((unsigned char)cell->bytes[i] & 0xc0) != 0x80;
    }
    return width;
}
