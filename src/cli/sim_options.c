#include "base/text.h"
#include "cli/cli.h"
#include "cli/sim.h"
#include "event/filter.h"
#include "sim/access.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* A row of the help, and an option when it has a name. */
struct row {
    const char *name;
    const char *value;                                      /* how the help calls it; NULL: it takes none */
    int (*read)(struct sim_words *words, const char *text); /* the exit status, or -1 to go on */
    const char *help;                                       /* lines after the first one are given as they stand */
};

static int read_row(struct sim_words *words, const struct row *row);
static int read_listen(struct sim_words *words, const char *text);
static int read_key(struct sim_words *words, const char *text);
static int read_to(struct sim_words *words, const char *text);
static int read_subscription(struct sim_words *words, const char *text);
static int read_batch(struct sim_words *words, const char *text);
static int read_retry_scale(struct sim_words *words, const char *text);
static int read_cloudevents(struct sim_words *words, const char *text);
static int read_filter(struct sim_words *words, const char *text);
static int read_max_attempts(struct sim_words *words, const char *text);
static int read_event_ttl(struct sim_words *words, const char *text);
static int read_dead_letters(struct sim_words *words, const char *text);
static int read_duplicate(struct sim_words *words, const char *text);
static int read_reorder(struct sim_words *words, const char *text);
static int read_drop_answers(struct sim_words *words, const char *text);
static int read_share(const char *option, const char *text, double *share);
static int read_fail(struct sim_words *words, const char *text);
static int read_lose_answers(struct sim_words *words, const char *text);
static int read_latency(struct sim_words *words, const char *text);
static int read_rate_limit(struct sim_words *words, const char *text);
static int read_outage(struct sim_words *words, const char *text);
static int read_bearer(struct sim_words *words, const char *text);
static int read_client(struct sim_words *words, const char *text);
static int read_speed(struct sim_words *words, const char *text);
static int read_seed(struct sim_words *words, const char *text);
static int read_scenario(struct sim_words *words, const char *text);
static int read_fast(struct sim_words *words, const char *text);
static int read_events(struct sim_words *words, const char *text);
static int read_torture(struct sim_words *words, const char *text);
static int read_length(struct sim_words *words, const char *text);
static int read_crashes(struct sim_words *words, const char *text);
static int read_config(struct sim_words *words, const char *text);
static int read_trace(struct sim_words *words, const char *text);
static int read_no_trace(struct sim_words *words, const char *text);
static int print_help(struct sim_words *words, const char *text);

