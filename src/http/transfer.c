/* One easy handle: set up for a call, and the callbacks in which the answer arrives. None of them calls out of
 * this room. */
#include "base/clock.h"
#include "http/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { USUAL_TIMEOUT_MS = 30 * 1000, CONNECT_TIMEOUT_MS = 10 * 1000 };

static int set_fixed_options(struct http_transfer *transfer);
static void set_times(struct http_transfer *transfer, const struct http_call *call);
static int set_method(struct http_transfer *transfer, const struct http_call *call);
static bool has_body(const struct http_call *call);
static int add_headers(struct http_transfer *transfer, const struct http_call *call);
static void append_header(struct buffer *text, const char *name, const char *value);
static int list_lines(struct http_transfer *transfer, size_t count);
static void clear_buffer(struct buffer *buffer);
static bool has_header(const struct http_call *call, const char *name);
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address);
static int on_connected(void *context, char *remote, char *local, int remote_port, int local_port);
static void refuse_address(struct http_transfer *transfer, const char *words);
static size_t on_header(char *bytes, size_t size, size_t count, void *context);
static int keep_header(struct http_transfer *transfer, struct slice line);
static size_t on_body(char *bytes, size_t size, size_t count, void *context);
static int refuse_size(struct http_transfer *transfer, const struct buffer *buffer, size_t length,
                       const char *what);
static enum error_code error_code_of(CURLcode result, bool was_sent);

struct http_transfer *http_transfer_new(struct http_client *client) {
    struct http_transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL) {
        return NULL;
    }
    transfer->client = client;
    buffer_init(&transfer->header_text, SIZE_MAX / 2);
    buffer_init(&transfer->answer_headers, HTTP_HEADERS_LIMIT);
    transfer->easy = curl_easy_init();
    transfer->url = curl_url();
    if (transfer->easy == NULL || transfer->url == NULL || set_fixed_options(transfer) < 0) {
        curl_easy_cleanup(transfer->easy);
        curl_url_cleanup(transfer->url);
        free(transfer);
        return NULL;
    }
    return transfer;
}

void http_transfer_free(struct http_transfer *transfer) {
    curl_easy_cleanup(transfer->easy);
    curl_url_cleanup(transfer->url);
    clear_buffer(&transfer->header_text);
    buffer_reset(&transfer->header_text);
    buffer_reset(&transfer->body);
    buffer_reset(&transfer->answer_headers);
    free(transfer->header_list);
    free(transfer);
}

/* Sets every option in which calls differ, so that nothing of the call before stays. */
int http_transfer_prepare(struct http_transfer *transfer, struct http_call *call) {
    transfer->body.limit = call->answer_limit;
    transfer->started_ns = clock_monotonic_ns();
    set_times(transfer, call);
    if (http_parse_url(transfer->url, call->url, &transfer->error) < 0 ||
        (call->is_guarded && http_parts_target(transfer->url, &transfer->target, &transfer->error) < 0)) {
        return -1;
    }
    /* The options that copy can fail. The URL itself is for when libcurl sends again: it reads it anew then. */
    if (set_method(transfer, call) < 0 || add_headers(transfer, call) < 0 ||
        curl_easy_setopt(transfer->easy, CURLOPT_URL, call->url) != CURLE_OK) {
        return error_memory(&transfer->error);
    }
    return 0;
}

void http_transfer_conclude(struct http_transfer *transfer, CURLcode result) {
    long status = 0, system = 0;
    transfer->seconds = (double)(clock_monotonic_ns() - transfer->started_ns) / (double)CLOCK_NS_PER_S;
    if (result == CURLE_OK) {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        transfer->status = (unsigned)status;
        transfer->error = (struct error){.code = ERROR_NONE};
        return;
    }
    /* A callback that stopped the transfer has said why. */
    if (transfer->error.code == ERROR_NONE) {
        error_set(&transfer->error, error_code_of(result, transfer->sends > 0), "%s",
                  transfer->words[0] != '\0' ? transfer->words : curl_easy_strerror(result));
        curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &system);
        transfer->error.system = (int)system;
    }
}

