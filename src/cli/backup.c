#include "cli/cli.h"
#include "json/json.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BODY_MAX = 8 * PATH_MAX };

static void print_help(void);
static int back_up(const struct config *config, const char *file, bool is_json);
static int put_path(struct buffer *path, const char *file);

int cli_backup(int argc, char **argv) {
    struct cli_options options = {0};
    int status = cli_read_options(argc, argv, print_help, &options);
    if (status >= 0) {
        return status;
    }
    if (argc - optind != 1 || argv[optind][0] == '\0') {
        return cli_misuse("backup", "it takes the name of one file, which is made");
    }
    struct config *config = cli_config_partly(options.file);
    status = config == NULL ? CLI_FAILED : back_up(config, argv[optind], options.is_json);
    config_free(config);
    return status;
}

static void print_help(void) {
    printf(
        "usage: switchhook backup [-c FILE] [--json] COPY\n\n"
        "Writes a copy of the running host's store, as it is at one moment, while the host works. COPY must not\n"
        "be there yet; the host writes it. It is a whole store: put it where the configuration names one, and\n"
        "start.\n\n"
        "  -c FILE   the host's configuration\n"
        "  --json    as the admin port answers it\n");
}

static int back_up(const struct config *config, const char *file, bool is_json) {
    struct buffer path, body, answer;
    struct error error = {0};
    buffer_init(&path, PATH_MAX);
    buffer_init(&body, BODY_MAX);
    buffer_init(&answer, BODY_MAX);
    int status = CLI_FAILED;
    if (put_path(&path, file) < 0) {
        cli_fail("cannot tell where %s is: %s", file, strerror(errno));
        goto out;
    }
    buffer_append_text(&body, "{\"file\":");
    json_append_string(&body, buffer_slice(&path));
    buffer_append_char(&body, '}');
    if (body.is_broken) {
        cli_fail("the name of the file is no UTF-8, or too long");
        goto out;
    }
    const struct cli_call call = {
        .method = "POST", .path = "/api/backup", .body = buffer_slice(&body), .takes_its_time = true};
    if (cli_ask(config, &call, &answer, &error) < 0) {
        cli_fail("%s", error.message);
        goto out;
    }
    printf("%s\n", is_json ? answer.bytes : path.bytes);
    status = CLI_OK;
out:
    buffer_reset(&path);
    buffer_reset(&body);
    buffer_reset(&answer);
    return status;
}

/* From this folder, not from the host's. */
static int put_path(struct buffer *path, const char *file) {
    char folder[PATH_MAX];
    if (file[0] != '/') {
        if (getcwd(folder, sizeof folder) == NULL) {
            return -1;
        }
        buffer_append_format(path, "%s/", folder);
    }
    errno = ENAMETOOLONG;
    return buffer_append_text(path, file);
}
