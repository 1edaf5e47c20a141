/* new: a commented handler, its spec, and what an editor needs to know both. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/kit_place.h"
#include "event/catalogue.h"
#include "event/event.h"
#include "json/json.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 256 * 1024, NAME_WIDTH = 32 };

struct new {
    const struct event_type *type;
    const char *folder; /* of the scripts */
    const char *file;
};

static void print_help(void);
static int read_options(int argc, char **argv, struct new *new);
static int find_type(struct new *new, const char *name);
static int make(const struct new *new);
static int write_all(const struct new *new, const char *folder);
static int make_folder(const char *folder);
static int write_new(const char *folder, const char *name, const char *ending, const struct buffer *text,
                     bool may_exist);
static void put_handler(struct buffer *out, const struct event_type *type);
static void put_spec(struct buffer *out, const struct event_type *type, const char *folder);
static int put_editor(struct buffer *out);
static void put_parent(struct buffer *out, const char *folder);
static const char *last_part(const char *folder);

int cli_new(int argc, char **argv) {
    struct new new = {.type = NULL};
    int status = read_options(argc, argv, &new);
    return status < 0 ? make(&new) : status;
}

static void print_help(void) {
    printf(
        "usage: switchhook new TYPE [DIR] [-c FILE]\n\n"
        "Writes a commented handler for events of the type, TYPE.lua, and its spec, TYPE_spec.lua, into the\n"
        "scripts folder DIR (without it, the configuration's), and beside that folder a .luarc.json that tells\n"
        "the Lua language server where the API and the events are described. Nothing that is there is changed.\n"
        "A running host takes the handler up at once: it only writes to the log.\n\n"
        "  -c FILE   the configuration\n\n"
        "`switchhook catalog` lists the types.\n");
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct new *new) {
    static const struct option names[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': new->file = optarg; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option("new", argv, option, names);
        }
    }
    if (argc - optind < 1 || argc - optind > 2) {
        return cli_misuse("new", "it takes a TYPE and, if you like, the scripts folder");
    }
    new->folder = argv[optind + 1];
    return find_type(new, argv[optind]);
}

static int find_type(struct new *new, const char *name) {
    struct slice short_name = event_short_name(slice_of(name));
    if (slice_ends_with(short_name, ".lua")) {
        short_name.length -= strlen(".lua");
    }
    new->type = event_find_type(short_name);
    if (new->type != NULL) {
        return -1;
    }
    const char *near = text_nearest(short_name, event_type_names);
    return cli_fail("no event has the type %s%s%s%s", name,
                    near == NULL ? "; `switchhook catalog` lists them" : "; did you mean ",
                    near == NULL ? "" : near, near == NULL ? "" : "?");
}

static int make(const struct new *new) {
    if (new->folder != NULL) {
        return write_all(new, new->folder);
    }
    struct config *config = cli_config_partly(new->file);
    int status = config == NULL ? CLI_FAILED : write_all(new, config->scripts);
    config_free(config);
    return status;
}

static int write_all(const struct new *new, const char *folder) {
    struct buffer handler, spec, editor, parent;
    int status = CLI_FAILED;
    buffer_init(&handler, TEXT_MAX);
    buffer_init(&spec, TEXT_MAX);
    buffer_init(&editor, TEXT_MAX);
    buffer_init(&parent, TEXT_MAX);
    put_handler(&handler, new->type);
    put_spec(&spec, new->type, last_part(folder));
    put_parent(&parent, folder);
    if (handler.is_broken || spec.is_broken || parent.is_broken) {
        cli_fail("no memory");
        goto out;
    }
    if (make_folder(folder) != 0 || put_editor(&editor) != 0 ||
        write_new(folder, new->type->name, ".lua", &handler, false) != 0 ||
        write_new(folder, new->type->name, "_spec.lua", &spec, false) != 0 ||
        write_new(parent.bytes, ".luarc", ".json", &editor, true) != 0) {
        goto out;
    }
    printf("\nSee what it does with `switchhook try %s/%s.lua`, and run its spec with `switchhook test %s`.\n",
           folder, new->type->name, folder);
    status = CLI_OK;
out:
    buffer_reset(&handler);
    buffer_reset(&spec);
    buffer_reset(&editor);
    buffer_reset(&parent);
    return status;
}

static int make_folder(const char *folder) {
    if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
        return cli_fail("cannot make the folder %s: %s", folder, strerror(errno));
    }
    return CLI_OK;
}

