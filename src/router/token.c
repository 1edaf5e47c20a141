#include "router/token.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include <stdlib.h>
#include <string.h>

enum { WORDS_MOST = 300, SECONDS_USUAL = 300, SECONDS_MOST = 24 * 3600 };

struct answer {
    struct slice token, type, seconds, error, description; /* raw */
};

static void add_field(struct buffer *body, const char *name, const char *value);
static int take_member(void *context, struct slice name, struct slice raw);
static int refuse(unsigned status, const struct answer *answer, const char *client_secret, struct error *error);
static void append_words(struct buffer *words, struct slice raw);
static int64_t seconds_of(struct slice raw);

int router_token_build(const struct router_token_request *request, struct buffer *url, struct buffer *body) {
    buffer_append_text(url, request->authority == NULL ? ROUTER_TOKEN_AUTHORITY : request->authority);
    buffer_append_char(url, '/');
    text_append_percent(url, slice_of(request->tenant));
    buffer_append_text(url, "/oauth2/v2.0/token");
    if (buffer_reserve(body, 3 * strlen(request->client_secret) + 1024) == NULL) {
        return -1; /* one block: none that grew leaves a piece of the secret behind */
    }
    add_field(body, "client_id", request->client_id);
    add_field(body, "client_secret", request->client_secret);
    add_field(body, "grant_type", "client_credentials");
    add_field(body, "scope", request->scope == NULL ? ROUTER_TOKEN_SCOPE : request->scope);
    return url->is_broken || body->is_broken ? -1 : 0;
}

int router_token_read(unsigned status, struct slice bytes, const char *client_secret, struct buffer *token,
                      int64_t *seconds, struct error *error) {
    struct answer answer = {.token = {NULL, 0}};
    struct buffer text;
    int read = json_each_member(bytes.bytes, bytes.length, take_member, &answer, NULL);
    if (status != 200 || read < 0 || !slice_starts_with(answer.token, "\"")) {
        return refuse(status, read < 0 ? &(struct answer){.token = {NULL, 0}} : &answer, client_secret, error);
    }
    buffer_init(&text, ROUTER_TOKEN_MOST);
    int result = json_append_decoded(&text, answer.token) < 0
                     ? error_set(error, ERROR_INVALID, "the token that was given is too long to be one")
                     : router_token_trim(buffer_slice(&text), token, error);
    if (text.bytes != NULL) {
        crypto_wipe(text.bytes, text.capacity);
    }
    buffer_reset(&text);
    *seconds = seconds_of(answer.seconds);
    return result;
}

/* What stands in a header: visible ASCII (RFC 6750, 2.1). */
int router_token_trim(struct slice text, struct buffer *token, struct error *error) {
    while (text.length > 0 && memchr(" \t\r\n", text.bytes[text.length - 1], 4) != NULL) {
        text.length--;
    }
    while (text.length > 0 && memchr(" \t\r\n", text.bytes[0], 4) != NULL) {
        text = slice_make(text.bytes + 1, text.length - 1);
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~') {
            return error_set(error, ERROR_INVALID, "what is there is no token: it holds a byte that no token has");
        }
    }
    if (text.length == 0) {
        return error_set(error, ERROR_INVALID, "there is no token: it is empty");
    }
    return buffer_append_slice(token, text) < 0 ? error_memory(error) : 0;
}

static void add_field(struct buffer *body, const char *name, const char *value) {
    buffer_append_format(body, "%s%s=", body->length == 0 ? "" : "&", name);
    text_append_percent(body, slice_of(value));
}

static int take_member(void *context, struct slice name, struct slice raw) {
    struct answer *answer = context;
    if (slice_is(name, "access_token")) {
        answer->token = raw;
    } else if (slice_is(name, "expires_in")) {
        answer->seconds = raw;
    } else if (slice_is(name, "error")) {
        answer->error = raw;
    } else if (slice_is(name, "error_description")) {
        answer->description = raw;
    }
    return 0;
}

static int refuse(unsigned status, const struct answer *answer, const char *client_secret, struct error *error) {
    struct buffer words;
    buffer_init(&words, 8 * WORDS_MOST);
    append_words(&words, answer->error);
    append_words(&words, answer->description);
    bool is_known = words.length > 0 && (client_secret == NULL || strstr(words.bytes, client_secret) == NULL);
    error_set(error, ERROR_INVALID, "the authority gave no token: %u%s", status, is_known ? words.bytes : "");
    buffer_reset(&words);
    return -1;
}

/* The first line of a text. */
static void append_words(struct buffer *words, struct slice raw) {
    struct buffer text;
    buffer_init(&text, 64 * 1024);
    if (slice_starts_with(raw, "\"") && json_append_decoded(&text, raw) == 0 && text.length > 0) {
        size_t length = 0;
        while (length < text.length && length < WORDS_MOST && strchr("\r\n", text.bytes[length]) == NULL) {
            length++;
        }
        buffer_append_text(words, words->length == 0 ? " " : ": ");
        text_append_visible(words, slice_make(text.bytes, length));
    }
    buffer_reset(&text);
}

/* A number, or one as a text, which older endpoints give. */
static int64_t seconds_of(struct slice raw) {
    uint64_t seconds = 0;
    if (raw.length >= 2 && raw.bytes[0] == '"') {
        raw = slice_make(raw.bytes + 1, raw.length - 2);
    }
    if (text_to_uint64(raw, &seconds) < 0) {
        return SECONDS_USUAL;
    }
    return seconds > SECONDS_MOST ? SECONDS_MOST : (int64_t)seconds;
}
