/* The client and the way of a call: sent, active in libcurl, finished, done. */
#include "http/client.h"
#include "base/clock.h"
#include "base/text.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* As many calls as two workers have under way (limits.in_flight): of 20 ms each, 64 at a time would be 3,200 a
 * second. */
enum { CONNECTIONS_PER_HOST = 512 };

static void start_libcurl(void);
static void starve(struct http_client *client, struct http_call *call);
static void unstarve(struct http_client *client, struct http_call *call);
static void release(struct http_transfer *transfer);
static void on_turn(struct loop_task *task);
static void finish_starved(struct http_client *client);
static void finish_one(struct http_transfer *transfer);
static int list_headers(struct http_transfer *transfer, struct http_header **headers);
static int64_t retry_after_s(const struct http_answer *answer);
static void drop_transfers(struct list *transfers);

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;

struct http_client *http_client_new(struct loop *loop, const struct http_options *options, struct error *error) {
    pthread_once(&curl_once, start_libcurl);
    struct http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        error_memory(error);
        return NULL;
    }
    client->loop = loop;
    client->no_memory.client = client;
    list_init(&client->active);
    list_init(&client->finished);
    list_init(&client->spare);
    list_init(&client->sockets);
    map_init(&client->socket_of);
    client->connections_per_host = CONNECTIONS_PER_HOST;
    if (options != NULL && options->connections_per_host > 0) {
        client->connections_per_host = options->connections_per_host;
    }
    if (curl_started != CURLE_OK) {
        error_set(error, ERROR_SYSTEM, "cannot start libcurl: %s", curl_easy_strerror(curl_started));
        goto out;
    }
    if (options != NULL && options->ca_file != NULL) {
        client->ca_file = strdup(options->ca_file);
        if (client->ca_file == NULL) {
            error_memory(error);
            goto out;
        }
    }
    if (options != NULL && http_allow_init(client, options->allow, error) < 0) {
        goto out;
    }
    if (http_multi_start(client, error) == 0) {
        return client;
    }
out:
    http_client_free(client);
    return NULL;
}

void http_client_free(struct http_client *client) {
    if (client == NULL) {
        return;
    }
    LIST_EACH (&client->active, node) {
        curl_multi_remove_handle(client->multi, CONTAINER_OF(node, struct http_transfer, node)->easy);
    }
    drop_transfers(&client->active);
    drop_transfers(&client->finished);
    drop_transfers(&client->spare);
    while (client->starved != NULL) {
        unstarve(client, client->starved);
    }
    http_multi_stop(client);
    map_reset(&client->socket_of);
    free(client->ca_file);
    free(client->allowed);
    /* A task that the loop has already cannot be taken back: it frees the rest. */
    client->is_freed = client->turn.is_queued;
    if (!client->is_freed) {
        free(client);
    }
}

void http_send(struct http_client *client, struct http_call *call) {
    struct list_node *spare = list_take_first(&client->spare);
    struct http_transfer *transfer = NULL;
    if (spare != NULL) {
        client->spare_count--;
        transfer = CONTAINER_OF(spare, struct http_transfer, node);
    } else {
        transfer = http_transfer_new(client);
    }
    if (transfer == NULL) {
        starve(client, call);
        return;
    }
    transfer->call = call;
    call->transfer = transfer;
    list_append(&client->active, &transfer->node);
    if (http_check_call(call, &transfer->error) < 0 || http_transfer_prepare(transfer, call) < 0 ||
        (client->multi == NULL && http_multi_start(client, &transfer->error) < 0)) {
        http_transfer_finish(transfer);
        return;
    }
    CURLMcode code = curl_multi_add_handle(client->multi, transfer->easy);
    if (code != CURLM_OK) {
        error_set(&transfer->error, code == CURLM_OUT_OF_MEMORY ? ERROR_MEMORY : ERROR_SYSTEM,
                  "the request cannot be started: %s", curl_multi_strerror(code));
        http_transfer_finish(transfer);
    }
}

void http_cancel(struct http_client *client, struct http_call *call) {
    struct http_transfer *transfer = call->transfer;
    if (transfer == NULL) {
        return;
    }
    if (transfer == &client->no_memory) {
        unstarve(client, call);
        return;
    }
    /* Harmless for one that libcurl has not, or no longer. */
    curl_multi_remove_handle(client->multi, transfer->easy);
    call->transfer = NULL;
    release(transfer);
}

const char *http_answer_header(const struct http_answer *answer, const char *name) {
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcmp(answer->headers[i].name, name) == 0) {
            return answer->headers[i].value;
        }
    }
    return NULL;
}

