#include "unit/config_kit.h"

/* The C library's functions that overwrite memory end up here (the second in builds with _FORTIFY_SOURCE): which
 * of the blocks that are wiped held the secret is counted. */
static unsigned wiped;
static const char marker[] = "correct horse battery staple";

void __explicit_bzero_chk(void *bytes, size_t length, size_t size);

void explicit_bzero(void *bytes, size_t length) {
    const void *volatile held = bytes; /* the compiler takes it that this function only writes */
    if (memmem(held, length, marker, sizeof marker - 1) != NULL) {
        wiped++;
    }
    for (volatile char *byte = bytes; length > 0; length--) {
        *byte++ = 0;
    }
}

void __explicit_bzero_chk(void *bytes, size_t length, size_t size) {
    (void)size;
    explicit_bzero(bytes, length);
}

static void has_the_documented_defaults(void **state) {
    struct world *world = *state;
    struct config *config = load(world, "");

    assert_string_equal(config->file, world->file);
    assert_string_equal(config->listen, "127.0.0.1:8080");
    assert_string_equal(config->path, "/events");
    assert_string_equal(config->admin, "127.0.0.1:8090");
    assert_string_equal(config->timezone, "UTC");
    assert_in_folder(world, "", config->scripts, "scripts");
    assert_in_folder(world, "sqlite:", config->store, "switchhook.db");
    assert_null(config->router_connection_string);
    assert_null(config->verify.secrets[0]);
    assert_false(config_has_verification(config));
    assert_string_equal(config->verify.header, "x-switchhook-secret");
    assert_null(config->verify.subscriptions);
    assert_null(config->http.ca);
    assert_int_equal(config->http.timeout_seconds, 10);
    assert_int_equal(config->limits.run_seconds, 30);
    assert_int_equal(config->limits.slice_ms, 1000);
    assert_int_equal(config->limits.run_memory_mib, 64);
    assert_int_equal(config->limits.worker_memory_mib, 512);
    assert_int_equal(config->limits.run_steps, 1000);
    assert_int_equal(config->limits.answer_mib, 4);
    assert_int_equal(config->limits.in_flight, 256);
    assert_int_equal(config->limits.body_mib, 4);
    assert_int_equal(config->limits.drain_seconds, 60);
    assert_int_equal(config->limits.backlog, 1000000);
    assert_in_range(config->workers, 1, 256);
    assert_int_equal(config->retry.attempts, 20);
    assert_true(config->retry.first_seconds == 1 && config->retry.factor == 2 && config->retry.max_seconds == 600);
    assert_true(config->retry.hold);
    assert_null(config->secrets);
    assert_null(config->plugins);
    assert_null(config->http.allow);
    assert_null(config->router_endpoint);
    config_free(config);
}

static void works_without_a_file(void **state) {
    struct world *world = *state;
    struct error error = {0};
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(world->folder), 0);

    struct config *config = config_load(NULL, &error);
    assert_non_null(config);
    assert_null(config->file);
    assert_in_folder(world, "", config->scripts, "scripts");
    config_free(config);

    write_bytes(world->folder, "switchhook.lua", "workers = 7", 11);
    config = config_load(NULL, &error);
    assert_non_null(config);
    assert_string_equal(config->file, world->file);
    assert_int_equal(config->workers, 7);
    config_free(config);
    assert_int_equal(chdir(before), 0);
}

