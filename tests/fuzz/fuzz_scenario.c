/* Any bytes as a scenario: reading them comes to an end, and to the same end each time. What can be read is what
 * the header says, and a first minute of it can be lived through. */
#include "crypto/crypto.h"
#include "fuzz/require.h"
#include "sim/fast.h"
#include <string.h>

static void check_spans(const struct scenario_spans *spans) {
    for (size_t i = 0; i < spans->count; i++) {
        const struct scenario_span *span = &spans->list[i];
        REQUIRE(span->from_s >= 0 && span->from_s < span->to_s && span->to_s <= SCENARIO_DAY_S);
        REQUIRE(i == 0 || spans->list[i - 1].to_s < span->from_s);
    }
}

static void check_time(const struct scenario_time *time) {
    REQUIRE(time->a >= 0 && time->b >= 0);
    REQUIRE(time->spread != SCENARIO_BETWEEN || time->a <= time->b);
}

static size_t check_workers(const struct scenario_workers *workers) {
    REQUIRE(workers->count > 0 && workers->body[0] == '{' && strlen(workers->body) > 2);
    REQUIRE(workers->accept >= 0 && workers->decline >= 0 && workers->accept + workers->decline < 1.1);
    check_time(&workers->talk);
    check_spans(&workers->shifts);
    check_spans(&workers->breaks);
    return workers->count;
}

static double check_customers(const struct scenario_customers *customers) {
    double most = 0;
    REQUIRE(customers->name[0] != '\0' && customers->body[0] == '{' && strlen(customers->body) > 2);
    for (size_t hour = 0; hour < 24; hour++) {
        REQUIRE(customers->per_hour[hour] >= 0);
        most = customers->per_hour[hour] > most ? customers->per_hour[hour] : most;
    }
    for (size_t i = 0; i < customers->label_count; i++) {
        REQUIRE(customers->labels[i].count > 0);
    }
    return most;
}

/* A refusal of the router is an end, too. */
static void live(const struct scenario *scenario, double customers, size_t workers) {
    struct scenario minute = *scenario;
    struct error error = {0};
    struct buffer report;
    if (customers > 5000 || workers > 100) {
        return;
    }
    minute.length_us = minute.length_us < 60000000 ? minute.length_us : 60000000;
    buffer_init(&report, 1 << 16);
    struct sim_fast_options options = {.scenario = &minute, .seed = scenario->seed, .trace_fd = -1};
    REQUIRE(sim_fast(&options, &report, &error) == 0 || error.code == ERROR_INVALID);
    buffer_reset(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct error once = {0}, twice = {0};
    REQUIRE(crypto_start(NULL) == 0);
    struct scenario *scenario = scenario_read((const char *)bytes, length, "f.lua", &once);
    struct scenario *again = scenario_read((const char *)bytes, length, "f.lua", &twice);
    REQUIRE((scenario == NULL) == (again == NULL));
    REQUIRE(scenario != NULL || once.message[0] != '\0');
    REQUIRE(strcmp(once.message, twice.message) == 0);
    scenario_free(again);
    if (scenario == NULL) {
        return 0;
    }
    double customers = 0;
    size_t workers = 0;
    for (size_t i = 0; i < scenario->worker_count; i++) {
        workers += check_workers(&scenario->workers[i]);
    }
    for (size_t i = 0; i < scenario->customer_count; i++) {
        customers += check_customers(&scenario->customers[i]);
    }
    live(scenario, customers, workers);
    scenario_free(scenario);
    return 0;
}
