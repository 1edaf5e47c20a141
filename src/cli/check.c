#include "cli/check.h"
#include "base/text.h"
#include "cli/cli.h"
#include "crypto/crypto.h"
#include "plugin/plugin.h"
#include "router/router.h"
#include "json/out.h"
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 * 1024 * 1024, WORDS_MAX = 4096 };

static void print_help(void);
static int check_access(const struct config *config, const char *place, struct error *error);
static int check(const char *folder, const struct config *config, bool is_json);
static int refuse(const char *place, const struct error *error, bool is_json);
static char *visible(struct slice text);
static void sort(struct check_report *report);
static int find_all(struct check_report *report, const char *folder, const struct script_set *scripts,
                    const struct plugins *plugins, const struct config *config, struct error *error);
static int compare(const void *a, const void *b);
static void print_lines(const struct check_report *report, const char *folder, size_t files, struct buffer *out);
static void print_json(const struct check_report *report, const char *folder, size_t files, struct buffer *out);
static char *path_of(const char *folder, const char *path);
static size_t count_errors(const struct check_report *report);
static void append_count(struct buffer *out, size_t count, const char *what);

int cli_check(int argc, char **argv) {
    struct cli_options options = {0};
    int status = cli_read_options(argc, argv, print_help, &options);
    if (status >= 0) {
        return status;
    }
    if (argc - optind > 1) {
        return cli_misuse("check", "it takes one folder, not also %s", argv[optind + 1]);
    }
    struct error error = {0};
    const char *place = options.file != NULL ? options.file : "switchhook.lua";
    struct config *config = config_load_partly(options.file, &error);
    if (config == NULL) {
        return refuse(place, &error, options.is_json);
    }
    cli_tell_missing("check", config);
    status = check_access(config, place, &error) < 0
                 ? refuse(place, &error, options.is_json)
                 : check(optind < argc ? argv[optind] : config->scripts, config, options.is_json);
    config_free(config);
    return status;
}

static void print_help(void) {
    printf("usage: switchhook check [-c FILE] [--json] [DIR]\n\n"
           "Loads the scripts of DIR (default: those of the configuration) as the host would, without running a "
           "handler,\n"
           "and says what is wrong with them, by file and line.\n\n"
           "Errors are what the host would refuse. Warnings are what it takes and what is likely a mistake: files "
           "that\n"
           "no event runs, fields that the event does not have, names that no script has, modules that nobody\n"
           "requires.\n\n"
           "Exit status: 0 without errors, also with warnings; 1 with errors.\n\n"
           "  -c FILE   the configuration: its scripts and its limits\n"
           "  --json    the findings as JSON\n");
}

/* What the configuration does not look into, and the host refuses as it starts. */
static int check_access(const struct config *config, const char *place, struct error *error) {
    struct router_access access;
    if (config->router_connection_string == NULL) {
        return 0;
    }
    if (router_access_init(&access, config->router_connection_string, error) < 0) {
        return error_prefix(error, "%s: router.connection_string", place);
    }
    router_access_reset(&access);
    return 0;
}

static int check(const char *folder, const struct config *config, bool is_json) {
    struct check_report report = {.count = 0};
    struct error error = {0};
    struct script_set *scripts = NULL;
    struct plugins *plugins = NULL;
    struct buffer out;
    int status = CLI_FAILED;
    buffer_init(&out, OUTPUT_MAX);
    if (crypto_start(&error) < 0 || (scripts = scripts_read(folder, &error)) == NULL ||
        (plugins = plugins_load(config->plugins, true, &error)) == NULL ||
        find_all(&report, folder, scripts, plugins, config, &error) < 0) {
        (void)refuse(folder, &error, is_json);
        goto out;
    }
    sort(&report);
    (is_json ? print_json : print_lines)(&report, folder, scripts->count, &out);
    if (report.is_broken || out.is_broken) {
        cli_fail("not all findings can be shown: there is not enough memory");
        goto out;
    }
    (void)fwrite(out.bytes, 1, out.length, stdout); /* main looks whether it got out */
    status = count_errors(&report) > 0 ? CLI_FAILED : CLI_OK;
out:
    buffer_reset(&out);
    plugins_free(plugins);
    scripts_free(scripts);
    check_report_reset(&report);
    return status;
}

