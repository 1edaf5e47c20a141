#include "admin/room.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "event/event.h"
#include "json/out.h"
#include <stdlib.h>

/* What is long is left out of an answer that has so much already: the rest is for what is said of each step. */
enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, RUNNING_MAX = 65536, FULL = ADMIN_ANSWER_MAX / 2 };

/* One answer being written. */
struct page {
    struct json_out out;
    struct store_reader *reader;
    struct error *error;
    struct host *host;
    const struct store_query *query;
    size_t count;
    uint64_t last_seq;
    bool is_full; /* the page ends before its limit */
};

static int read_query(struct httpd_request *request, struct store_query *query);
static int state_of(struct slice name);
static int put_record_object(void *context, const struct store_record *record);
static int put_running(struct page *page, struct error *error);
static int compare_newest_first(const void *a, const void *b);
static void put_record(struct page *page, const struct store_record *record);
static int put_run(void *context, const struct store_run *run);
static int put_step(void *context, const struct store_step *step);
static size_t put_large(struct json_out *out, const char *name, struct slice raw);

void admin_events(struct admin *admin, struct httpd_request *request) {
    struct store_query query;
    if (read_query(request, &query) < 0) {
        return;
    }
    struct buffer body;
    struct error error = {0};
    buffer_init(&body, ADMIN_ANSWER_MAX);
    struct page page = {
        .out = json_out(&body), .reader = admin->reader, .host = admin->options.host, .query = &query};
    json_out_begin(&page.out, '{');
    json_out_name(&page.out, "events");
    json_out_begin(&page.out, '[');
    pthread_mutex_lock(&admin->reading);
    int failed = query.state == STORE_RUNNING
                     ? put_running(&page, &error)
                     : store_each_event(admin->reader, &query, put_record_object, &page, &error);
    pthread_mutex_unlock(&admin->reading);
    json_out_end(&page.out, ']');
    json_out_name(&page.out, "next");
    if (page.count == query.limit || page.is_full) {
        json_out_integer(&page.out, (int64_t)page.last_seq);
    } else {
        json_out_null(&page.out);
    }
    json_out_end(&page.out, '}');
    if (failed < 0) {
        httpd_answer_error(request, 503, "StoreFailed", "%s", error.message);
        buffer_reset(&body);
        return;
    }
    admin_answer(request, NULL, &body);
}

void admin_event(struct admin *admin, struct httpd_request *request, struct slice text) {
    uint64_t seq = 0;
    if (text_to_uint64(text, &seq) < 0) {
        httpd_answer_error(request, 400, "BadNumber", "an event is named by its number, as in /api/events/17");
        return;
    }
    struct buffer body;
    struct error error = {0};
    buffer_init(&body, ADMIN_ANSWER_MAX);
    struct page page = {
        .out = json_out(&body), .reader = admin->reader, .host = admin->options.host, .error = &error};
    struct store_record record;
    pthread_mutex_lock(&admin->reading);
    int failed = store_read_event(admin->reader, seq, &record, &error);
    if (failed == 0) {
        json_out_begin(&page.out, '{');
        put_record(&page, &record);
        admin_put_text(&page.out, "raw", record.raw);
        admin_put_text(&page.out, "reason", record.malformed);
        json_out_name(&page.out, "runs");
        json_out_begin(&page.out, '[');
        failed = store_each_run(admin->reader, seq, put_run, &page, &error);
        json_out_end(&page.out, ']');
        json_out_end(&page.out, '}');
    }
    pthread_mutex_unlock(&admin->reading);
    if (failed < 0) {
        admin_refuse(request, &error);
        buffer_reset(&body);
        return;
    }
    admin_answer(request, NULL, &body);
}

/* Answers the request itself when it cannot be understood. */
static int read_query(struct httpd_request *request, struct store_query *query) {
    struct slice state = httpd_parameter(request, "state");
    struct slice limit = httpd_parameter(request, "limit");
    struct slice before = httpd_parameter(request, "before");
    uint64_t wanted = LIMIT_DEFAULT;
    *query = (struct store_query){
        .job = httpd_parameter(request, "job"), .type = httpd_parameter(request, "type"), .state = -1};
    if (slice_is_set(state)) {
        query->state = state_of(state);
        if (query->state < 0) {
            httpd_answer_error(request, 400, "BadState",
                               "state is one of queued, running, waiting, done, parked, unhandled, quarantined");
            return -1;
        }
    }
    if (slice_is_set(limit) && (text_to_uint64(limit, &wanted) < 0 || wanted == 0 || wanted > LIMIT_MAX)) {
        httpd_answer_error(request, 400, "BadLimit", "limit is a number from 1 to %d", LIMIT_MAX);
        return -1;
    }
    if (slice_is_set(before) && text_to_uint64(before, &query->before) < 0) {
        httpd_answer_error(request, 400, "BadNumber", "before is the number of an event");
        return -1;
    }
    query->limit = (size_t)wanted;
    return 0;
}

static int state_of(struct slice name) {
    for (int i = 0; i < STORE_STATES; i++) {
        if (slice_is(name, store_state_names[i])) {
            return i;
        }
    }
    return -1;
}

