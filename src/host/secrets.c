#include "host/secrets.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include <stdio.h>
#include <string.h>

struct filling {
    struct secrets_use *use;
    enum secrets_form form;
    struct buffer *out;
    struct error *error;
};

struct part {
    struct slice name, basic; /* raw JSON strings */
};

static int fill_part(void *context, size_t index, struct slice raw);
static int take_member(void *context, struct slice name, struct slice raw);
static int append_value(const struct filling *filling, const struct part *part);
static const struct config_secret *find(const struct filling *filling, struct slice name);
static int remember(struct secrets_use *use, const struct config_secret *secret);
static int append_form(const struct filling *filling, struct slice value);
static bool is_for(const struct config_secret *secret, const struct http_target *target);

int secrets_fill(struct secrets_use *use, struct slice raw, enum secrets_form form, struct buffer *out,
                 struct error *error) {
    struct filling filling = {use, form, out, error};
    struct error none = {0};
    if (error == NULL) {
        filling.error = error = &none;
    }
    *error = (struct error){.code = ERROR_NONE};
    bool is_list = slice_starts_with(raw, "[");
    int result = is_list ? json_each_element(raw.bytes, raw.length, fill_part, &filling, NULL)
                         : fill_part(&filling, 0, raw);
    if (result < 0 && error->code == ERROR_NONE) {
        if (out->is_broken) {
            return error_memory(error);
        }
        return error_set(error, ERROR_INVALID, "a text of the request cannot be read");
    }
    return result;
}

int secrets_check(const struct secrets_use *use, const struct http_target *target, struct error *error) {
    char host[HTTP_HOST_SIZE];
    size_t length = strlen(target->host);
    bool is_bracketed = target->host[0] == '[' && length >= 2;
    memcpy(host, target->host + is_bracketed, length + 1 - is_bracketed);
    host[length - 2 * is_bracketed] = '\0';
    for (size_t i = 0; i < use->count; i++) {
        const struct config_secret *secret = use->used[i];
        if (!is_for(secret, target)) {
            return error_set(
                error, ERROR_INVALID,
                "the secret %s may not be sent to %s: secrets.%s.hosts in switchhook.lua does not name it",
                secret->name, target->origin, secret->name);
        }
        if (!target->is_https && !text_is_loopback(host)) {
            return error_set(error, ERROR_INVALID,
                             "the secret %s is not sent over http: only https, or a loopback address, will do",
                             secret->name);
        }
    }
    return 0;
}

void secrets_wipe(struct buffer *buffer) {
    if (buffer->bytes != NULL) {
        crypto_wipe(buffer->bytes, buffer->capacity);
    }
    buffer_reset(buffer);
}

/* A text, or an object that names a secret. */
static int fill_part(void *context, size_t index, struct slice raw) {
    const struct filling *filling = context;
    struct part part = {{NULL, 0}, {NULL, 0}};
    (void)index;
    if (slice_starts_with(raw, "\"")) {
        return json_append_decoded(filling->out, raw);
    }
    if (!slice_starts_with(raw, "{") || json_each_member(raw.bytes, raw.length, take_member, &part, NULL) < 0 ||
        !slice_is_set(part.name)) {
        return -1;
    }
    return append_value(filling, &part);
}

static int take_member(void *context, struct slice name, struct slice raw) {
    struct part *part = context;
    if (!slice_starts_with(raw, "\"")) {
        return -1;
    }
    if (slice_is(name, "secret")) {
        part->name = raw;
    } else if (slice_is(name, "basic")) {
        part->basic = raw;
    } else {
        return -1;
    }
    return 0;
}

static int append_value(const struct filling *filling, const struct part *part) {
    const struct config_secret *secret = find(filling, part->name);
    struct buffer plain, text;
    int result = -1;
    if (secret == NULL) {
        return -1;
    }
    buffer_init(&plain, filling->out->limit);
    buffer_init(&text, filling->out->limit);
    if (remember(filling->use, secret) < 0) {
        error_set(filling->error, ERROR_LIMIT, "a request carries at most %d secrets", SECRETS_USED_MAX);
    } else if (!slice_is_set(part->basic)) {
        result = append_form(filling, slice_of(secret->value));
    } else if (json_append_decoded(&plain, part->basic) == 0 && buffer_append_char(&plain, ':') == 0 &&
               buffer_append_text(&plain, secret->value) == 0 &&
               crypto_append_base64(&text, buffer_slice(&plain)) == 0) {
        result = append_form(filling, buffer_slice(&text));
    }
    secrets_wipe(&plain);
    secrets_wipe(&text);
    return result;
}

static const struct config_secret *find(const struct filling *filling, struct slice raw) {
    const struct config_secret *found = NULL;
    struct buffer name;
    buffer_init(&name, raw.length);
    if (json_append_decoded(&name, raw) == 0) {
        for (const struct config_secret *secret = filling->use->secrets; secret != NULL && secret->name != NULL;
             secret++) {
            found = slice_is(buffer_slice(&name), secret->name) ? secret : found;
        }
        if (found == NULL) {
            error_set(filling->error, ERROR_NOT_FOUND, "there is no secret '%.*s' in the configuration",
                      (int)(name.length < 64 ? name.length : 64), name.length == 0 ? "" : name.bytes);
        }
    }
    buffer_reset(&name);
    return found;
}

static int remember(struct secrets_use *use, const struct config_secret *secret) {
    for (size_t i = 0; i < use->count; i++) {
        if (use->used[i] == secret) {
            return 0;
        }
    }
    if (use->count == SECRETS_USED_MAX) {
        return -1;
    }
    use->used[use->count++] = secret;
    return 0;
}

static int append_form(const struct filling *filling, struct slice value) {
    struct buffer quoted;
    int result;
    switch (filling->form) {
    case SECRETS_URL: return text_append_percent(filling->out, value);
    case SECRETS_JSON:
        buffer_init(&quoted, filling->out->limit);
        result = json_append_string(&quoted, value);
        if (result < 0 && !text_is_utf8(value)) {
            error_set(filling->error, ERROR_INVALID, "a secret that is no UTF-8 cannot stand in JSON");
        } else if (result == 0) {
            result = buffer_append(filling->out, quoted.bytes + 1, quoted.length - 2);
        }
        secrets_wipe(&quoted);
        return result;
    default: return buffer_append_slice(filling->out, value);
    }
}

/* Exactly the host that is named, on the port that is named, if one is. */
static bool is_for(const struct config_secret *secret, const struct http_target *target) {
    char with_port[HTTP_ORIGIN_SIZE];
    snprintf(with_port, sizeof with_port, "%s:%u", target->host, (unsigned)target->port);
    for (char **host = secret->hosts; *host != NULL; host++) {
        if (strcasecmp(*host, target->host) == 0 || strcasecmp(*host, with_port) == 0) {
            return true;
        }
    }
    return false;
}