void http_transfer_clear(struct http_transfer *transfer) {
    /* What the call's owner frees now; the rest is set anew by the next call. */
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, NULL);
    if (transfer->header_text.bytes != NULL) { /* secrets may have gone along */
        explicit_bzero(transfer->header_text.bytes, transfer->header_text.capacity);
    }
    clear_buffer(&transfer->header_text);
    clear_buffer(&transfer->body);
    clear_buffer(&transfer->answer_headers);
    transfer->call = NULL;
    transfer->answer_header_count = 0;
    transfer->has_all_headers = false;
    transfer->sends = transfer->status = 0;
    transfer->seconds = 0;
    transfer->error = (struct error){.code = ERROR_NONE};
    transfer->words[0] = '\0';
}

/* Small ones keep their memory for the next call. */
static void clear_buffer(struct buffer *buffer) {
    if (buffer->capacity > HTTP_KEPT_LIMIT) {
        buffer_reset(buffer);
    } else {
        buffer_clear(buffer);
    }
}

static int set_fixed_options(struct http_transfer *transfer) {
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_CURLU, transfer->url);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Otherwise giving a request up waits, on this thread, for the name's look-up to end. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    /* What is sent is what was signed. */
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    /* A connection may outlive the transfer that opened it. */
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_multi_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->client);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    /* The options that copy can fail. */
    bool is_set = curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_USERAGENT, "switchhook/" SWITCHHOOK_VERSION) == CURLE_OK &&
                  (transfer->client->ca_file == NULL ||
                   curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->client->ca_file) == CURLE_OK);
    return is_set ? 0 : -1;
}

static void set_times(struct http_transfer *transfer, const struct http_call *call) {
    long all_ms = call->timeout_ms == 0 ? USUAL_TIMEOUT_MS : (long)call->timeout_ms;
    curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, all_ms);
    curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     all_ms < CONNECT_TIMEOUT_MS ? all_ms : (long)CONNECT_TIMEOUT_MS);
}

/* The first two options undo what the call before may have set. */
static int set_method(struct http_transfer *transfer, const struct http_call *call) {
    CURL *easy = transfer->easy;
    bool is_head = strcmp(call->method, "HEAD") == 0;
    curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (has_body(call)) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.length == 0 ? "" : call->body.bytes);
    } else if (is_head) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, is_head ? NULL : call->method) == CURLE_OK ? 0 : -1;
}

/* These methods say Content-Length: 0 when there is nothing in them; servers ask for it. */
static bool has_body(const struct http_call *call) {
    return slice_is_set(call->body) || strcmp(call->method, "POST") == 0 || strcmp(call->method, "PUT") == 0 ||
           strcmp(call->method, "PATCH") == 0;
}

static int add_headers(struct http_transfer *transfer, const struct http_call *call) {
    struct buffer *text = &transfer->header_text;
    size_t count = call->header_count;
    for (size_t i = 0; i < count; i++) {
        append_header(text, call->headers[i].name, call->headers[i].value);
    }
    if (has_body(call)) {
        /* libcurl would add a form's content type of its own, and wait for "100 Continue" before large bodies. */
        if (!has_header(call, "Content-Type")) {
            buffer_append(text, "Content-Type:", sizeof "Content-Type:");
            count++;
        }
        buffer_append(text, "Expect:", sizeof "Expect:");
        count++;
    }
    return text->is_broken ? -1 : list_lines(transfer, count);
}

/* In libcurl's lists, "Name:" takes a header out and "Name;" sends an empty one. */
static void append_header(struct buffer *text, const char *name, const char *value) {
    bool is_empty = value[strspn(value, " \t")] == '\0';
    buffer_append_text(text, name);
    buffer_append_text(text, is_empty ? ";" : ": ");
    buffer_append(text, is_empty ? "" : value, is_empty ? 1 : strlen(value) + 1);
}

/* libcurl reads the list and copies nothing: one array over one text, for all lines and for the calls to come. */
static int list_lines(struct http_transfer *transfer, size_t count) {
    if (count > transfer->header_capacity) {
        struct curl_slist *longer = realloc(transfer->header_list, count * sizeof *longer);
        if (longer == NULL) {
            return -1;
        }
        transfer->header_list = longer;
        transfer->header_capacity = count;
    }
    char *line = transfer->header_text.bytes;
    for (size_t i = 0; i < count; i++) {
        transfer->header_list[i] = (struct curl_slist){line, i + 1 < count ? &transfer->header_list[i + 1] : NULL};
        line += strlen(line) + 1;
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, count == 0 ? NULL : transfer->header_list);
    return 0;
}

