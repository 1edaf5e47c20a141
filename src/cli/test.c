/* test: the specs beside the scripts, by busted under the distribution's Lua, with the kit. */
#include "cli/cli.h"
#include "cli/kit_place.h"
#include "plugin/plugin.h"
#include "json/out.h"
#include <errno.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTIONS_MAX = 64 * 1024, OWN_WORDS = 5 };

extern char **environ;

static void print_help(void);
static int read_arguments(int argc, char **argv, const char **file);
static int enter_project(const char *folder, char specs[PATH_MAX]);
static int pass_configuration(const struct config *config, struct error *error);
static void write_names(struct json_out *out, const struct config *config, const struct plugins *plugins);
static int run_specs(const struct cli_kit_place *kit, const char *specs, int count, char **more);

int cli_test(int argc, char **argv) {
    const char *file = NULL;
    struct cli_kit_place kit;
    char specs[PATH_MAX];
    struct error error = {0};
    int status = read_arguments(argc, argv, &file);
    if (status >= 0) {
        return status;
    }
    bool has_folder = optind < argc && strcmp(argv[optind - 1], "--") != 0;
    const char *folder = has_folder ? argv[optind] : NULL;
    if (cli_find_kit(&kit, &error) < 0) {
        return cli_fail("%s", error.message);
    }
    if (file == NULL && folder != NULL && enter_project(folder, specs) < 0) {
        return cli_fail("cannot enter %s: %s", folder, strerror(errno));
    }
    struct config *config = config_load_partly(file, &error);
    if (config == NULL) {
        fprintf(stderr, "switchhook test: going on without the configuration: %s\n", error.message);
    }
    if (config != NULL) {
        cli_tell_missing("test", config);
    }
    if (folder == NULL || file != NULL) {
        folder = folder != NULL ? folder : config != NULL ? config->scripts : "scripts";
        status = enter_project(folder, specs) < 0 ? cli_fail("cannot enter %s: %s", folder, strerror(errno)) : -1;
    }
    if (status < 0 && config != NULL && pass_configuration(config, &error) < 0) {
        status = cli_fail("%s", error.message);
    }
    config_free(config);
    if (status >= 0) {
        return status;
    }
    return run_specs(&kit, specs, argc - optind - has_folder, argv + optind + has_folder);
}

static void print_help(void) {
    printf(
        "usage: switchhook test [-c FILE] [DIR] [-- ARGUMENTS]\n\n"
        "Runs the specs beside the scripts: each *_spec.lua below DIR, by busted under Lua 5.4, where\n"
        "require \"switchhook.kit\" loads the scripts in the host's own sandbox and answers their steps.\n\n"
        "  DIR         a scripts folder, or a project's folder that has a folder `scripts` in it; otherwise the\n"
        "              scripts folder of the configuration. Specs run in the project's folder, so that\n"
        "              kit.load(\"scripts\") finds the scripts\n"
        "  -c FILE     the configuration; otherwise the switchhook.lua of the project's folder, if it is there.\n"
        "              Its time zone, retries, limits, secrets' names and plugins reach the kit\n"
        "  ARGUMENTS   for busted: --filter=PATTERN, --tags=TAGS, -o OUTPUT, ... (`busted --help`)\n\n"
        "Ends with 0 when all specs passed; with 1 when one failed or could not be loaded, or there is none.\n");
}

/* -1: go on at argv[optind]; else the exit status. */
static int read_arguments(int argc, char **argv, const char **file) {
    static const struct option names[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "+:c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': *file = optarg; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option(argv[0], argv, option, names);
        }
    }
    if (optind < argc && argv[optind][0] == '\0') {
        return cli_misuse("test", "the folder's name is empty");
    }
    bool is_behind = optind >= argc || strcmp(argv[optind - 1], "--") == 0;
    if (!is_behind && optind + 1 < argc) {
        if (strcmp(argv[optind + 1], "--") != 0) {
            return cli_misuse("test", "it takes one folder; what is meant for busted stands behind --");
        }
        argv[optind + 1] = argv[optind]; /* the two dashes are done with */
        optind++;
    }
    return -1;
}

/* A project's folder has a folder `scripts`; any other is the scripts folder itself, and the project's is above.
 * Afterwards `specs` is where the specs are, seen from there. -1 with errno. */
