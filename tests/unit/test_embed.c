/* include/switchhook.h, embedding: from inside one program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <switchhook.h>
#include <time.h>
#include <unistd.h>

#define EVENT_OF(id)                                                                                              \
    "[{\"id\":\"" id "\",\"topic\":\"/t\",\"subject\":\"job/j1\",\"eventType\":"                                  \
    "\"Microsoft.Communication.RouterJobQueued\",\"eventTime\":\"2026-03-01T09:30:00Z\",\"dataVersion\":\"1.0\"," \
    "\"data\":{\"jobId\":\"j1\"}}]"

enum { HAPPENINGS = 32 };

/* What one host told, counted; and the thread that waits for it. */
struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count[HAPPENINGS];
    char handler[64];
};

static char folder[] = "/tmp/switchhook-embed-XXXXXX";
static const char *const worker = TEST_BINARY_DIR "/switchhook-worker";

static void on_note(void *context, const struct switchhook_note *note) {
    struct told *told = context;
    pthread_mutex_lock(&told->lock);
    assert_true((int)note->what > 0 && (int)note->what < HAPPENINGS);
    told->count[note->what]++;
    if (note->what == SWITCHHOOK_DONE) {
        snprintf(told->handler, sizeof told->handler, "%.*s", (int)note->handler.length, note->handler.bytes);
    }
    pthread_cond_broadcast(&told->changed);
    pthread_mutex_unlock(&told->lock);
}

static void wait_for(struct told *told, enum switchhook_happening what, unsigned count) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&told->lock);
    while (told->count[what] < count) {
        assert_int_equal(pthread_cond_timedwait(&told->changed, &told->lock, &until), 0);
    }
    pthread_mutex_unlock(&told->lock);
}

