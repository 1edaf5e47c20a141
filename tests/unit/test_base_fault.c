/* Fault points: the one that is named fails at the count that is named; in builds without them none does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/log.h"
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SWITCHHOOK_FAULTS

enum { THREADS = 4, PASSES = 1000 };

static atomic_int failures;

static void the_third_time_fails_and_no_other(void **state) {
    (void)state;
    for (int i = 1; i <= 6; i++) {
        assert_int_equal(fault_point("test.once"), i == 3);
        assert_int_equal(fault_point("test.on"), i >= 2);
        assert_false(fault_point("test.onc"));
        assert_false(fault_point("test"));
    }
}

static void what_is_not_understood_is_skipped(void **state) {
    (void)state;
    assert_false(fault_point("test.zero"));
    assert_false(fault_point("test.bad"));
    assert_false(fault_point(""));
    assert_true(fault_point("test.last"));
}

static void the_process_is_killed(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        fault_point("test.kill");
        fault_point("test.kill");
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void *pass(void *unused) {
    (void)unused;
    for (int i = 0; i < PASSES; i++) {
        atomic_fetch_add(&failures, fault_point("test.threads") ? 1 : 0);
    }
    return NULL;
}

static void threads_share_the_count(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, pass, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&failures), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_third_time_fails_and_no_other),
        cmocka_unit_test(what_is_not_understood_is_skipped),
        cmocka_unit_test(the_process_is_killed),
        cmocka_unit_test(threads_share_the_count),
    };
    setenv(
        "SWITCHHOOK_FAULT",
        "test.once:3:fail,test.on:2:fail*,test.zero:0:fail,test.bad:1:explode,,:1:fail,test.bad,test.bad:x:fail,"
        "test.kill:2:kill,test.threads:3999:fail,test.last:1:fail",
        1);
    log_setup(LOG_ERROR, -1, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void nothing_ever_fails(void **state) {
    (void)state;
    assert_false(fault_point("test.last"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_ever_fails)};
    setenv("SWITCHHOOK_FAULT", "test.last:1:fail*", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