static bool has_header(const struct http_call *call, const char *name) {
    for (size_t i = 0; i < call->header_count; i++) {
        if (strcasecmp(call->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The guard looks at the address itself, after names and spellings have been resolved. */
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    struct http_transfer *transfer = context;
    const char *words = transfer->call->is_guarded ? http_guard_refuses(&address->addr) : NULL;
    (void)purpose;
    if (words != NULL && !http_allows(transfer->client, &transfer->target, &address->addr)) {
        refuse_address(transfer, words);
        return CURL_SOCKET_BAD;
    }
    return http_multi_open(transfer->client, address, &transfer->error);
}

/* Before each sending, on a new connection or on a kept one, which may have been opened for a call without the
 * guard. */
static int on_connected(void *context, char *remote, char *local, int remote_port, int local_port) {
    struct http_transfer *transfer = context;
    const char *words = transfer->call->is_guarded ? http_guard_refuses_text(remote) : NULL;
    (void)local;
    (void)local_port;
    if (words != NULL && !http_allows_text(transfer->client, &transfer->target, remote, remote_port)) {
        refuse_address(transfer, words);
        return CURL_PREREQFUNC_ABORT;
    }
    /* Another address of the name may have been refused before this one. */
    transfer->error = (struct error){.code = ERROR_NONE};
    transfer->sends++;
    return CURL_PREREQFUNC_OK;
}

static void refuse_address(struct http_transfer *transfer, const char *words) {
    error_set(&transfer->error, ERROR_INVALID,
              "the host's address is %s, and such addresses are not allowed for this request (http.allow)", words);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
    struct http_transfer *transfer = context;
    struct slice line = slice_make(bytes, size * count);
    while (line.length > 0 && (line.bytes[line.length - 1] == '\n' || line.bytes[line.length - 1] == '\r')) {
        line.length--;
    }
    if (slice_starts_with(line, "HTTP/")) {
        /* Those of an interim answer (1xx) do not count. */
        buffer_clear(&transfer->answer_headers);
        transfer->answer_header_count = 0;
        transfer->has_all_headers = false;
    } else if (line.length == 0) {
        transfer->has_all_headers = true;
    } else if (!transfer->has_all_headers && keep_header(transfer, line) < 0) {
        return 0;
    }
    return size * count;
}

/* Trailers and lines that are no "name: value" are passed over. */
static int keep_header(struct http_transfer *transfer, struct slice line) {
    struct buffer *kept = &transfer->answer_headers;
    const char *colon = memchr(line.bytes, ':', line.length);
    if (colon == NULL || colon == line.bytes || memchr(line.bytes, '\0', line.length) != NULL) {
        return 0;
    }
    const char *value = colon + 1, *end = line.bytes + line.length;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    size_t begin = kept->length;
    buffer_append(kept, line.bytes, (size_t)(colon - line.bytes));
    buffer_append_char(kept, '\0');
    buffer_append(kept, value, (size_t)(end - value));
    buffer_append_char(kept, '\0');
    if (kept->is_broken) {
        return refuse_size(transfer, kept, line.length + 2, "the headers of the answer");
    }
    for (char *c = kept->bytes + begin; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    transfer->answer_header_count++;
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    struct http_transfer *transfer = context;
    if (buffer_append(&transfer->body, bytes, size * count) < 0) {
        refuse_size(transfer, &transfer->body, size * count, "the answer");
        return 0;
    }
    return size * count;
}

/* Why `buffer` did not take `length` more bytes. */
static int refuse_size(struct http_transfer *transfer, const struct buffer *buffer, size_t length,
                       const char *what) {
    if (length <= buffer->limit - buffer->length) {
        return error_memory(&transfer->error);
    }
    return error_set(&transfer->error, ERROR_LIMIT, "%s: more than the %zu bytes that are allowed", what,
                     buffer->limit);
}

/* What was sent could be made: a protocol that is not supported is then the answer's. */
static enum error_code error_code_of(CURLcode result, bool was_sent) {
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT: return ERROR_TIMEOUT;
    case CURLE_OUT_OF_MEMORY: return ERROR_MEMORY;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED: return was_sent ? ERROR_SYSTEM : ERROR_INVALID;
    default: return ERROR_SYSTEM;
    }
}