static void reads_every_key(void **state) {
    struct world *world = *state;
    struct config *config =
        load(world, "listen = '[::]:8443'\n"
                    "path = '/hooks/events'\n"
                    "admin = 'localhost:0'\n"
                    "timezone = 'Europe/Berlin'\n"
                    "scripts = './handlers'\n"
                    "store = 'sqlite:/var/lib/switchhook/store.db'\n"
                    "router = { connection_string = 'endpoint=https://a.example/;accesskey=AAAA' }\n"
                    "verify = { secret = { 'one', 'two' }, header = 'X-Key',\n"
                    "           subscriptions = { 'a', 'b' } }\n"
                    "secrets = { CRM = { value = 'crm-token', hosts = { 'crm.example.com' } } }\n"
                    "http = { allow = { '127.0.0.1:9000' }, ca = 'ca.pem', timeout_seconds = 20 }\n"
                    "limits = { run_seconds = 31, slice_ms = 1001, run_memory_mib = 65,\n"
                    "  worker_memory_mib = 513, run_steps = 1002, answer_mib = 5, in_flight = 257,\n"
                    "  body_mib = 6, drain_seconds = 0, backlog = 5000000000 }\n"
                    "workers = 3\n"
                    "retry = { attempts = 21, first_seconds = 0.5, factor = 1.5, max_seconds = 700,\n"
                    "  hold = false }\n"
                    "keep = { done_days = 1, parked_days = 2, unhandled_days = 0.5,\n"
                    "  quarantined_days = 3, duplicate_hours = 48 }\n"
                    "plugins = { 'crm.so' }\n");

    assert_string_equal(config->listen, "[::]:8443");
    assert_string_equal(config->path, "/hooks/events");
    assert_string_equal(config->admin, "localhost:0");
    assert_string_equal(config->timezone, "Europe/Berlin");
    assert_in_folder(world, "", config->scripts, "handlers");
    assert_string_equal(config->store, "sqlite:/var/lib/switchhook/store.db");
    assert_string_equal(config->router_connection_string, "endpoint=https://a.example/;accesskey=AAAA");
    assert_string_equal(config->verify.secrets[0], "one");
    assert_string_equal(config->verify.secrets[1], "two");
    assert_true(config_has_verification(config));
    assert_string_equal(config->verify.header, "X-Key");
    assert_string_equal(config->verify.subscriptions[0], "a");
    assert_string_equal(config->verify.subscriptions[1], "b");
    assert_null(config->verify.subscriptions[2]);
    assert_in_folder(world, "", config->http.ca, "ca.pem");
    assert_int_equal(config->http.timeout_seconds, 20);
    assert_int_equal(config->limits.run_seconds, 31);
    assert_int_equal(config->limits.slice_ms, 1001);
    assert_int_equal(config->limits.run_memory_mib, 65);
    assert_int_equal(config->limits.worker_memory_mib, 513);
    assert_int_equal(config->limits.run_steps, 1002);
    assert_int_equal(config->limits.answer_mib, 5);
    assert_int_equal(config->limits.in_flight, 257);
    assert_int_equal(config->limits.body_mib, 6);
    assert_int_equal(config->limits.drain_seconds, 0);
    assert_int_equal(config->limits.backlog, 5000000000);
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->retry.attempts, 21);
    assert_true(config->retry.first_seconds == 0.5 && config->retry.factor == 1.5);
    assert_true(config->retry.max_seconds == 700);
    assert_false(config->retry.hold);
    assert_true(config->keep.done_days == 1 && config->keep.parked_days == 2 &&
                config->keep.unhandled_days == 0.5);
    assert_string_equal(config->secrets[0].name, "CRM");
    assert_string_equal(config->secrets[0].value, "crm-token");
    assert_string_equal(config->secrets[0].hosts[0], "crm.example.com");
    assert_null(config->secrets[0].hosts[1]);
    assert_null(config->secrets[1].name);
    assert_string_equal(config->http.allow[0], "127.0.0.1:9000");
    assert_null(config->http.allow[1]);
    assert_in_folder(world, "", config->plugins[0], "crm.so");
    assert_null(config->plugins[1]);
    config_free(config);
}