static void write_file(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct switchhook *open_host(const char *file, struct told *told) {
    struct switchhook_error error = {0};
    *told = (struct told){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    const struct switchhook_options options = {
        .note = on_note, .context = told, .worker = worker, .log = SWITCHHOOK_LOG_NONE};
    struct switchhook *host = switchhook_open(in_folder(file), &options, &error);
    if (host == NULL) {
        fail_msg("%s", error.message);
    }
    return host;
}

static void deliver(struct switchhook *host, const char *body, size_t stored, size_t duplicates) {
    struct switchhook_error error = {0};
    struct switchhook_delivery delivery = {9, 9, 9};
    if (switchhook_deliver(host, body, strlen(body), NULL, &delivery, &error) < 0) {
        fail_msg("%d %s", error.status, error.message);
    }
    assert_int_equal(delivery.stored, stored);
    assert_int_equal(delivery.duplicates, duplicates);
    assert_int_equal(delivery.quarantined, 0);
}

static void an_event_is_delivered_and_followed(void **state) {
    (void)state;
    struct told told;
    struct switchhook *host = open_host("a.lua", &told);
    assert_non_null(strstr(switchhook_url(host), "http://127.0.0.1:"));
    assert_non_null(strstr(switchhook_url(host), "/in"));
    assert_true(switchhook_port(host) != 0 && switchhook_admin_port(host) != 0);
    deliver(host, EVENT_OF("e1"), 1, 0); /* before it runs: stored all the same */
    assert_int_equal(switchhook_start(host, NULL), 0);
    wait_for(&told, SWITCHHOOK_READY, 1);
    wait_for(&told, SWITCHHOOK_DONE, 1);
    assert_string_equal(told.handler, "RouterJobQueued.lua");
    deliver(host, EVENT_OF("e1"), 0, 1);
    deliver(host, EVENT_OF("e2"), 1, 0);
    wait_for(&told, SWITCHHOOK_DONE, 2);
    assert_int_equal(told.count[SWITCHHOOK_SAID], 2);
    switchhook_reload(host);
    switchhook_stop(host);
    switchhook_stop(host);
    assert_int_equal(switchhook_wait(host, NULL), 0);
    assert_int_equal(told.count[SWITCHHOOK_STOPPING], 1);
    switchhook_close(host);
}

static void refuse(struct switchhook *host, const char *body, const char *type, int status, const char *words) {
    struct switchhook_error error = {0};
    assert_int_equal(switchhook_deliver(host, body, strlen(body), type, NULL, &error), -1);
    assert_int_equal(error.status, status);
    if (strstr(error.message, words) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", error.message, words);
    }
    assert_int_equal(switchhook_deliver(host, body, strlen(body), type, NULL, NULL), -1);
}

static void bodies_are_judged_as_a_posts(void **state) {
    (void)state;
    struct told told;
    struct switchhook *host = open_host("a.lua", &told);
    struct switchhook_delivery delivery;
    refuse(host, "[{]", NULL, 400, " at byte 2");
    refuse(host, "", NULL, 400, "at byte 0");
    refuse(host, "{\"a\":1}", NULL, 400, "");
    refuse(host, "[\"\xff\"]", NULL, 400, "");
    refuse(host, EVENT_OF("e9"), "text/plain", 415, "the content type is none of");
    char *large = malloc((1 << 20) + 2);
    memset(large, ' ', (1 << 20) + 1);
    large[(1 << 20) + 1] = '\0';
    refuse(host, large, NULL, 413, "limits.body_mib");
    free(large);
    deliver(host, "[]", 0, 0);
    const char *mixed = "[1, {\"id\":\"\"}]";
    assert_int_equal(
        switchhook_deliver(host, mixed, strlen(mixed), "Application/JSON; charset=utf-8", &delivery, NULL), 0);
    assert_int_equal(delivery.quarantined, 2);
    const char *cloud =
        "{\"specversion\":\"1.0\",\"id\":\"c1\",\"type\":\"Microsoft.Communication.RouterJobQueued\","
        "\"source\":\"/s\",\"data\":{\"jobId\":\"j1\"}}";
    assert_int_equal(
        switchhook_deliver(host, cloud, strlen(cloud), "application/cloudevents+json", &delivery, NULL), 0);
    assert_int_equal(delivery.stored, 1);
    switchhook_stop(host);
    assert_int_equal(switchhook_run(host, NULL), 0);
    refuse(host, EVENT_OF("e10"), NULL, 503, "no deliveries are taken");
    switchhook_close(host);
}

static void what_cannot_be_opened_is_said(void **state) {
    (void)state;
    struct switchhook_error error = {0};
    struct switchhook_options options = {.worker = "/nowhere/worker", .log = SWITCHHOOK_LOG_NONE};
    assert_null(switchhook_open(in_folder("a.lua"), &options, &error));
    assert_non_null(strstr(error.message, "the worker /nowhere/worker is not there"));
    options.worker = worker;
    assert_null(switchhook_open(in_folder("none.lua"), &options, &error));
    assert_non_null(strstr(error.message, "none.lua"));
    assert_null(switchhook_open(in_folder("wrong.lua"), &options, &error));
    assert_non_null(strstr(error.message, "plugin /nowhere/crm.so"));
    struct told told;
    struct switchhook *first = open_host("a.lua", &told);
    assert_null(switchhook_open(in_folder("a.lua"), &options, &error)); /* its store is taken */
    assert_null(switchhook_open(in_folder("a.lua"), &options, NULL));
    switchhook_close(first);
    switchhook_close(NULL);
}

static void several_live_side_by_side(void **state) {
    (void)state;
    struct told told[2];
    struct switchhook *hosts[] = {open_host("a.lua", &told[0]), open_host("b.lua", &told[1])};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(switchhook_start(hosts[i], NULL), 0);
        deliver(hosts[i], EVENT_OF("side"), 1, 0);
    }
    for (int i = 0; i < 2; i++) {
        wait_for(&told[i], SWITCHHOOK_DONE, 1);
        switchhook_close(hosts[i]); /* stops it, too */
        assert_int_equal(told[i].count[SWITCHHOOK_STOPPING], 1);
    }
}

static unsigned ends;

static void count_end(int number) {
    (void)number;
    ends++;
}

static void signals_are_the_programs(void **state) {
    (void)state;
    struct sigaction before, mine = {.sa_handler = count_end};
    sigset_t blocked;
    struct told told;
    sigaction(SIGTERM, &mine, &before);
    struct switchhook *host = open_host("a.lua", &told);
    assert_int_equal(switchhook_start(host, NULL), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_false(sigismember(&blocked, SIGTERM) || sigismember(&blocked, SIGHUP) ||
                 sigismember(&blocked, SIGPIPE));
    kill(getpid(), SIGTERM); /* to this thread: the host's block it */
    assert_int_equal(ends, 1);
    wait_for(&told, SWITCHHOOK_READY, 1);
    assert_int_equal(told.count[SWITCHHOOK_STOPPING], 0);
    switchhook_close(host);
    sigaction(SIGTERM, &before, NULL);
}

static int make_folder(void **state) {
    (void)state;
    char command[256];
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(command, sizeof command, "mkdir %s/scripts", folder);
    write_file("a.lua", "listen = \"127.0.0.1:0\" admin = \"127.0.0.1:0\" store = \"a.db\" path = \"/in\"\n"
                        "limits = { body_mib = 1 } workers = 1");
    write_file("b.lua", "listen = \"127.0.0.1:0\" admin = \"127.0.0.1:0\" store = \"b.db\" workers = 1");
    write_file("wrong.lua", "plugins = { \"/nowhere/crm.so\" }");
    if (system(command) != 0) {
        return -1;
    }
    write_file("scripts/RouterJobQueued.lua", "return function(event) log.info \"seen\" end");
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_delivered_and_followed), cmocka_unit_test(bodies_are_judged_as_a_posts),
        cmocka_unit_test(what_cannot_be_opened_is_said),      cmocka_unit_test(several_live_side_by_side),
        cmocka_unit_test(signals_are_the_programs),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