#define PEOPLE "People" /* options before this heading are about those outside: who calls, who gets the events */
#define INDENT "                          "
static const struct row rows[] = {
    {NULL, NULL, NULL, "The REST API"},
    {"listen", "ADDR:PORT", read_listen, "a loopback address; " SIM_ADDRESS " if not given; port 0: a free one"},
    {"key", "BASE64", read_key, "the access key, instead of the development key that everybody knows"},
    {"bearer", "TOKEN", read_bearer, "takes this token instead of a signature, and gives it to who asks for one"},
    {"client", "ID:SECRET", read_client, "gives it only to this client; without it, to any"},
    {NULL, NULL, NULL, "Events"},
    {"to", "URL", read_to, "gets the events, after the handshake; may be given several times"},
    {"subscription", "NAME", read_subscription,
     "the event subscription's name; " SIM_SUBSCRIPTION " if not given"},
    {"cloudevents", NULL, read_cloudevents,
     "as CloudEvents 1.0, with their handshake, instead of Event Grid's schema"},
    {"filter", "FILE", read_filter, "the subscription's filter, as JSON: other events are not delivered"},
    {"batch", "N", read_batch, "events in one delivery at most, 1 to 5000; 10 if not given"},
    {"retry-scale", "X", read_retry_scale,
     "how much of Event Grid's waits between attempts is waited; 0.1 if not given\n" INDENT
     "(the first retry after 1 s instead of 10 s), less with a --speed over 10"},
    {"max-attempts", "N", read_max_attempts, "of a delivery, 1 to 30; 30 if not given"},
    {"event-ttl", "TIME", read_event_ttl,
     "no attempt later than that, 1m to 24h, times the scale; 24h if not given"},
    {"dead-letters", "DIR", read_dead_letters, "keeps what could not be delivered, a JSON file for each event"},
    {NULL, NULL, NULL, "What may go wrong with events"},
    {"duplicate", "P%", read_duplicate, "so many events come twice"},
    {"reorder", "P%", read_reorder, "so many are overtaken by later ones"},
    {"drop-answers", "P%", read_drop_answers, "so many answers count as lost: the delivery is made again"},
    {NULL, NULL, NULL, "What may go wrong with calls"},
    {"fail", "[OP=]STATUS[:P%]", read_fail,
     "so many calls fail with it, and are not done: 503:10%, offers.accept=409;\n" INDENT
     "may be given several times"},
    {"lose-answers", "P%", read_lose_answers, "so many calls are done, and answered 504"},
    {"latency", "TIME[..TIME]", read_latency, "before each answer: 20ms, 20ms..80ms"},
    {"rate-limit", "N/s", read_rate_limit, "or N/m; further calls get 429 with Retry-After"},
    {"outage", "TIME..TIME", read_outage,
     "after the start, by the router's clock: every call gets 503;\n" INDENT "may be given several times"},
    {NULL, NULL, NULL, PEOPLE},
    {"scenario", "FILE", read_scenario,
     "workers and customers from a Lua file; what came of it is printed at the end"},
    {"fast", NULL, read_fast, "the whole scenario as fast as possible, with nobody outside, and then it ends"},
    {"events", "FILE", read_events, "with --fast or --torture: every event into this file, a line of JSON"},
    {NULL, NULL, NULL, "Time and chance"},
    {"speed", "N", read_speed, "the router's clock runs N times as fast as the wall's: offers, schedules"},
    {"seed", "N", read_seed,
     "of ids and of all chance; if not given, a new one each time, and people the scenario's"},
    {NULL, NULL, NULL, "Looking for faults in scripts, instead of serving"},
    {"torture", "SCRIPTS", read_torture,
     "runs the folder's handlers against the router in a time of their own, with\n" INDENT
     "crashes, duplicates and disorder: says what was done twice, and where"},
    {"length", "TIME", read_length, "of the contact centre's time; 1h if not given"},
    {"crashes", "N", read_crashes, "at most; 60 if not given"},
    {"config", "FILE", read_config, "limits, retries, the names of secrets and plugins: switchhook.lua"},
    {NULL, NULL, NULL, "What it prints"},
    {"trace", NULL, read_trace, "one line on stdout for each thing that happens (the default on a terminal)"},
    {"no-trace", NULL, read_no_trace, "none"},
    {"help", NULL, print_help, "this"},
};
enum { LATENCY_MOST_S = 60, OUTAGE_MOST_S = 366 * 24 * 3600 };
enum { ROW_COUNT = sizeof rows / sizeof rows[0], FIRST_LETTER = 256 /* past those of short options */ };

int sim_options_read(int argc, char **argv, struct sim_words *words) {
    struct option options[ROW_COUNT + 1] = {{NULL, 0, NULL, 0}};
    size_t count = 0;
    *words = (struct sim_words){.sim = {.targets = words->targets, .trace_fd = -1, .stop_fd = -1}};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].name != NULL) {
            int takes = rows[i].value == NULL ? no_argument : required_argument;
            options[count++] = (struct option){rows[i].name, takes, NULL, FIRST_LETTER + (int)i};
        }
    }
    int letter;
    while ((letter = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (letter == ':' || letter == '?') {
            return cli_no_option("sim", argv, letter, options);
        }
        int status = letter == 'h' ? print_help(words, NULL) : read_row(words, &rows[letter - FIRST_LETTER]);
        if (status >= 0) {
            return status;
        }
    }
    if (optind < argc) {
        return cli_misuse("sim", "%s: only options are taken; a target is given with --to", argv[optind]);
    }
    if (words->sim.client != NULL && words->sim.token == NULL) {
        return cli_misuse("sim", "--client goes with --bearer TOKEN");
    }
    if (words->torture.scripts == NULL && words->torture.first_option != NULL) {
        return cli_misuse("sim", "--%s goes with --torture SCRIPTS", words->torture.first_option);
    }
    return -1;
}

void sim_words_reset(struct sim_words *words) {
    filter_free(words->filter);
    scenario_free(words->people);
}

static int read_row(struct sim_words *words, const struct row *row) {
    const struct row *other = row;
    while (other > rows && (other->name != NULL || strcmp(other->help, PEOPLE) != 0)) {
        other--;
    }
    if (other == rows) {
        words->outside = row->name;
    }
    return row->read(words, optarg);
}