/* Nothing could be looked at: that is the one finding. */
static int refuse(const char *place, const struct error *error, bool is_json) {
    struct check_report report = {.count = 0};
    struct buffer out;
    if (!is_json) {
        return cli_fail("%s", error->message);
    }
    buffer_init(&out, OUTPUT_MAX);
    check_add(&report, true, "", 0, "%s", error->message);
    print_json(&report, place, 0, &out);
    if (out.is_broken || report.is_broken) {
        (void)cli_fail("%s", error->message);
    } else {
        (void)fwrite(out.bytes, 1, out.length, stdout);
    }
    buffer_reset(&out);
    check_report_reset(&report);
    return CLI_FAILED;
}

static int find_all(struct check_report *report, const char *folder, const struct script_set *scripts,
                    const struct plugins *plugins, const struct config *config, struct error *error) {
    size_t count = 0;
    while (config->secrets != NULL && config->secrets[count].name != NULL) {
        count++;
    }
    const char **secrets = calloc(count + 1, sizeof *secrets);
    if (secrets == NULL) {
        return error_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        secrets[i] = config->secrets[i].name;
    }
    struct check_offers offers = {.operations = plugins_names(plugins), .secrets = secrets};
    int result = check_load(report, scripts, config, &offers, error);
    if (result == 0) {
        result = check_texts(report, scripts, &offers, error);
    }
    if (result == 0) {
        result = check_folder(report, folder, scripts, error);
    }
    free(secrets);
    return result;
}

void check_add(struct check_report *report, bool is_error, const char *path, unsigned line, const char *format,
               ...) {
    struct check_finding finding = {.line = line, .is_error = is_error};
    struct buffer words;
    va_list arguments;
    buffer_init(&words, WORDS_MAX);
    va_start(arguments, format);
    (void)buffer_append_format_v(&words, format, arguments);
    va_end(arguments);
    finding.words = visible(buffer_slice(&words));
    finding.path = visible(slice_of(path));
    buffer_reset(&words);
    if ((report->count & (report->count - 1)) == 0) { /* full at each power of two */
        size_t capacity = report->count == 0 ? 1 : report->count * 2;
        struct check_finding *findings = realloc(report->findings, capacity * sizeof *findings);
        report->is_broken |= findings == NULL;
        report->findings = findings == NULL ? report->findings : findings;
    }
    report->is_broken |= finding.words == NULL || finding.path == NULL;
    if (report->is_broken) {
        free(finding.words);
        free(finding.path);
        return;
    }
    report->findings[report->count++] = finding;
}

void check_report_reset(struct check_report *report) {
    for (size_t i = 0; i < report->count; i++) {
        free(report->findings[i].path);
        free(report->findings[i].words);
    }
    free(report->findings);
}

/* For a terminal, and for JSON. The caller frees it; NULL without memory. */
static char *visible(struct slice text) {
    struct buffer shown;
    buffer_init(&shown, 4 * WORDS_MAX);
    (void)buffer_append_text(&shown, "");
    if (text_append_visible(&shown, text) < 0) {
        buffer_reset(&shown);
    }
    return buffer_take(&shown);
}

/* By file and line, each once. */
static void sort(struct check_report *report) {
    size_t kept = 0;
    if (report->count > 0) {
        qsort(report->findings, report->count, sizeof *report->findings, compare);
    }
    for (size_t i = 0; i < report->count; i++) {
        if (kept > 0 && compare(&report->findings[kept - 1], &report->findings[i]) == 0) {
            free(report->findings[i].path);
            free(report->findings[i].words);
        } else {
            report->findings[kept++] = report->findings[i];
        }
    }
    report->count = kept;
}

