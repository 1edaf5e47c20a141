/* What goes wrong on purpose with calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sim/faults.h"
#include <string.h>

static struct fault_verdict judge(struct faults *faults, const char *method, const char *path, double wall_s,
                                  double passed_s) {
    struct fault_verdict verdict;
    faults_judge(faults,
                 &(struct fault_call){.method = slice_of(method),
                                      .path = slice_of(path),
                                      .now_ns = (int64_t)(wall_s * (double)CLOCK_NS_PER_S),
                                      .passed_us = (int64_t)(passed_s * (double)CLOCK_US_PER_S)},
                 &verdict);
    return verdict;
}

static void without_options_nothing_goes_wrong(void **state) {
    (void)state;
    struct faults faults;
    faults_init(&faults, &(struct fault_options){.rate = 0}, 1);
    for (int i = 0; i < 1000; i++) {
        struct fault_verdict verdict = judge(&faults, "GET", "/routing/jobs/j1", 1, 1);
        assert_true(verdict.status == 0 && !verdict.is_lost && verdict.delay_ns == 0 && verdict.retry_after == 0);
    }
}

static void an_outage_is_from_one_moment_to_another(void **state) {
    (void)state;
    static const struct {
        double at;
        unsigned status;
    } cases[] = {{0, 0}, {299.9, 0}, {300, 503}, {419.9, 503}, {420, 0}, {599, 0}, {600, 503}, {601, 0}};
    struct faults faults;
    faults_init(&faults, &(struct fault_options){.outages = {{300, 420}, {600, 601}}, .outage_count = 2}, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault_verdict verdict = judge(&faults, "GET", "/routing/jobs", 1, cases[i].at);
        assert_int_equal(verdict.status, cases[i].status);
        if (verdict.status != 0) {
            assert_string_equal(verdict.code, "ServiceUnavailable");
        }
    }
}

static void a_rate_lets_a_burst_through_and_then_what_it_says(void **state) {
    (void)state;
    struct faults faults;
    faults_init(&faults, &(struct fault_options){.rate = 2, .burst = 2}, 1);
    assert_int_equal(judge(&faults, "GET", "/", 100, 0).status, 0);
    assert_int_equal(judge(&faults, "GET", "/", 100, 0).status, 0);
    struct fault_verdict verdict = judge(&faults, "GET", "/", 100, 0);
    assert_int_equal(verdict.status, 429);
    assert_int_equal(verdict.retry_after, 1);
    assert_int_equal(judge(&faults, "GET", "/", 100.5, 0).status, 0);
    assert_int_equal(judge(&faults, "GET", "/", 100.6, 0).status, 429);
    assert_int_equal(judge(&faults, "GET", "/", 1000, 0).status, 0); /* no more than a burst is saved up */
    assert_int_equal(judge(&faults, "GET", "/", 1000, 0).status, 0);
    assert_int_equal(judge(&faults, "GET", "/", 1000, 0).status, 429);
    faults_init(&faults, &(struct fault_options){.rate = 1 / 60.0, .burst = 1}, 1);
    assert_int_equal(judge(&faults, "GET", "/", 100, 0).status, 0);
    verdict = judge(&faults, "GET", "/", 110, 0);
    assert_int_equal(verdict.status, 429);
    assert_in_range(verdict.retry_after, 50, 51);
    assert_int_equal(judge(&faults, "GET", "/", 110 + verdict.retry_after, 0).status, 0);
}

static void a_rule_is_for_its_operation(void **state) {
    (void)state;
    const struct router_operation *cancel = router_find(slice_of("router.jobs.cancel"));
    const struct router_operation *get = router_find(slice_of("router.workers.get"));
    assert_non_null(cancel);
    struct faults faults;
    faults_init(&faults, &(struct fault_options){.rules = {{cancel, 409, 1}, {get, 429, 1}}, .rule_count = 2}, 1);
    struct fault_verdict verdict = judge(&faults, "POST", "/routing/jobs/a%2Fb:cancel", 1, 1);
    assert_int_equal(verdict.status, 409);
    assert_string_equal(verdict.code, "Conflict");
    assert_int_equal(judge(&faults, "GET", "/routing/workers/w", 1, 1).retry_after, 1);
    static const char *const others[][2] = {{"GET", "/routing/jobs/j:cancel"},
                                            {"POST", "/routing/jobs/j:close"},
                                            {"POST", "/routing/jobs/j/:cancel"},
                                            {"GET", "/routing/workers"},
                                            {"PATCH", "/routing/workers/w"},
                                            {"POST", ""},
                                            {"POST", "/"},
                                            {"POST", "//:cancel"}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(judge(&faults, others[i][0], others[i][1], 1, 1).status, 0);
    }
}

static void of_two_rules_the_first_decides(void **state) {
    (void)state;
    struct faults faults;
    faults_init(&faults, &(struct fault_options){.rules = {{NULL, 500, 0.5}, {NULL, 503, 1}}, .rule_count = 2}, 1);
    unsigned first = 0, second = 0;
    for (int i = 0; i < 1000; i++) {
        unsigned status = judge(&faults, "GET", "/", 1, 1).status;
        first += status == 500;
        second += status == 503;
    }
    assert_int_equal(first + second, 1000);
    assert_in_range(first, 400, 600);
}

static void chance_comes_from_the_seed(void **state) {
    (void)state;
    const struct fault_options options = {.rules = {{NULL, 503, 0.3}},
                                          .rule_count = 1,
                                          .lose_answer = 0.3,
                                          .latency_least = 0.1,
                                          .latency_most = 0.4};
    struct faults faults[3];
    bool differs = false;
    unsigned lost = 0;
    for (uint64_t i = 0; i < 3; i++) {
        faults_init(&faults[i], &options, i < 2 ? 7 : 8);
    }
    for (int i = 0; i < 200; i++) {
        struct fault_verdict verdict[3];
        for (size_t j = 0; j < 3; j++) {
            verdict[j] = judge(&faults[j], "GET", "/", 1, 1);
        }
        assert_int_equal(verdict[0].status, verdict[1].status);
        assert_true(verdict[0].is_lost == verdict[1].is_lost && verdict[0].delay_ns == verdict[1].delay_ns);
        assert_in_range(verdict[0].delay_ns, CLOCK_NS_PER_S / 10, CLOCK_NS_PER_S * 4 / 10);
        assert_false(verdict[0].is_lost && verdict[0].status != 0); /* what was not done has no answer to lose */
        differs |= verdict[0].status != verdict[2].status;
        lost += verdict[0].is_lost;
    }
    assert_true(differs);
    assert_in_range(lost, 20, 70);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_nothing_goes_wrong),
        cmocka_unit_test(an_outage_is_from_one_moment_to_another),
        cmocka_unit_test(a_rate_lets_a_burst_through_and_then_what_it_says),
        cmocka_unit_test(a_rule_is_for_its_operation),
        cmocka_unit_test(of_two_rules_the_first_decides),
        cmocka_unit_test(chance_comes_from_the_seed),
    };
    return cmocka_run_group_tests_name("sim faults", tests, NULL, NULL);
}