static int print_help(struct sim_words *words, const char *text) {
    (void)words;
    (void)text;
    printf("usage: switchhook sim [OPTIONS]\n\n"
           "The local Job Router: its REST API (every request signed with the key) and its events, on this "
           "machine and\n"
           "in memory only. SIGTERM and Ctrl-C stop it. docs/simulator.md says what it does.\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (row->name == NULL) {
            printf("\n%s\n", row->help);
            continue;
        }
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", row->name, row->value == NULL ? "" : " ",
                 row->value == NULL ? "" : row->value);
        printf("  %-23s %s\n", left, row->help);
    }
    return CLI_OK;
}

static int read_listen(struct sim_words *words, const char *text) {
    words->sim.listen = text;
    return -1;
}

static int read_key(struct sim_words *words, const char *text) {
    words->sim.key = text;
    return -1;
}

static int read_to(struct sim_words *words, const char *text) {
    if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0) {
        return cli_misuse("sim", "--to %s: the target must be an http or https URL", text);
    }
    if (words->sim.target_count == SIM_TARGETS_MOST) {
        return cli_misuse("sim", "at most %d targets can be given", SIM_TARGETS_MOST);
    }
    words->targets[words->sim.target_count++] = text;
    return -1;
}

static int read_subscription(struct sim_words *words, const char *text) {
    words->sim.subscription = text;
    return -1;
}

static int read_batch(struct sim_words *words, const char *text) {
    uint64_t count = 0;
    if (text_to_uint64(slice_of(text), &count) < 0 || count < 1 || count > SIM_BATCH_MOST) {
        return cli_misuse("sim", "--batch %s: must be a number from 1 to %d", text, SIM_BATCH_MOST);
    }
    words->sim.batch = (size_t)count;
    return -1;
}

static int read_retry_scale(struct sim_words *words, const char *text) {
    if (sim_read_number(text, 1e-9, 1000, &words->sim.retry_scale) < 0) {
        return cli_misuse("sim", "--retry-scale %s: must be a number above 0, 1 for Event Grid's own waits", text);
    }
    return -1;
}

static int read_cloudevents(struct sim_words *words, const char *text) {
    (void)text;
    words->sim.is_cloud = true;
    return -1;
}

static int read_filter(struct sim_words *words, const char *text) {
    struct error error = {0};
    filter_free(words->filter);
    words->filter = sim_read_filter(text, &error);
    words->sim.filter = words->filter;
    return words->filter == NULL ? cli_misuse("sim", "--filter %s: %s", text, error.message) : -1;
}

static int read_max_attempts(struct sim_words *words, const char *text) {
    uint64_t count = 0;
    if (text_to_uint64(slice_of(text), &count) < 0 || count < 1 || count > DELIVERY_ATTEMPTS) {
        return cli_misuse("sim", "--max-attempts %s: must be a number from 1 to %d", text, DELIVERY_ATTEMPTS);
    }
    words->sim.attempts = (unsigned)count;
    return -1;
}

static int read_event_ttl(struct sim_words *words, const char *text) {
    if (sim_read_seconds(text, 60, DELIVERY_LIVE_SECONDS, &words->sim.live_seconds) < 0) {
        return cli_misuse("sim", "--event-ttl %s: must be a time from 1m to 24h", text);
    }
    return -1;
}

static int read_dead_letters(struct sim_words *words, const char *text) {
    words->sim.dead_letters = text;
    return -1;
}

static int read_duplicate(struct sim_words *words, const char *text) {
    return read_share("duplicate", text, &words->sim.chances.duplicate);
}

static int read_reorder(struct sim_words *words, const char *text) {
    return read_share("reorder", text, &words->sim.chances.reorder);
}

static int read_drop_answers(struct sim_words *words, const char *text) {
    return read_share("drop-answers", text, &words->sim.chances.drop_answer);
}

static int read_share(const char *option, const char *text, double *share) {
    if (sim_read_share(text, share) < 0) {
        return cli_misuse("sim", "--%s %s: must be a share from 0%% to 100%%, such as 5%%", option, text);
    }
    return -1;
}

