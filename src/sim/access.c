#include "sim/access.h"
#include "base/clock.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "router/router.h"
#include "json/json.h"

static const int64_t SKEW_US = 5 * 60 * CLOCK_US_PER_S;

enum { FIELD_LIMIT = 4096, ANSWER_LIMIT = 2 * ACCESS_TOKEN_LIMIT };

static const char *check_token(const struct access *access, struct slice authorization);
static bool is_token_path(struct slice path);
static bool is_client(const struct access *access, struct slice form);
static int read_field(struct slice form, const char *name, struct buffer *value);
static void refuse(struct httpd_request *request, unsigned status, const char *error, const char *words);

int access_init(struct access *access, const char *key, const char *token, const char *client,
                struct error *error) {
    *access = (struct access){.token = token, .client = client};
    buffer_init(&access->key, ACCESS_KEY_LIMIT);
    if (crypto_append_unbase64(&access->key, slice_of(key)) < 0 || access->key.length == 0) {
        return error_set(error, ERROR_INVALID, "the key is no base64, or longer than %d bytes", ACCESS_KEY_LIMIT);
    }
    return 0;
}

void access_reset(struct access *access) {
    if (access->key.bytes != NULL) {
        crypto_wipe(access->key.bytes, access->key.length);
    }
    buffer_reset(&access->key);
}

const char *access_check(const struct access *access, const struct httpd_request *request) {
    struct slice authorization = httpd_header(request, "authorization");
    if (!slice_is_set(authorization)) {
        return "the Authorization header is missing: every request is signed with the access key";
    }
    if (authorization.length >= 7 &&
        slice_equal_ignoring_case(slice_make(authorization.bytes, 7), slice_of("Bearer "))) {
        return check_token(access, authorization);
    }
    if (!slice_is_set(httpd_header(request, "x-ms-content-sha256"))) {
        return "the x-ms-content-sha256 header is missing";
    }
    return router_verify(buffer_slice(&access->key), httpd_method(request), httpd_target(request),
                         httpd_header(request, "host"), httpd_header(request, "x-ms-date"),
                         httpd_header(request, "x-ms-content-sha256"), authorization, httpd_body(request),
                         clock_wall_us(), SKEW_US);
}

bool access_give_token(const struct access *access, struct httpd_request *request) {
    if (access->token == NULL || !is_token_path(httpd_path(request))) {
        return false;
    }
    struct slice form = httpd_body(request);
    struct buffer grant, answer;
    buffer_init(&grant, FIELD_LIMIT);
    buffer_init(&answer, ANSWER_LIMIT);
    if (!slice_is(httpd_method(request), "POST")) {
        refuse(request, 405, "invalid_request", "a token is asked for with POST");
    } else if (read_field(form, "grant_type", &grant) < 0 ||
               !slice_is(buffer_slice(&grant), "client_credentials")) {
        refuse(request, 400, "unsupported_grant_type", "grant_type must be client_credentials");
    } else if (!is_client(access, form)) {
        refuse(request, 401, "invalid_client", "client_id and client_secret are missing or not the right ones");
    } else {
        buffer_append_format(&answer, "{\"token_type\":\"Bearer\",\"expires_in\":%d,\"ext_expires_in\":%d,",
                             ACCESS_TOKEN_SECONDS, ACCESS_TOKEN_SECONDS);
        buffer_append_text(&answer, "\"access_token\":");
        json_append_string(&answer, slice_of(access->token));
        buffer_append_char(&answer, '}');
        httpd_answer(request, &(struct httpd_answer){.status = answer.is_broken ? 503 : 200,
                                                     .body = buffer_slice(&answer)});
    }
    buffer_reset(&answer);
    buffer_reset(&grant);
    return true;
}

static const char *check_token(const struct access *access, struct slice authorization) {
    if (access->token == NULL) {
        return "bearer tokens are not taken: the local Job Router was started without --bearer TOKEN";
    }
    struct slice token = slice_make(authorization.bytes + 7, authorization.length - 7);
    return crypto_equal(token, slice_of(access->token)) ? NULL : "the bearer token is not the one of --bearer";
}

/* "/TENANT/oauth2/v2.0/token": the tenant is one segment, and any. */
static bool is_token_path(struct slice path) {
    static const char tail[] = "/oauth2/v2.0/token";
    size_t length = sizeof tail - 1;
    return path.length > length + 1 && path.bytes[0] == '/' && slice_ends_with(path, tail) &&
           memchr(path.bytes + 1, '/', path.length - length - 1) == NULL;
}

static bool is_client(const struct access *access, struct slice form) {
    struct buffer id, secret;
    buffer_init(&id, 2 * FIELD_LIMIT + 1);
    buffer_init(&secret, FIELD_LIMIT);
    bool is_right = read_field(form, "client_id", &id) == 0 && read_field(form, "client_secret", &secret) == 0 &&
                    id.length > 0 && secret.length > 0;
    if (is_right && access->client != NULL) {
        buffer_append_char(&id, ':');
        buffer_append_slice(&id, buffer_slice(&secret));
        is_right = !id.is_broken && crypto_equal(buffer_slice(&id), slice_of(access->client));
    }
    buffer_reset(&secret);
    buffer_reset(&id);
    return is_right;
}

/* The decoded value of a form's field, appended. -1: it is not there, or its encoding is broken. */
static int read_field(struct slice form, const char *name, struct buffer *value) {
    size_t length = strlen(name);
    while (form.length > 0) {
        const char *end = memchr(form.bytes, '&', form.length);
        struct slice pair = slice_make(form.bytes, end == NULL ? form.length : (size_t)(end - form.bytes));
        if (pair.length > length && memcmp(pair.bytes, name, length) == 0 && pair.bytes[length] == '=') {
            return text_append_unpercent(value, slice_make(pair.bytes + length + 1, pair.length - length - 1),
                                         true);
        }
        size_t used = pair.length + (end != NULL);
        form = slice_make(form.bytes + used, form.length - used);
    }
    return -1;
}

static void refuse(struct httpd_request *request, unsigned status, const char *error, const char *words) {
    struct buffer answer;
    buffer_init(&answer, ANSWER_LIMIT);
    buffer_append_format(&answer, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error, words);
    httpd_answer(request, &(struct httpd_answer){.status = status, .body = buffer_slice(&answer)});
    buffer_reset(&answer);
}