static void reads_the_environment_and_files(void **state) {
    struct world *world = *state;

    write_bytes(world->folder, "secret.txt", "from the file\n\n", 15);
    struct config *config = load(world, "local zone = env('CONFIG_TEST_EMPTY', 'UTC')\n"
                                        "timezone = zone\n"
                                        "router = { connection_string = env 'CONFIG_TEST_SET' }\n"
                                        "path = env('CONFIG_TEST_MISSING', '/from-default')\n"
                                        "verify = { secret = { env.optional 'CONFIG_TEST_MISSING', 'second' } }\n"
                                        "http = { ca = '/' .. path }\n");
    assert_string_equal(config->router_connection_string, "value of the variable");
    assert_string_equal(config->path, "/from-default");
    assert_string_equal(config->verify.secrets[0], "second");
    assert_null(config->verify.secrets[1]);
    config_free(config);

    config = load(world, "verify = { secret = { 'x', env.optional 'CONFIG_TEST_EMPTY' } }");
    assert_string_equal(config->verify.secrets[0], "x");
    assert_null(config->verify.secrets[1]);
    config_free(config);

    config = load(world, "verify = { secret = env.optional 'CONFIG_TEST_MISSING', subscriptions = {} }");
    assert_false(config_has_verification(config));
    assert_null(config->verify.subscriptions);
    config_free(config);

    config = load(world, "router = { connection_string = file 'secret.txt' }");
    assert_string_equal(config->router_connection_string, "from the file\n"); /* one newline is cut */
    config_free(config);
}

static void takes_a_bare_path_and_other_forms_of_text(void **state) {
    struct world *world = *state;
    struct config *config = load(world, "\xEF\xBB\xBF#!/usr/bin/env lua\nstore = 'data/store.db'");

    assert_in_folder(world, "sqlite:", config->store, "data/store.db");
    config_free(config);
    config = load(world, "store = './a:b.db' scripts = '.' workers = 2.0");
    assert_in_folder(world, "sqlite:", config->store, "a:b.db");
    assert_string_equal(config->scripts, world->folder);
    assert_int_equal(config->workers, 2);
    config_free(config);
}