static int read_fail(struct sim_words *words, const char *text) {
    struct fault_options *faults = &words->sim.faults;
    struct error error = {0};
    if (faults->rule_count == FAULT_RULES) {
        return cli_misuse("sim", "at most %d --fail can be given", FAULT_RULES);
    }
    if (sim_read_fault(text, &faults->rules[faults->rule_count], &error) < 0) {
        return cli_misuse("sim", "--fail %s: %s", text, error.message);
    }
    faults->rule_count++;
    return -1;
}

static int read_lose_answers(struct sim_words *words, const char *text) {
    return read_share("lose-answers", text, &words->sim.faults.lose_answer);
}

static int read_latency(struct sim_words *words, const char *text) {
    struct fault_options *faults = &words->sim.faults;
    if (sim_read_span(text, LATENCY_MOST_S, &faults->latency_least, &faults->latency_most) < 0) {
        return cli_misuse("sim", "--latency %s: must be a time up to %ds, or two: 20ms, 20ms..80ms", text,
                          LATENCY_MOST_S);
    }
    return -1;
}

static int read_rate_limit(struct sim_words *words, const char *text) {
    if (sim_read_rate(text, &words->sim.faults.rate, &words->sim.faults.burst) < 0) {
        return cli_misuse("sim", "--rate-limit %s: must be a number of calls, and by what: 50/s, 100/m", text);
    }
    return -1;
}

static int read_outage(struct sim_words *words, const char *text) {
    struct fault_options *faults = &words->sim.faults;
    struct fault_outage *outage = &faults->outages[faults->outage_count];
    if (faults->outage_count == FAULT_OUTAGES) {
        return cli_misuse("sim", "at most %d --outage can be given", FAULT_OUTAGES);
    }
    if (strstr(text, "..") == NULL || sim_read_span(text, OUTAGE_MOST_S, &outage->from, &outage->to) < 0) {
        return cli_misuse("sim", "--outage %s: must be two times after the start: 5m..7m", text);
    }
    faults->outage_count++;
    return -1;
}

static int read_bearer(struct sim_words *words, const char *text) {
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return cli_misuse("sim", "--bearer: a token is of visible ASCII characters, without blanks");
        }
    }
    if (length == 0 || length > ACCESS_TOKEN_LIMIT) {
        return cli_misuse("sim", "--bearer: a token has 1 to %d characters", ACCESS_TOKEN_LIMIT);
    }
    words->sim.token = text;
    return -1;
}

static int read_client(struct sim_words *words, const char *text) {
    const char *colon = strchr(text, ':');
    if (colon == NULL || colon == text || colon[1] == '\0') {
        return cli_misuse("sim", "--client: must be ID:SECRET");
    }
    words->sim.client = text;
    return -1;
}

static int read_speed(struct sim_words *words, const char *text) {
    if (sim_read_number(text, SIM_SPEED_LEAST, SIM_SPEED_MOST, &words->sim.speed) < 0) {
        return cli_misuse("sim", "--speed %s: must be a number from %g to %.0f; 60 makes a minute of each second",
                          text, SIM_SPEED_LEAST, SIM_SPEED_MOST);
    }
    return -1;
}

static int read_seed(struct sim_words *words, const char *text) {
    if (text_to_uint64(slice_of(text), &words->sim.seed) < 0) {
        return cli_misuse("sim", "--seed %s: must be a whole number from 0 on", text);
    }
    words->has_seed = true;
    return -1;
}

static int read_scenario(struct sim_words *words, const char *text) {
    words->scenario = text;
    return -1;
}

static int read_fast(struct sim_words *words, const char *text) {
    (void)text;
    words->is_fast = true;
    return -1;
}

static int read_events(struct sim_words *words, const char *text) {
    words->events = text;
    return -1;
}

static int read_torture(struct sim_words *words, const char *text) {
    return sim_torture_read(&words->torture, "torture", text);
}

static int read_length(struct sim_words *words, const char *text) {
    return sim_torture_read(&words->torture, "length", text);
}

static int read_crashes(struct sim_words *words, const char *text) {
    return sim_torture_read(&words->torture, "crashes", text);
}

static int read_config(struct sim_words *words, const char *text) {
    return sim_torture_read(&words->torture, "config", text);
}

static int read_trace(struct sim_words *words, const char *text) {
    (void)text;
    words->trace = SIM_YES;
    return -1;
}

static int read_no_trace(struct sim_words *words, const char *text) {
    (void)text;
    words->trace = SIM_NO;
    return -1;
}