static int put_record_object(void *context, const struct store_record *record) {
    struct page *page = context;
    page->is_full = page->is_full || page->out.buffer->length > FULL;
    if (page->is_full) {
        return 0;
    }
    page->count++;
    page->last_seq = record->seq;
    if (page->query->state == STORE_QUEUED && host_is_running(page->host, record->seq)) {
        return 0;
    }
    json_out_begin(&page->out, '{');
    put_record(page, record);
    json_out_end(&page->out, '}');
    return 0;
}

/* The store does not know them: the host does. */
static int put_running(struct page *page, struct error *error) {
    uint64_t *seqs = malloc(RUNNING_MAX * sizeof *seqs);
    if (seqs == NULL) {
        return error_memory(error);
    }
    size_t count = host_running(page->host, seqs, RUNNING_MAX);
    qsort(seqs, count, sizeof *seqs, compare_newest_first);
    const struct store_query *query = page->query;
    for (size_t i = 0; i < count && page->count < query->limit; i++) {
        struct store_record record;
        bool is_wanted = query->before == 0 || seqs[i] < query->before;
        if (!is_wanted || store_read_event(page->reader, seqs[i], &record, NULL) < 0) {
            continue; /* one that is gone meanwhile is not running */
        }
        bool has_job = !slice_is_set(query->job) || slice_equal(query->job, record.job);
        bool has_type = !slice_is_set(query->type) || slice_equal(query->type, record.type) ||
                        slice_equal(query->type, event_short_name(record.type));
        if (has_job && has_type && record.state == STORE_QUEUED) {
            put_record_object(page, &record);
        }
    }
    free(seqs);
    return 0;
}

static int compare_newest_first(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? 1 : left > right ? -1 : 0;
}

static void put_record(struct page *page, const struct store_record *record) {
    struct json_out *out = &page->out;
    bool is_running = record->state == STORE_QUEUED && host_is_running(page->host, record->seq);
    admin_put_integer(out, "seq", (int64_t)record->seq);
    admin_put_text(out, "id", record->id);
    admin_put_text(out, "type", record->type);
    admin_put_text(out, "state", slice_of(store_state_names[is_running ? STORE_RUNNING : record->state]));
    admin_put_text(out, "source", record->source);
    admin_put_text(out, "subject", record->subject);
    admin_put_text(out, "time", record->time);
    admin_put_text(out, "jobId", record->job);
    admin_put_text(out, "workerId", record->worker);
    admin_put_time(out, "receivedAt", record->received_us);
}

static int put_run(void *context, const struct store_run *run) {
    struct page *page = context;
    struct json_out *out = &page->out;
    char digest[CRYPTO_DIGEST_TEXT_SIZE];
    json_out_begin(out, '{');
    admin_put_text(out, "handler", run->handler);
    admin_put_text(out, "state", slice_of(store_state_names[run->state]));
    admin_put_text(out, "result", run->result);
    admin_put_integer(out, "attempt", run->attempt);
    admin_put_integer(out, "kills", run->kills);
    admin_put_text(out, "generation",
                   run->generation == NULL ? (struct slice){NULL, 0}
                                           : slice_of(crypto_digest_text(run->generation, digest)));
    admin_put_time(out, "startedAt", run->started_us);
    admin_put_time(out, "finishedAt", run->finished_us);
    admin_put_time(out, "dueAt", run->state == STORE_WAITING ? run->due_us : 0);
    admin_put_text(out, "reason", run->reason);
    admin_put_text(out, "traceback", run->traceback);
    json_out_name(out, "returned");
    json_out_raw(out, run->returned);
    json_out_name(out, "steps");
    json_out_begin(out, '[');
    int failed = store_each_step(page->reader, run->id, put_step, page, page->error);
    json_out_end(out, ']');
    json_out_end(out, '}');
    return failed;
}

static int put_step(void *context, const struct store_step *step) {
    struct json_out *out = &((struct page *)context)->out;
    size_t left_out = 0;
    json_out_begin(out, '{');
    admin_put_integer(out, "number", step->number);
    admin_put_text(out, "operation", step->operation);
    left_out += put_large(out, "arguments", step->arguments);
    admin_put_integer(out, "status", step->status);
    json_out_name(out, "isError");
    json_out_bool(out, step->is_error);
    json_out_name(out, "repeated");
    json_out_bool(out, step->is_repeated);
    json_out_name(out, "forgotten");
    json_out_bool(out, step->is_forgotten);
    left_out += put_large(out, "answer", step->answer);
    admin_put_integer(out, "leftOut", (int64_t)left_out);
    admin_put_text(out, "etag", step->etag.length == 0 ? (struct slice){NULL, 0} : step->etag);
    admin_put_time(out, "askedAt", step->asked_us);
    admin_put_time(out, "answeredAt", step->answered_us);
    json_out_end(out, '}');
    return 0;
}

/* How many bytes it leaves out: null stands for them. */
static size_t put_large(struct json_out *out, const char *name, struct slice raw) {
    json_out_name(out, name);
    if (out->buffer->length + raw.length > FULL) {
        json_out_null(out);
        return raw.length;
    }
    json_out_raw(out, raw);
    return 0;
}