static const struct mistake mistakes[] = {
    {"lisen = 'x'", {"switchhook.lua:1: lisen is no key", "did you mean listen?"}},
    {"workers = 1\n\nLIMITS = {}", {"switchhook.lua:3: LIMITS", "did you mean limits?"}},
    {"limits = { slice = 4 }", {"limits.slice is no key"}},
    {"limits = {\n  run_seconds = 1,\n  slice_mz = 4,\n}",
     {"switchhook.lua:3: limits.slice_mz", "limits.slice_ms?"}},
    {"slice_ms = 5", {"did you mean limits.slice_ms?"}},
    {"zzz = 5", {"zzz is no key", "local"}},
    {"limits = { 5 }", {"limits has an entry without a name"}},
    {"limits = 5", {"limits must be a table of keys, not a number"}},
    {"_ENV[1] = 2", {"switchhook.lua:1: a key of the configuration is a name, not a number"}},
    {"return { workers = 2 }", {"returns a value"}},
    {"workers = = 2", {"switchhook.lua:1: unexpected symbol"}},
    {"workers = 1 + nil", {"switchhook.lua:1: attempt to perform arithmetic"}},
    {"workers = wrkers", {"switchhook.lua:1: there is no 'wrkers' here"}},
    {"keep = { done = 3 }", {"keep.done is no key of the configuration", "keep.done_days"}},
    {"limits = { body = 3 }", {"limits.body is no key of the configuration", "limits.body_mib"}},
    {"verify = { secret = {} }", {"verify.secret lists no secret", "Set one"}},
    {"verify = { secret = { env.optional 'CONFIG_TEST_MISSING' } }", {"verify.secret lists no secret", "Set one"}},
    {"path = os.getenv('HOME')", {"there is no 'os' here", "only env, env.optional and file"}},
    {"path = require 'x'", {"there is no 'require' here"}},
    {"listen = 8080", {"switchhook.lua:1: listen must be a string, not a number"}},
    {"listen = 'nowhere'", {"listen is no address"}},
    {"listen = '127.0.0.1:99999'", {"listen is no address"}},
    {"listen = '0.0.0.0:8080'", {"listen can be reached from other machines", "verify.secret"}},
    {"admin = '0.0.0.0:8090'", {"admin can be reached from other machines", "loopback"}},
    {"admin = 'example.com:8090' verify = { secret = 'x' }", {"admin can be reached"}},
    {"path = 'events'", {"path must start with a slash"}},
    {"path = '/a b'", {"path may hold only visible ASCII"}},
    {"path = '/a?b'", {"path may hold only visible ASCII"}},
    {"scripts = ''", {"scripts is empty"}},
    {"scripts = 'a\\0b'", {"scripts holds a NUL byte"}},
    {"scripts = true", {"scripts must be a string, not a boolean"}},
    {"store = 'postgresql://db/x'", {"'postgresql'", "sqlite:PATH"}},
    {"store = 'sqlite:'", {"store names no file"}},
    {"timezone = 'Europe Berlin'", {"timezone is no time zone that this machine knows"}},
    {"timezone = '../../etc/passwd'", {"timezone is no time zone that this machine knows"}},
    {"timezone = 'Europe/Berlim'", {"timezone is no time zone that this machine knows"}},
    {"tls = { cert = 'cert.pem', key = 'key.pem' }",
     {"switchhook.lua:1: tls is not served by this version", "a proxy that terminates TLS", "verify.secret"}},
    {"tls = false", {"tls is not served by this version"}},
    {"router = { connection_string = {} }", {"router.connection_string must be a string, not a table"}},
    {"verify = { secret = '' }", {"verify.secret is empty"}},
    {"verify = { secret = { 'a', '' } }", {"verify.secret[2] is empty"}},
    {"verify = { secret = { 'a', 'b', 'c' } }", {"verify.secret takes one secret, or a list of one or two"}},
    {"verify = { secret = { x = 'a' } }", {"verify.secret takes one secret"}},
    {"verify = { secret = 'a\\r' }", {"verify.secret holds a line break"}},
    {"verify = { secret = 7 }", {"verify.secret must be a string, not a number"}},
    {"verify = { header = 'x y' }", {"verify.header is no name of an HTTP header"}},
    {"verify = { subscriptions = 'a' }", {"verify.subscriptions must be a list of strings, not a string"}},
    {"verify = { subscriptions = { 'a', 5 } }", {"verify.subscriptions[2] must be a string"}},
    {"verify = { subscriptions = { a = 'x' } }", {"verify.subscriptions must be a list"}},
    {"http = { timeout_seconds = 0 }", {"http.timeout_seconds must be between 1 and 3600, not 0"}},
    {"limits = { slice_ms = '5' }", {"limits.slice_ms must be a number, not a string"}},
    {"limits = { slice_ms = 10.5 }", {"limits.slice_ms must be a whole number, not 10.5"}},
    {"limits = { slice_ms = -1 }", {"limits.slice_ms must be between 10 and 600000, not -1"}},
    {"limits = { backlog = 1e300 }", {"limits.backlog must be a whole number"}},
    {"limits = { backlog = 0/0 }", {"limits.backlog must be a whole number"}},
    {"limits = { answer_mib = 16 }", {"limits.answer_mib must be between 1 and 15"}},
    {"limits = { run_memory_mib = 513 }", {"limits.run_memory_mib must not be larger"}},
    {"workers = 0", {"workers must be between 1 and 256, not 0"}},
    {"workers = 1e18", {"workers must be between 1 and 256"}},
    {"retry = { first_seconds = 0/0 }", {"retry.first_seconds must be between"}},
    {"retry = { first_seconds = 601 }", {"retry.first_seconds must not be larger than retry.max_seconds (600)"}},
    {"retry = { hold = 1 }", {"retry.hold must be true or false, not a number"}},
    {"keep = { done_days = -1 }", {"keep.done_days must be between 0 and"}},
    {"keep = { done_day = 1 }", {"did you mean keep.done_days?"}},
    {"path = env 'CONFIG_TEST_MISSING'", {"switchhook.lua:1:", "CONFIG_TEST_MISSING is not set"}},
    {"\npath = env('CONFIG_TEST_EMPTY')", {"switchhook.lua:2:", "CONFIG_TEST_EMPTY is empty"}},
    {"path = env()", {"bad argument #1 to 'env'"}},
    {"path = file 'nowhere.txt'", {"switchhook.lua:1: cannot read ", "/nowhere.txt: No such file"}},
    {"path = file '.'", {"is not a regular file"}},
    {"path = file 'large.txt'", {"larger than 1 MiB"}},
};

