/* Loading plugins, and calling what they have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "plugin/plugin.h"
#include "plugin/private.h"
#include "json/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN(name) TEST_BINARY_DIR "/tests/plugin_" name ".so"
enum { ANSWER_LIMIT = 1 << 20, CALLS_MOST = 64 };

static struct plugins *plugins;
static struct plugin_pool *pool;
static struct loop *loop;
static char folder[] = "/tmp/switchhook-plugin-XXXXXX";

/* What the calls of a test were answered. */
struct asked {
    char answer[4096];
    bool is_error, is_answered;
};
static size_t awaited;

static void on_answered(void *context, const struct plugin_result *result) {
    struct asked *asked = context;
    asked->is_answered = true;
    asked->is_error = result->is_error;
    snprintf(asked->answer, sizeof asked->answer, "%.*s", SLICE_ARG(result->answer));
    if (--awaited == 0) {
        loop_stop(loop);
    }
}

static struct plugin_call *ask(struct asked *asked, const char *operation, const char *arguments) {
    *asked = (struct asked){.is_error = false};
    struct error error = {0};
    struct plugin_call *call = plugin_pool_call(pool,
                                                &(struct plugin_request){.operation = slice_of(operation),
                                                                         .arguments = slice_of(arguments),
                                                                         .step = "17-3",
                                                                         .is_repeated = true,
                                                                         .answered = on_answered,
                                                                         .context = asked},
                                                &error);
    if (call == NULL) {
        fail_msg("%s", error.message);
    }
    awaited++;
    return call;
}

static const char *answer_to(const char *operation, const char *arguments, bool is_error) {
    static struct asked asked;
    ask(&asked, operation, arguments);
    loop_run(loop);
    assert_int_equal(asked.is_error, is_error);
    if (asked.answer[0] != '\0') {
        assert_int_equal(json_check(asked.answer, strlen(asked.answer), NULL), 0);
    }
    return asked.answer;
}

static int setup(void **state) {
    (void)state;
    struct error error = {0};
    plugins = plugins_load((char *[]){PLUGIN("good"), NULL}, false, &error);
    if (plugins == NULL) {
        fail_msg("%s", error.message);
    }
    loop = loop_new(NULL);
    pool = plugin_pool_new(plugins, loop, ANSWER_LIMIT, &error);
    assert_non_null(pool);
    awaited = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    plugin_pool_free(pool);
    plugins_free(plugins);
    loop_free(loop);
    return 0;
}

static char *in_folder(const char *name) {
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static void make_file(const char *path) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fclose(file);
}