static int write_new(const char *folder, const char *name, const char *ending, const struct buffer *text,
                     bool may_exist) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s%s", folder, name, ending) >= (int)sizeof path) {
        return cli_fail("the path of %s is too long", folder);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        if (may_exist) {
            printf("left     %s: it is there already\n", path);
            return CLI_OK;
        }
        return cli_fail("%s is there already, and was not changed", path);
    }
    if (fd < 0) {
        return cli_fail("cannot write %s: %s", path, strerror(errno));
    }
    ssize_t written = write(fd, text->bytes, text->length);
    int reason = written < 0 ? errno : ENOSPC;
    if (close(fd) < 0 || written != (ssize_t)text->length) {
        (void)unlink(path);
        return cli_fail("cannot write %s: %s", path, strerror(reason));
    }
    printf("written  %s\n", path);
    return CLI_OK;
}

static void put_handler(struct buffer *out, const struct event_type *type) {
    bool is_jobs = type->lane == EVENT_LANE_JOB;
    buffer_append_format(out,
                         "-- %s: %s.\n--\n"
                         "-- event.data has (`switchhook catalog %s` says more):\n",
                         type->name, type->words, type->name);
    for (const struct event_field *field = type->fields; field->name != NULL; field++) {
        buffer_append_format(out, "--   %-*s%s%s\n", NAME_WIDTH, field->name, field->words,
                             field->is_nullable ? " (may be nil)" : "");
    }
    buffer_append_format(
        out,
        "--\n"
        "-- A call that fails raises; what you do not catch makes the host try the event again, where\n"
        "-- that has a point.\n\n"
        "---@param event %sEvent\n"
        "local function handle(event)\n"
        "  local data = event.data\n"
        "  log.info(\"%s\", { %s = data.%s })\n"
        "end\n\n"
        "return handle\n",
        type->name, type->name, is_jobs ? "job" : "worker", is_jobs ? "jobId" : "workerId");
}

static void put_spec(struct buffer *out, const struct event_type *type, const char *folder) {
    buffer_append_format(
        out,
        "-- `switchhook test` runs this.\n"
        "local kit = require \"switchhook.kit\"\n\n"
        "describe(\"%s\", function()\n"
        "  it(\"takes the type's sample, and asks nothing of the Job Router yet\", function()\n"
        "    local host = kit.load(\"%s\")\n"
        "    local run = host:deliver(\"%s\")\n"
        "    assert.equal(\"done\", run.state)\n"
        "    assert.same({}, run.steps)\n"
        "  end)\n\n"
        "  it(\"takes an event of your own\", function()\n"
        "    local host = kit.load(\"%s\")\n"
        "    local run = host:deliver(\"%s\", { %s = \"my-%s\" })\n"
        "    assert.equal(\"done\", run.state)\n"
        "    assert.equal(\"my-%s\", run.log[1].fields.%s)\n"
        "  end)\n"
        "end)\n",
        type->name, folder, type->name, folder, type->name, type->lane == EVENT_LANE_JOB ? "jobId" : "workerId",
        type->lane == EVENT_LANE_JOB ? "job" : "worker", type->lane == EVENT_LANE_JOB ? "job" : "worker",
        type->lane == EVENT_LANE_JOB ? "job" : "worker");
}

/* LuaLS reads it from the folder that an editor has open. */
static int put_editor(struct buffer *out) {
    struct cli_kit_place place;
    struct error error = {0};
    if (cli_find_kit(&place, &error) < 0) {
        return cli_fail("%s", error.message);
    }
    char *folder = realpath(place.lua, NULL);
    buffer_append_text(out, "{\n  \"runtime.version\": \"Lua 5.4\",\n  \"workspace.library\": [");
    json_append_string(out, slice_of(folder == NULL ? place.lua : folder));
    buffer_append_text(out,
                       "],\n  \"workspace.checkThirdParty\": false,\n"
                       "  \"runtime.builtin\": { \"coroutine\": \"disable\", \"debug\": \"disable\", "
                       "\"io\": \"disable\", \"package\": \"disable\" },\n"
                       "  \"diagnostics.globals\": [\"describe\", \"it\", \"before_each\", \"after_each\"]\n}\n");
    free(folder);
    return out->is_broken ? cli_fail("no memory") : CLI_OK;
}

/* The project's folder, which holds the scripts'. */
static void put_parent(struct buffer *out, const char *folder) {
    const char *slash = strrchr(folder, '/');
    bool is_plain = slash == NULL ? strcmp(folder, ".") != 0 && strcmp(folder, "..") != 0 : slash[1] != '\0';
    if (!is_plain) {
        buffer_append_format(out, "%s/..", folder);
    } else if (slash == NULL) {
        buffer_append_text(out, ".");
    } else {
        buffer_append_format(out, "%.*s", slash == folder ? 1 : (int)(slash - folder), folder);
    }
}

/* kit.load takes the folder's own name: specs run in the folder that holds it. */
static const char *last_part(const char *folder) {
    const char *slash = strrchr(folder, '/');
    return slash == NULL || slash[1] == '\0' ? folder : slash + 1;
}
