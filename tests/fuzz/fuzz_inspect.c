/* Any bytes as a script: reading them comes to an end, says nothing of a text that it cannot follow, and the same
 * of the same text. What it says has a line of the text. */
#include "base/buffer.h"
#include "fuzz/require.h"
#include "inspect/inspect.h"
#include <string.h>

static const char *const names[] = {"ipairs",          "json",         "json.null", "log",          "log.info",
                                    "pairs",           "rawset",       "require",   "router",       "router.jobs",
                                    "router.jobs.get", "setmetatable", "table",     "table.insert", NULL};

static size_t line_count;

static void on_finding(void *context, const struct inspect_finding *finding) {
    REQUIRE(finding->line >= 1 && finding->line <= line_count);
    REQUIRE(finding->words[0] != '\0' || finding->kind != INSPECT_WARNING);
    REQUIRE(buffer_append_format(context, "%u %d %s\n", finding->line, (int)finding->kind, finding->words) == 0);
}

static void look(struct slice text, struct inspect_options *options, struct buffer *found) {
    size_t before = found->length;
    options->context = found;
    if (inspect_script(text, options) < 0) {
        REQUIRE(found->length == before);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct slice text = slice_make((const char *)bytes, length);
    struct inspect_writes *modules = inspect_writes_new();
    REQUIRE(modules != NULL);
    line_count = 1;
    for (size_t i = 0; i < length; i++) {
        line_count += bytes[i] == '\n';
    }
    struct buffer once, twice;
    buffer_init(&once, 1 << 20);
    buffer_init(&twice, 1 << 20);
    struct inspect_options options = {.is_handler = true, .names = names, .found = on_finding};
    options.type = length % 3 == 0 ? NULL : &event_types[length % 24];
    look(text, &options, &once);
    look(text, &options, &twice);
    REQUIRE(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    (void)inspect_collect(modules, text);
    options.modules = modules;
    options.is_handler = length % 2 == 0;
    look(text, &options, &twice);
    REQUIRE(inspect_find_name(text, "filter") <= line_count);
    inspect_writes_free(modules);
    buffer_reset(&once);
    buffer_reset(&twice);
    return 0;
}
