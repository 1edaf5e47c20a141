#include "verify/verify.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include <stdlib.h>
#include <string.h>

struct names {
    char **texts;
    size_t count;
};

struct verify {
    char *secrets[VERIFY_SECRETS];
    char *header;
    struct names subscriptions, origins;
};

static int copy_secret(char **copy, const char *secret, struct error *error);
static int copy_names(struct names *copy, char *const *names, struct error *error);
static void free_names(struct names *names);
static bool is_among(const struct names *names, struct slice name);
static bool is_ours(const struct verify *verify, struct slice shown);
static bool is_ours_with_pluses(const struct verify *verify, struct slice code);

struct verify *verify_new(const struct verify_options *options, struct error *error) {
    struct verify *verify = calloc(1, sizeof *verify);
    if (verify == NULL) {
        error_memory(error);
        return NULL;
    }
    for (size_t i = 0; i < VERIFY_SECRETS; i++) {
        if (copy_secret(&verify->secrets[i], options->secrets[i], error) < 0) {
            goto failed;
        }
    }
    if (options->header != NULL) {
        verify->header = strdup(options->header);
        if (verify->header == NULL) {
            error_memory(error);
            goto failed;
        }
    }
    if (copy_names(&verify->subscriptions, options->subscriptions, error) < 0 ||
        copy_names(&verify->origins, options->origins, error) < 0) {
        goto failed;
    }
    return verify;

failed:
    verify_free(verify);
    return NULL;
}

void verify_free(struct verify *verify) {
    if (verify == NULL) {
        return;
    }
    for (size_t i = 0; i < VERIFY_SECRETS; i++) {
        if (verify->secrets[i] != NULL) {
            crypto_wipe(verify->secrets[i], strlen(verify->secrets[i]));
            free(verify->secrets[i]);
        }
    }
    free_names(&verify->subscriptions);
    free_names(&verify->origins);
    free(verify->header);
    free(verify);
}

bool verify_has_secret(const struct verify *verify) {
    for (size_t i = 0; i < VERIFY_SECRETS; i++) {
        if (verify->secrets[i] != NULL) {
            return true;
        }
    }
    return false;
}

const char *verify_header(const struct verify *verify) {
    return verify->header;
}

int verify_allows_address(const struct verify *verify, const char *address, struct error *error) {
    char host[TEXT_HOST_SIZE];
    uint16_t port = 0;
    if (text_parse_address(address, host, &port, error) < 0) {
        return -1;
    }
    if (verify_has_secret(verify) || text_is_loopback(host)) {
        return 0;
    }
    return error_set(
        error, ERROR_INVALID,
        "listening on %s needs a way to verify deliveries: set verify.secret in the configuration, or "
        "listen on a loopback address such as 127.0.0.1:%u",
        address, (unsigned)port);
}

enum verify_verdict verify_request(const struct verify *verify, const struct verify_claims *claims) {
    if (!verify_has_secret(verify)) {
        if (claims->is_forwarded) {
            return VERIFY_FORWARDED;
        }
        return claims->is_from_page ? VERIFY_FROM_PAGE : VERIFY_GOOD;
    }
    /* No short cut between them: how long this takes says nothing of which one was near. */
    unsigned hits = 0;
    hits |= is_ours(verify, claims->code);
    hits |= is_ours_with_pluses(verify, claims->code);
    hits |= is_ours(verify, claims->header);
    if (hits != 0) {
        return VERIFY_GOOD;
    }
    return slice_is_set(claims->code) || slice_is_set(claims->header) ? VERIFY_WRONG : VERIFY_MISSING;
}

const char *verify_reason(enum verify_verdict verdict) {
    switch (verdict) {
    case VERIFY_GOOD: return "the sender is verified";
    case VERIFY_MISSING: return "the delivery shows no secret, neither as ?code= nor in the header";
    case VERIFY_WRONG: return "the secret is wrong";
    case VERIFY_FORWARDED: return "the delivery came through a proxy, and no secret is configured";
    case VERIFY_FROM_PAGE: return "the delivery came from a web page, and no secret is configured";
    }
    return "unknown";
}

bool verify_subscription(const struct verify *verify, struct slice name) {
    return is_among(&verify->subscriptions, name);
}

bool verify_origin(const struct verify *verify, struct slice origin) {
    return is_among(&verify->origins, origin);
}

static int copy_secret(char **copy, const char *secret, struct error *error) {
    if (secret == NULL) {
        return 0;
    }
    size_t length = strlen(secret);
    if (length == 0 || length > VERIFY_SECRET_LENGTH) {
        return error_set(error, ERROR_INVALID, "verify.secret must have 1 to %d characters", VERIFY_SECRET_LENGTH);
    }
    *copy = strdup(secret);
    return *copy == NULL ? error_memory(error) : 0;
}

static int copy_names(struct names *copy, char *const *names, struct error *error) {
    size_t count = 0;
    while (names != NULL && names[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return 0;
    }
    copy->texts = calloc(count, sizeof *copy->texts);
    if (copy->texts == NULL) {
        return error_memory(error);
    }
    for (; copy->count < count; copy->count++) {
        char *name = strdup(names[copy->count]);
        if (name == NULL) {
            return error_memory(error);
        }
        copy->texts[copy->count] = name;
    }
    return 0;
}

static void free_names(struct names *names) {
    for (size_t i = 0; i < names->count; i++) {
        free(names->texts[i]);
    }
    free(names->texts);
}

/* Of none, everybody is. */
static bool is_among(const struct names *names, struct slice name) {
    bool is_one = names->count == 0;
    for (size_t i = 0; i < names->count && !is_one; i++) {
        is_one = slice_equal_ignoring_case(slice_of(names->texts[i]), name);
    }
    return is_one;
}

static bool is_ours(const struct verify *verify, struct slice shown) {
    unsigned hits = 0;
    for (size_t i = 0; i < VERIFY_SECRETS; i++) {
        hits |= verify->secrets[i] != NULL && crypto_equal(slice_of(verify->secrets[i]), shown);
    }
    return hits != 0;
}

/* A secret in base64 is easily put into the URL as it is; its '+' has then been decoded to a blank. Refusing it
 * with a 401 would drop deliveries for good. */
static bool is_ours_with_pluses(const struct verify *verify, struct slice code) {
    char text[VERIFY_SECRET_LENGTH];
    if (code.length > sizeof text) {
        return false;
    }
    for (size_t i = 0; i < code.length; i++) {
        text[i] = code.bytes[i];
        if (text[i] == ' ') {
            text[i] = '+';
        }
    }
    bool is_hit = is_ours(verify, slice_make(text, code.length));
    crypto_wipe(text, code.length);
    return is_hit;
}