static int enter_project(const char *folder, char specs[PATH_MAX]) {
    char whole[PATH_MAX], scripts[PATH_MAX];
    struct stat about;
    if (realpath(folder, whole) == NULL || stat(whole, &about) < 0) {
        return -1;
    }
    if (!S_ISDIR(about.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    bool is_project = snprintf(scripts, sizeof scripts, "%s/scripts", whole) < PATH_MAX &&
                      stat(scripts, &about) == 0 && S_ISDIR(about.st_mode);
    char *slash = strrchr(whole, '/');
    bool has_parent = slash != whole;
    snprintf(specs, PATH_MAX, "%s", is_project || !has_parent ? "." : slash + 1);
    if (!is_project && has_parent) {
        *slash = '\0';
    }
    return chdir(whole);
}

/* For the kit's defaults, as JSON in the environment. */
static int pass_configuration(const struct config *config, struct error *error) {
    struct plugins *plugins = plugins_load(config->plugins, true, error);
    if (plugins == NULL) {
        return -1;
    }
    struct buffer text;
    buffer_init(&text, OPTIONS_MAX);
    struct json_out out = json_out(&text);
    json_out_begin(&out, '{');
    json_out_name(&out, "timezone");
    json_out_text(&out, slice_of(config->timezone));
    json_out_name(&out, "retry");
    json_out_begin(&out, '{');
    json_out_name(&out, "attempts");
    json_out_integer(&out, config->retry.attempts);
    json_out_name(&out, "first_seconds");
    json_out_number(&out, config->retry.first_seconds);
    json_out_name(&out, "factor");
    json_out_number(&out, config->retry.factor);
    json_out_name(&out, "max_seconds");
    json_out_number(&out, config->retry.max_seconds);
    json_out_name(&out, "hold");
    json_out_bool(&out, config->retry.hold);
    json_out_end(&out, '}');
    json_out_name(&out, "limits");
    json_out_begin(&out, '{');
    json_out_name(&out, "run_memory_mib");
    json_out_integer(&out, config->limits.run_memory_mib);
    json_out_name(&out, "worker_memory_mib");
    json_out_integer(&out, config->limits.worker_memory_mib);
    json_out_name(&out, "answer_mib");
    json_out_integer(&out, config->limits.answer_mib);
    json_out_name(&out, "run_steps");
    json_out_integer(&out, config->limits.run_steps);
    json_out_end(&out, '}');
    write_names(&out, config, plugins);
    json_out_end(&out, '}');
    int result = text.is_broken || setenv("SWITCHHOOK_KIT", text.bytes, 1) < 0 ? error_memory(error) : 0;
    buffer_reset(&text);
    plugins_free(plugins);
    return result;
}

static void write_names(struct json_out *out, const struct config *config, const struct plugins *plugins) {
    json_out_name(out, "operations");
    json_out_begin(out, '[');
    for (const char *const *name = plugins_names(plugins); *name != NULL; name++) {
        json_out_text(out, slice_of(*name));
    }
    json_out_end(out, ']');
    json_out_name(out, "secrets");
    json_out_begin(out, '[');
    for (const struct config_secret *secret = config->secrets; secret != NULL && secret->name != NULL; secret++) {
        json_out_text(out, slice_of(secret->name));
    }
    json_out_end(out, ']');
}

static int run_specs(const struct cli_kit_place *kit, const char *specs, int count, char **more) {
    char file[PATH_MAX + 32];
    snprintf(file, sizeof file, "%s/switchhook/kit/run.lua", kit->lua);
    const char *own[OWN_WORDS] = {"lua5.4", file, kit->lua, kit->module, specs};
    char **words = calloc((size_t)count + OWN_WORDS + 1, sizeof *words);
    if (words == NULL) {
        return cli_fail("not enough memory");
    }
    memcpy(words, own, sizeof own);
    memcpy(words + OWN_WORDS, more, (size_t)count * sizeof *words);
    pid_t child;
    int problem = posix_spawnp(&child, words[0], NULL, NULL, words, environ);
    free(words);
    if (problem == ENOENT) {
        return cli_fail("lua5.4 is missing: install the packages lua5.4 and lua-busted");
    } else if (problem != 0) {
        return cli_fail("cannot start lua5.4: %s", strerror(problem));
    }
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return cli_fail("cannot wait for lua5.4: %s", strerror(errno));
        }
    }
    if (WIFSIGNALED(status)) {
        return cli_fail("the specs were ended by signal %d", WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? CLI_OK : CLI_FAILED;
}