static int compare(const void *a, const void *b) {
    const struct check_finding *left = a;
    const struct check_finding *right = b;
    int order = strcmp(left->path, right->path);
    if (order == 0 && left->line != right->line) {
        order = left->line < right->line ? -1 : 1;
    }
    return order != 0 ? order : strcmp(left->words, right->words);
}

static void print_lines(const struct check_report *report, const char *folder, size_t files, struct buffer *out) {
    bool has_colour = isatty(STDOUT_FILENO);
    for (size_t i = 0; i < report->count; i++) {
        const struct check_finding *finding = &report->findings[i];
        const char *colour = finding->is_error ? "\x1b[31m" : "\x1b[33m";
        char *path = path_of(folder, finding->path);
        out->is_broken |= path == NULL;
        (void)text_append_visible(out, slice_of(path));
        if (finding->line > 0) {
            (void)buffer_append_format(out, ":%u", finding->line);
        }
        (void)buffer_append_format(out, ": %s%s%s: ", has_colour ? colour : "",
                                   finding->is_error ? "error" : "warning", has_colour ? "\x1b[0m" : "");
        (void)buffer_append_text(out, finding->words);
        (void)buffer_append_char(out, '\n');
        free(path);
    }
    size_t errors = count_errors(report);
    append_count(out, errors, "error");
    (void)buffer_append_text(out, ", ");
    append_count(out, report->count - errors, "warning");
    (void)buffer_append_text(out, " in ");
    append_count(out, files, "file");
    (void)buffer_append_char(out, '\n');
}

static void print_json(const struct check_report *report, const char *folder, size_t files, struct buffer *out) {
    struct json_out json = json_out(out);
    size_t errors = count_errors(report);
    json_out_begin(&json, '{');
    json_out_name(&json, "errors");
    json_out_integer(&json, (int64_t)errors);
    json_out_name(&json, "warnings");
    json_out_integer(&json, (int64_t)(report->count - errors));
    json_out_name(&json, "files");
    json_out_integer(&json, (int64_t)files);
    json_out_name(&json, "findings");
    json_out_begin(&json, '[');
    for (size_t i = 0; i < report->count; i++) {
        const struct check_finding *finding = &report->findings[i];
        char *path = path_of(folder, finding->path);
        json_out_begin(&json, '{');
        json_out_name(&json, "file");
        json_out_text(&json, slice_of(path));
        if (finding->line > 0) {
            json_out_name(&json, "line");
            json_out_integer(&json, finding->line);
        }
        json_out_name(&json, "severity");
        json_out_text(&json, slice_of(finding->is_error ? "error" : "warning"));
        json_out_name(&json, "message");
        json_out_text(&json, slice_of(finding->words));
        json_out_end(&json, '}');
        free(path);
    }
    json_out_end(&json, ']');
    json_out_end(&json, '}');
    (void)buffer_append_char(out, '\n');
}

/* As one would type it here; NULL without memory. */
static char *path_of(const char *folder, const char *path) {
    char *whole;
    char here[PATH_MAX];
    struct slice name = slice_of(folder);
    if (getcwd(here, sizeof here) != NULL && slice_starts_with(name, here) && folder[strlen(here)] == '/') {
        name = slice_of(folder + strlen(here) + 1);
    }
    while (name.length > 1 && name.bytes[name.length - 1] == '/') {
        name.length--;
    }
    const char *between = path[0] == '\0' || slice_is(name, "/") ? "" : "/";
    return asprintf(&whole, "%.*s%s%s", SLICE_ARG(name), between, path) < 0 ? NULL : whole;
}

static size_t count_errors(const struct check_report *report) {
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++) {
        count += report->findings[i].is_error;
    }
    return count;
}

static void append_count(struct buffer *out, size_t count, const char *what) {
    (void)buffer_append_format(out, "%zu %s%s", count, what, count == 1 ? "" : "s");
}
