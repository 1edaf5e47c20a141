/* Where a URL leads. libcurl's own reader is asked, and a transfer gets what it read: whoever decides by a host
 * decides by the one that the request goes to. */
#include "http/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_FLAGS = CURLU_DISALLOW_USER | CURLU_PATH_AS_IS };

static int refuse(struct error *error, CURLUcode code);

int http_read_target(const char *url, struct http_target *target, struct error *error) {
    if (http_check_url(url, error) < 0) {
        return -1;
    }
    CURLU *parts = curl_url();
    if (parts == NULL) {
        return error_memory(error);
    }
    int result = http_parse_url(parts, url, error) < 0 ? -1 : http_parts_target(parts, target, error);
    curl_url_cleanup(parts);
    return result;
}

int http_parse_url(CURLU *parts, const char *url, struct error *error) {
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, URL_FLAGS);
    return code == CURLUE_OK ? 0 : refuse(error, code);
}

int http_parts_target(CURLU *parts, struct http_target *target, struct error *error) {
    char *scheme = NULL, *host = NULL, *port = NULL;
    int result = -1;
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        error_set(error, ERROR_INVALID, "the URL cannot be read");
        goto out;
    }
    target->is_https = strcmp(scheme, "https") == 0;
    if (host[0] == '\0' || strlen(host) >= sizeof target->host) {
        error_set(error, ERROR_INVALID, "the URL has no host, or one that is too long");
        goto out;
    }
    for (size_t i = 0; i <= strlen(host); i++) {
        target->host[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] - 'A' + 'a' : host[i]);
    }
    target->port = (uint16_t)strtoul(port, NULL, 10);
    int length = snprintf(target->origin, sizeof target->origin, "%s://%s", scheme, target->host);
    if (target->port != (target->is_https ? 443 : 80)) {
        snprintf(target->origin + length, sizeof target->origin - (size_t)length, ":%u", (unsigned)target->port);
    }
    result = 0;
out:
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return result;
}

static int refuse(struct error *error, CURLUcode code) {
    if (code == CURLUE_OUT_OF_MEMORY) {
        return error_memory(error);
    }
    if (code == CURLUE_USER_NOT_ALLOWED) {
        return error_set(error, ERROR_INVALID, "the URL carries a user's name; use http.basic instead");
    }
    return error_set(error, ERROR_INVALID, "the URL cannot be read: %s", curl_url_strerror(code));
}
