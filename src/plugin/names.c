#include "plugin/private.h"
#include <ctype.h>
#include <string.h>

/* Of Lua (manual 5.4, 3.1 and 6) and of the host's API. A module of a plugin is a global of every script. */
static const char *const words[] = {"and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
                                    "function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
                                    "repeat",   "return", "then", "true", "until",  "while", NULL};
static const char *const modules[] = {
    "_ENV",           "_G",        "_VERSION", "after",   "all",        "arg",      "assert", "cancel",
    "collectgarbage", "coroutine", "debug",    "dofile",  "error",      "event",    "fail",   "getmetatable",
    "http",           "io",        "ipairs",   "json",    "load",       "loadfile", "log",    "math",
    "next",           "now",       "os",       "package", "pairs",      "pcall",    "print",  "rawequal",
    "rawget",         "rawlen",    "rawset",   "require", "router",     "secret",   "select", "setmetatable",
    "sleep",          "state",     "step",     "string",  "switchhook", "table",    "time",   "tonumber",
    "tostring",       "type",      "utf8",     "uuid",    "warn",       "xpcall",   NULL};

static bool is_name(struct slice text);
static bool is_among(struct slice text, const char *const *names);

int plugin_check_name(const char *name, struct error *error) {
    const char *dot = name == NULL ? NULL : strchr(name, '.');
    struct slice module = dot == NULL ? slice_of("") : slice_make(name, (size_t)(dot - name));
    struct slice function = slice_of(dot == NULL ? "" : dot + 1);
    if (!is_name(module) || !is_name(function)) {
        return error_set(
            error, ERROR_INVALID,
            "it registers \"%.140s\": an operation's name is MODULE.FUNCTION, such as crm.lookup, each "
            "of letters, digits and _, %d at most",
            name == NULL ? "" : name, PLUGIN_NAME_MAX);
    }
    if (is_among(module, words) || is_among(function, words)) {
        return error_set(error, ERROR_INVALID,
                         "it registers %s, which has a word of Lua in it: choose another name", name);
    }
    if (plugin_is_reserved(module)) {
        return error_set(error, ERROR_INVALID,
                         "it registers %s, but scripts have something else under '%.*s': choose another module",
                         name, SLICE_ARG(module));
    }
    return 0;
}

bool plugin_is_reserved(struct slice module) {
    return is_among(module, modules);
}

static bool is_name(struct slice text) {
    if (text.length == 0 || text.length > PLUGIN_NAME_MAX || isdigit((unsigned char)text.bytes[0])) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        if (c > 127 || (!isalnum(c) && c != '_')) {
            return false;
        }
    }
    return true;
}

static bool is_among(struct slice text, const char *const *names) {
    while (*names != NULL && !slice_is(text, *names)) {
        names++;
    }
    return *names != NULL;
}
