/* What guarded calls may reach although it is special: ranges of addresses, and names. The addresses are those
 * that a connection really goes to; a name in the list stands for whatever address it has. */
#include "base/text.h"
#include "http/client.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static int read_entry(const char *text, struct http_allowed *allowed);
static int read_range(const char *text, struct http_allowed *allowed);
static int read_host(const char *text, struct http_allowed *allowed);
static bool read_address(const char *text, uint8_t address[16]);
static bool is_allowed(const struct http_client *client, const struct http_target *target,
                       const uint8_t address[16], uint16_t port);
static bool begins_so(const uint8_t address[16], const uint8_t first[16], unsigned bits);

int http_allow_init(struct http_client *client, const char *const *allow, struct error *error) {
    size_t count = 0;
    while (allow != NULL && allow[count] != NULL) {
        count++;
    }
    client->allowed = calloc(count + 1, sizeof *client->allowed);
    if (client->allowed == NULL) {
        return error_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        if (read_entry(allow[i], &client->allowed[i]) < 0) {
            return error_set(error, ERROR_INVALID, "'%s' is no address, range or name that could be allowed",
                             allow[i]);
        }
    }
    client->allowed_count = count;
    return 0;
}

bool http_allows(const struct http_client *client, const struct http_target *target,
                 const struct sockaddr *address) {
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        memcpy(bytes + 12, &v4->sin_addr, 4);
        return is_allowed(client, target, bytes, ntohs(v4->sin_port));
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        return is_allowed(client, target, v6->sin6_addr.s6_addr, ntohs(v6->sin6_port));
    }
    return false;
}

bool http_allows_text(const struct http_client *client, const struct http_target *target, const char *address,
                      int port) {
    uint8_t bytes[16];
    return port > 0 && port <= UINT16_MAX && read_address(address, bytes) &&
           is_allowed(client, target, bytes, (uint16_t)port);
}

static int read_entry(const char *text, struct http_allowed *allowed) {
    return read_range(text, allowed) == 0 || read_host(text, allowed) == 0 ? 0 : -1;
}

/* ADDRESS or ADDRESS/BITS, without a port. */
static int read_range(const char *text, struct http_allowed *allowed) {
    char address[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    uint64_t bits = 0;
    if (length >= sizeof address) {
        return -1;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    if (!read_address(address, allowed->first)) {
        return -1;
    }
    unsigned most = strchr(address, ':') == NULL ? 32 : 128;
    if (text[length] == '\0') {
        allowed->bits = 128;
        return 0;
    }
    if (text_to_uint64(slice_of(text + length + 1), &bits) < 0 || bits > most) {
        return -1;
    }
    allowed->bits = 128 - most + (unsigned)bits;
    return 0;
}

/* NAME, NAME:PORT, ADDRESS:PORT, [v6], [v6]:PORT. */
static int read_host(const char *text, struct http_allowed *allowed) {
    bool is_bracketed = text[0] == '[';
    size_t length = strcspn(text + is_bracketed, is_bracketed ? "]" : ":");
    const char *rest = text + is_bracketed + length + is_bracketed;
    uint64_t port = 0;
    if (length == 0 || length >= sizeof allowed->host || (is_bracketed && text[is_bracketed + length] != ']') ||
        (rest[0] != '\0' &&
         (rest[0] != ':' || text_to_uint64(slice_of(rest + 1), &port) < 0 || port == 0 || port > UINT16_MAX))) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        char c = text[is_bracketed + i];
        if (!isalnum((unsigned char)c) && strchr("-._:", c) == NULL) {
            return -1;
        }
        allowed->host[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    allowed->host[length] = '\0';
    allowed->port = (uint16_t)port;
    if (read_address(allowed->host, allowed->first)) {
        allowed->host[0] = '\0';
        allowed->bits = 128;
        return 0;
    }
    return is_bracketed || text_looks_like_v4(slice_of(allowed->host)) ? -1 : 0;
}

static bool read_address(const char *text, uint8_t address[16]) {
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
    memcpy(address, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, address + 12) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool is_allowed(const struct http_client *client, const struct http_target *target,
                       const uint8_t address[16], uint16_t port) {
    for (size_t i = 0; i < client->allowed_count; i++) {
        const struct http_allowed *allowed = &client->allowed[i];
        if (allowed->port != 0 && allowed->port != port) {
            continue;
        }
        if (allowed->host[0] != '\0' ? strcmp(allowed->host, target->host) == 0
                                     : begins_so(address, allowed->first, allowed->bits)) {
            return true;
        }
    }
    return false;
}

static bool begins_so(const uint8_t address[16], const uint8_t first[16], unsigned bits) {
    size_t whole = bits / 8;
    unsigned rest = bits % 8;
    return memcmp(address, first, whole) == 0 &&
           (rest == 0 || ((address[whole] ^ first[whole]) >> (8 - rest)) == 0);
}
