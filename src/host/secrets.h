/* Secrets as requests carry them: values put in where a script's texts name them, and masked where an answer
 * echoes them. docs/internals/secrets.md. On the loop's thread; the secrets are the configuration's.
 *
 *     struct secrets_use use = {.secrets = config->secrets};
 *     if (secrets_fill(&use, raw, SECRETS_HEADER, &value, &error) < 0) ...
 *     if (secrets_check(&use, &target, &error) < 0) ...        // before anything leaves
 *     secrets_wipe(&value);
 */
#ifndef HOST_SECRETS_H
#define HOST_SECRETS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "config/config.h"
#include "http/http.h"
#include <stdbool.h>
#include <stddef.h>

/* What a value becomes in its place: percent-encoded in a URL, escaped inside JSON's strings, otherwise as it
 * is. */
enum secrets_form { SECRETS_URL, SECRETS_HEADER, SECRETS_BODY, SECRETS_JSON };

enum { SECRETS_USED_MAX = 16 };

/* Those that one request carries. */
struct secrets_use {
    const struct config_secret *secrets; /* the configuration's, or NULL */
    const struct config_secret *used[SECRETS_USED_MAX];
    size_t count;
};

/* Appends a text as it goes out: `raw` is a JSON string, or an array of parts (worker/secret.h). ERROR_INVALID
 * for what is neither, ERROR_NOT_FOUND for a secret that the configuration does not have. `out` may hold a part
 * then. */
int secrets_fill(struct secrets_use *use, struct slice raw, enum secrets_form form, struct buffer *out,
                 struct error *error);

/* Whether all that the request carries may be sent there: -1 with ERROR_INVALID otherwise, in words without
 * values. */
int secrets_check(const struct secrets_use *use, const struct http_target *target, struct error *error);

/* Appends the text with "secret(NAME)" for each value in it: as it is, percent-encoded, with escapes of JSON or
 * HTML, or in base64 (also inside of a longer text in base64). */
int secrets_mask(const struct config_secret *secrets, struct slice text, struct buffer *out);

/* Overwrites what the buffer holds, and frees it. */
void secrets_wipe(struct buffer *buffer);

#endif