static size_t count_lines(const char *path) {
    size_t count = 0;
    FILE *file = fopen(path, "re");
    for (int c; file != NULL && (c = getc(file)) != EOF;) {
        count += c == '\n';
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

static void wait_for_lines(const char *path, size_t count) {
    int64_t until = clock_monotonic_ns() + 30 * CLOCK_NS_PER_S;
    while (count_lines(path) < count) {
        assert_true(clock_monotonic_ns() < until);
        usleep(1000);
    }
}

static void assert_refused(const char *first, const char *second, const char *words) {
    struct error error = {0};
    struct plugins *loaded =
        plugins_load((char *[]){(char *)(uintptr_t)first, (char *)(uintptr_t)second, NULL}, false, &error);
    assert_null(loaded);
    if (strstr(error.message, words) == NULL || strstr(error.message, second == NULL ? first : second) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", error.message, words);
    }
}

static void mistakes_are_named(void **state) {
    (void)state;
    assert_refused("/nowhere/crm.so", NULL, "plugin /nowhere/crm.so: it cannot be loaded: ");
    assert_refused(PLUGIN("no_entry"), NULL, "it exports no switchhook_plugin");
    assert_refused(PLUGIN("version"), NULL,
                   "built with version 99 of switchhook.h, and this host takes version 1");
    assert_refused(PLUGIN("empty"), NULL, "it registers no operation");
    assert_refused(PLUGIN("reserved"), NULL, "it registers router.jobs, but scripts have something else");
    assert_refused(PLUGIN("name"), NULL, "it registers \"crm-lookup\": an operation's name is MODULE.FUNCTION");
    assert_refused(PLUGIN("refuses"), NULL, "it says: the CRM is not there");
    assert_refused(PLUGIN("silent"), NULL, "returned 7 and did not say why");
    assert_refused(PLUGIN("flags"), NULL, "it registers test.echo with flags");
    assert_refused(PLUGIN("good"), PLUGIN("clash"),
                   "it registers test.echo, which " PLUGIN("good") " has registered already");
    assert_refused(PLUGIN("good"), PLUGIN("good"), "it is named twice");
}

static void names_are_known_without_a_call(void **state) {
    (void)state;
    struct error error = {0};
    struct plugins *dry = plugins_load((char *[]){PLUGIN("good"), NULL}, true, &error);
    assert_non_null(dry);
    assert_string_equal(plugins_names(dry)[0], "test.echo");
    assert_true(plugins_has(dry, slice_of("test.nothing")));
    assert_false(plugins_has(dry, slice_of("test.noth")));
    plugins_free(dry);
    assert_null(plugins_load((char *[]){PLUGIN("refuses"), NULL}, true, &error));
    assert_non_null(strstr(error.message, "it says: dry"));
    struct plugins *none = plugins_load(NULL, true, NULL);
    assert_null(plugins_names(none)[0]);
    plugins_free(none);
    assert_null(plugins_names(NULL)[0]);
    plugins_free(NULL);
}

static void names_are_checked(void **state) {
    (void)state;
    static const char *const wrong[] = {"",       "crm",     ".lookup", "crm.",    "crm.a.b", "1crm.a",
                                        "crm.1a", "crm.ü",   "c m.a",   "crm.end", "while.a", "string.x",
                                        "_G.a",   "sleep.a", "json.x",  "secret.a"};
    struct error error = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(plugin_check_name(wrong[i], &error), -1);
    }
    assert_int_equal(plugin_check_name(NULL, &error), -1);
    assert_int_equal(plugin_check_name("crm.lookup", &error), 0);
    assert_int_equal(plugin_check_name("_a1.B_2", &error), 0);
    char longest[2 * PLUGIN_NAME_MAX + 4] = {0};
    memset(longest, 'a', 2 * PLUGIN_NAME_MAX + 1);
    longest[PLUGIN_NAME_MAX] = '.';
    assert_int_equal(plugin_check_name(longest, &error), 0);
    longest[2 * PLUGIN_NAME_MAX + 1] = 'a';
    assert_int_equal(plugin_check_name(longest, &error), -1);
}

static void answers_come_back(void **state) {
    (void)state;
    assert_string_equal(answer_to("test.echo", "{\"a\":[1,{}]}", false), "{\"a\":[1,{}]}");
    assert_string_equal(answer_to("test.echo", "{ \"a\" : null }", false), "{\"a\":null}");
    assert_string_equal(answer_to("test.nothing", "{}", false), "");
    char *path = in_folder("touched");
    char *arguments = NULL;
    assert_true(asprintf(&arguments, "{\"file\":\"%s\"}", path) > 0);
    assert_string_equal(answer_to("test.touch", arguments, false), "{\"step\":\"17-3\",\"repeated\":true}");
    free(arguments);
    unlink(path);
    free(path);
    struct error error = {0};
    struct plugin_request unknown = {.operation = slice_of("test.other"), .answered = on_answered};
    assert_null(plugin_pool_call(pool, &unknown, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void errors_come_back(void **state) {
    (void)state;
    assert_string_equal(
        answer_to("test.fail", "{\"code\":\"NotThere\",\"message\":\"no such phone\",\"retryable\":\"true\"}",
                  true),
        "{\"code\":\"NotThere\",\"message\":\"no such phone\",\"operation\":\"test.fail\",\"retryable\":true,"
        "\"status\":0}");
    assert_string_equal(answer_to("test.fail", "{}", true),
                        "{\"code\":\"Error\",\"message\":\"it failed\",\"operation\":\"test.fail\","
                        "\"retryable\":false,\"status\":0}");
    assert_non_null(strstr(answer_to("test.fail", "{\"code\":\"a\",\"message\":\"\xff\x01\"}", true), "\\\\xff"));
}

static void answers_are_checked(void **state) {
    (void)state;
    const char *answer = answer_to("test.bad", "{}", true);
    assert_non_null(strstr(answer, "\"BadAnswer\""));
    assert_non_null(strstr(answer, "the answer of test.bad (" PLUGIN("good") ") is no JSON: "));
    answer = answer_to("test.large", "{}", true);
    assert_non_null(strstr(answer, "\"AnswerTooLarge\""));
    assert_non_null(strstr(answer, "limits.answer_mib"));
}

static void run_many(const char *operation, struct asked *asked, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ask(&asked[i], operation, "{}");
    }
    loop_run(loop);
}

static void some_go_one_at_a_time(void **state) {
    (void)state;
    static struct asked asked[CALLS_MOST];
    run_many("test.alone", asked, CALLS_MOST);
    for (size_t i = 0; i < CALLS_MOST; i++) {
        assert_string_equal(asked[i].answer, "1");
    }
    run_many("test.count", asked, CALLS_MOST);
    int most = 0;
    for (size_t i = 0; i < CALLS_MOST; i++) {
        most = atoi(asked[i].answer) > most ? atoi(asked[i].answer) : most;
    }
    assert_in_range(most, 2, PLUGIN_THREADS);
}

/* More of them than there are threads, and still others get through. */
static void what_hangs_holds_nobody_up(void **state) {
    (void)state;
    static struct asked hanging[PLUGIN_THREADS], later;
    struct plugin_call *calls[PLUGIN_THREADS];
    char *path = in_folder("go");
    char *begun = in_folder("go.begun");
    char *arguments = NULL;
    assert_true(asprintf(&arguments, "{\"file\":\"%s\"}", path) > 0);
    for (size_t i = 0; i < PLUGIN_THREADS; i++) {
        calls[i] = ask(&hanging[i], "test.wait", arguments);
    }
    wait_for_lines(begun, PLUGIN_THREADS);
    for (size_t i = 0; i < PLUGIN_THREADS; i++) {
        plugin_call_drop(calls[i]);
        awaited--;
    }
    ask(&later, "test.echo", "{}");
    loop_run(loop);
    assert_true(later.is_answered);
    make_file(path);
    for (size_t i = 0; i < PLUGIN_THREADS; i++) {
        assert_false(hanging[i].is_answered);
    }
    plugin_pool_free(pool); /* they come back in time */
    assert_false(plugins->is_held);
    pool = plugin_pool_new(plugins, loop, ANSWER_LIMIT, NULL);
    unlink(path);
    unlink(begun);
    free(arguments);
    free(path);
    free(begun);
}

static void a_pool_leaves_what_never_comes_back(void **state) {
    (void)state;
    static struct asked hanging;
    char *path = in_folder("never");
    char *begun = in_folder("never.begun");
    char *arguments = NULL;
    assert_true(asprintf(&arguments, "{\"file\":\"%s\"}", path) > 0);
    ask(&hanging, "test.wait", arguments);
    wait_for_lines(begun, 1);
    int64_t before = clock_monotonic_ns();
    plugin_pool_free(pool);
    pool = NULL;
    assert_true(clock_monotonic_ns() - before < 20 * CLOCK_NS_PER_S);
    assert_true(plugins->is_held);
    make_file(path); /* so that it ends before this program does; nobody hears of it */
    assert_false(hanging.is_answered);
    unlink(begun);
    free(arguments);
    free(begun);
    free(path);
}

static void too_many_calls_are_refused(void **state) {
    (void)state;
    static struct asked asked;
    struct error error = {0};
    char *path = in_folder("many");
    char *begun = in_folder("many.begun");
    char *arguments = NULL;
    assert_true(asprintf(&arguments, "{\"file\":\"%s\"}", path) > 0);
    struct plugin_request request = {.operation = slice_of("test.wait"),
                                     .arguments = slice_of(arguments),
                                     .answered = on_answered,
                                     .context = &asked};
    size_t taken = 0;
    while (plugin_pool_call(pool, &request, &error) != NULL) {
        taken++;
    }
    assert_int_equal(error.code, ERROR_BUSY);
    assert_in_range(taken, PLUGIN_QUEUE, PLUGIN_QUEUE + PLUGIN_THREADS);
    make_file(path);
    awaited = taken;
    loop_run(loop);
    unlink(path);
    unlink(begun);
    free(arguments);
    free(path);
    free(begun);
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
    (void)state;
    char *never = in_folder("never");
    unlink(never);
    free(never);
    rmdir(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(names_are_known_without_a_call),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test_setup_teardown(answers_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(some_go_one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(what_hangs_holds_nobody_up, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_calls_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pool_leaves_what_never_comes_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