static void says_what_is_wrong_and_where(void **state) {
    struct world *world = *state;
    char *large = calloc(1, (1 << 20) + 1);

    assert_non_null(large);
    write_bytes(world->folder, "large.txt", large, (1 << 20) + 1);
    free(large);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        assert_mistake(world, &mistakes[i]);
    }
}

static void never_tells_a_secret(void **state) {
    struct world *world = *state;
    struct error error;
    static const char *const texts[] = {
        "verify = { secret = 'hunter2\\n' }",
        "verify = { secret = { 'a', 'b', 'hunter2' } }",
        "router = { connection_string = 'hunter2\\0' }",
        "router = 'hunter2'",
        "secrets = { CRM = 'hunter2' }",
        "secrets = { CRM = { value = 'hunter2', hosts = { 'https://a' } } }",
        "router = { endpoint = 'https://a', entra = { client_secret = 'hunter2' } }",
        "verify = { secret = 'hunter2' } workers = 0",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_null(load_bytes(world, texts[i], strlen(texts[i]), &error));
        assert_null(strstr(error.message, "hunter2"));
    }
}

static void wipes_every_copy_of_a_secret(void **state) {
    struct world *world = *state;

    write_bytes(world->folder, "secret.txt", marker, sizeof marker - 1);
    wiped = 0;
    struct config *config = load(world, "local s = file 'secret.txt' verify = { secret = s }\n"
                                        "router = { connection_string = s }\n"
                                        "secrets = { A = { value = s, hosts = { 'a' } } }");
    assert_int_equal(wiped, 2); /* the file's bytes, and Lua's string */
    config_free(config);
    assert_int_equal(wiped, 5);
    config = load(world, "router = { endpoint = 'https://a',\n"
                         "  entra = { tenant = 't', client_id = 'c', client_secret = file 'secret.txt' } }");
    assert_int_equal(wiped, 7);
    config_free(config);
    assert_int_equal(wiped, 8);
}

static void ends_what_would_not_end(void **state) {
    struct world *world = *state;
    struct error error;
    static const struct {
        const char *text, *words;
        enum error_code code;
    } endless[] = {
        {"while true do end", "switchhook.lua:1: the configuration has not ended", ERROR_INVALID},
        {"\n::again:: goto again", "switchhook.lua:2: the configuration has not ended", ERROR_INVALID},
        {"for i = 1, 1e15 do local x = i end", "has not ended", ERROR_INVALID},
        {"local function f() return f() end f()", "has not ended", ERROR_INVALID},
        {"local function f() f() end f()", "more than 16 MiB", ERROR_LIMIT},
        {"local s = 'x' while true do s = s .. s end", "more than 16 MiB", ERROR_LIMIT},
        {"local t = {} for i = 1, 1e15 do t = { t, t, t, t, t, t, t } end", "", ERROR_NONE},
        {"scripts = 'x' for i = 1, 14 do scripts = scripts .. scripts end", "longer than 4096 bytes",
         ERROR_INVALID},
    };

    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
        assert_null(load_bytes(world, endless[i].text, strlen(endless[i].text), &error));
        if (strstr(error.message, endless[i].words) == NULL) {
            fail_msg("%s\nsays: %s", endless[i].text, error.message);
        }
        if (endless[i].code != ERROR_NONE) {
            assert_int_equal(error.code, endless[i].code);
        }
    }
}