void http_transfer_finish(struct http_transfer *transfer) {
    struct http_client *client = transfer->client;
    list_remove(&transfer->node);
    list_append(&client->finished, &transfer->node);
    http_client_defer(client);
}

void http_client_defer(struct http_client *client) {
    loop_defer(client->loop, &client->turn, on_turn);
}

static void start_libcurl(void) {
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* A call for which there was no memory at all is done with that error, later as every other. */
static void starve(struct http_client *client, struct http_call *call) {
    call->transfer = &client->no_memory;
    call->next = client->starved;
    client->starved = call;
    http_client_defer(client);
}

static void unstarve(struct http_client *client, struct http_call *call) {
    struct http_call **place = &client->starved;
    while (*place != call) {
        place = &(*place)->next;
    }
    *place = call->next;
    call->next = NULL;
    call->transfer = NULL;
}

/* Back to the spare ones, ready for the next call. */
static void release(struct http_transfer *transfer) {
    struct http_client *client = transfer->client;
    list_remove(&transfer->node);
    if (client->spare_count == client->connections_per_host) {
        http_transfer_free(transfer);
        return;
    }
    http_transfer_clear(transfer);
    list_prepend(&client->spare, &transfer->node);
    client->spare_count++;
}

/* All calls of a loop's turn are begun together. Those that finish while `done` is called (one that `done` made
 * and that cannot be made) wait for the task's next turn. */
static void on_turn(struct loop_task *task) {
    struct http_client *client = CONTAINER_OF(task, struct http_client, turn);
    if (client->is_freed) {
        free(client);
        return;
    }
    http_multi_act(client);
    struct list batch;
    list_init(&batch);
    LIST_EACH (&client->finished, node) {
        list_remove(node);
        list_append(&batch, node);
    }
    finish_starved(client);
    for (struct list_node *node; (node = list_take_first(&batch)) != NULL;) {
        finish_one(CONTAINER_OF(node, struct http_transfer, node));
    }
}

static void finish_starved(struct http_client *client) {
    struct http_answer answer = {.retry_after_s = -1};
    error_memory(&answer.error);
    for (struct http_call *call = client->starved; call != NULL; call = client->starved) {
        unstarve(client, call);
        call->done(call, &answer);
    }
}

static void finish_one(struct http_transfer *transfer) {
    struct http_call *call = transfer->call;
    struct http_header *headers = NULL;
    if (transfer->error.code == ERROR_NONE && list_headers(transfer, &headers) < 0) {
        error_memory(&transfer->error);
    }
    struct http_answer answer = {
        .error = transfer->error, .seconds = transfer->seconds, .retry_after_s = -1, .sends = transfer->sends};
    if (transfer->error.code == ERROR_NONE) {
        answer.status = transfer->status;
        answer.body = buffer_slice(&transfer->body);
        answer.headers = headers;
        answer.header_count = transfer->answer_header_count;
        answer.retry_after_s = retry_after_s(&answer);
    }
    call->transfer = NULL;
    call->done(call, &answer);
    free(headers);
    release(transfer);
}

static int list_headers(struct http_transfer *transfer, struct http_header **headers) {
    size_t count = transfer->answer_header_count;
    *headers = calloc(count + 1, sizeof **headers);
    if (*headers == NULL) {
        return -1;
    }
    const char *text = transfer->answer_headers.bytes;
    for (size_t i = 0; i < count; i++) {
        (*headers)[i].name = text;
        (*headers)[i].value = text + strlen(text) + 1;
        text = (*headers)[i].value + strlen((*headers)[i].value) + 1;
    }
    return 0;
}

/* RFC 9110, 10.2.3: seconds, or a date. */
static int64_t retry_after_s(const struct http_answer *answer) {
    const char *text = http_answer_header(answer, "retry-after");
    uint64_t seconds = 0;
    int64_t at_us = 0;
    if (text == NULL) {
        return -1;
    }
    if (text_to_uint64(slice_of(text), &seconds) == 0) {
        return seconds > INT32_MAX ? INT32_MAX : (int64_t)seconds;
    }
    if (clock_parse_http(text, strlen(text), &at_us) < 0) {
        return -1;
    }
    int64_t wait_us = at_us - clock_wall_us();
    return wait_us <= 0 ? 0 : (wait_us + CLOCK_US_PER_S - 1) / CLOCK_US_PER_S;
}

static void drop_transfers(struct list *transfers) {
    for (struct list_node *node; (node = list_take_first(transfers)) != NULL;) {
        struct http_transfer *transfer = CONTAINER_OF(node, struct http_transfer, node);
        if (transfer->call != NULL) {
            transfer->call->transfer = NULL;
        }
        http_transfer_free(transfer);
    }
}