static void survives_hostile_text(void **state) {
    struct world *world = *state;
    struct error error;
    char deep[3000];

    assert_null(load_bytes(world, "\x1bLua", 4, &error));
    assert_non_null(strstr(error.message, "only text is read"));
    assert_null(load_bytes(world, "workers\0= 2", 11, &error));
    assert_null(load_bytes(world, "workers = '\x1b[31m' .. {}", 23, &error));
    assert_null(memchr(error.message, '\x1b', strlen(error.message)));
    assert_null(load_bytes(world, "_ENV['\x1b[31m'] = 2", 18, &error));
    assert_null(memchr(error.message, '\x1b', strlen(error.message)));

    static const char escape[] = "path = env '\x1b[31m'";
    assert_null(load_bytes(world, escape, sizeof escape - 1, &error));
    assert_non_null(strstr(error.message, "\\x1b[31m"));

    memcpy(deep, "limits = ", 9);
    memset(deep + 9, '{', 1000);
    memset(deep + 1009, '}', 1000);
    assert_null(load_bytes(world, deep, 2009, &error));
    assert_non_null(strstr(error.message, "switchhook.lua: "));

    static const char cyclic[] = "local t = {} t.limits = t t.slice_ms = t limits = t";
    assert_null(load_bytes(world, cyclic, sizeof cyclic - 1, &error));
    assert_non_null(strstr(error.message, "limits.limits"));
    static const char hidden[] = "_ENV['limits\\0'] = { slice_ms = 10 }";
    assert_null(load_bytes(world, hidden, sizeof hidden - 1, &error));
    static const char many[] = "local t = {} for i = 1, 9000 do t[i] = 'x' end verify = { subscriptions = t }";
    struct config *config = load(world, many);
    assert_string_equal(config->verify.subscriptions[8999], "x");
    config_free(config);
}

static void says_which_file_cannot_be_read(void **state) {
    struct world *world = *state;
    struct error error = {0};

    assert_null(config_load(world->file, &error));
    assert_non_null(strstr(error.message, world->file));
    assert_non_null(strstr(error.message, "No such file"));
    assert_null(config_load(world->folder, &error));
    assert_non_null(strstr(error.message, "not a regular file"));
    assert_null(config_load(world->file, NULL));
    config_free(NULL);
}

static void goes_on_without_variables_where_that_is_allowed(void **state) {
    struct world *world = *state;
    struct error error = {0};
    static const char text[] = "listen = '0.0.0.0:' .. env 'CONFIG_TEST_MISSING'\n"
                               "verify = { secret = { env 'CONFIG_TEST_EMPTY' } }\n"
                               "secrets = { A = { value = env 'CONFIG_TEST_MISSING', hosts = { env 'X_NOT' } } }\n"
                               "limits = { run_steps = 7 }\n"
                               "timezone = env 'CONFIG_TEST_MISSING'\n";
    assert_null(load_bytes(world, text, sizeof text - 1, &error));
    struct config *config = config_load_partly(world->file, &error);
    assert_non_null(config);
    assert_string_equal(config->missing, "CONFIG_TEST_MISSING");
    assert_string_equal(config->listen, "127.0.0.1:8080");
    assert_string_equal(config->timezone, "UTC");
    assert_string_equal(config->secrets[0].name, "A");
    assert_int_equal(config->limits.run_steps, 7);
    config_free(config);

    static const char *const wrong[] = {"admin = '127.0.0.1:' .. env 'CONFIG_TEST_MISSING'",
                                        "scripts = env 'CONFIG_TEST_MISSING'",
                                        "listen = env 'CONFIG_TEST_MISSING' lisen = 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_bytes(world->folder, "switchhook.lua", wrong[i], strlen(wrong[i]));
        assert_null(config_load_partly(world->file, &error));
        assert_non_null(
            strstr(error.message, i < 2 ? "CONFIG_TEST_MISSING, which is not set" : "lisen is no key"));
    }
    write_bytes(world->folder, "switchhook.lua", "listen = '0.0.0.0:1'", 20);
    assert_null(config_load_partly(world->file, &error)); /* nothing is missing */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(has_the_documented_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(works_without_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_every_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_the_environment_and_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_a_bare_path_and_other_forms_of_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_wrong_and_where, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_tells_a_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wipes_every_copy_of_a_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on_without_variables_where_that_is_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_what_would_not_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(survives_hostile_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_which_file_cannot_be_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
