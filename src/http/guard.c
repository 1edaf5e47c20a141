/* The address guard: which addresses are nobody's business. Facts: the IANA special-purpose address registries
 * (RFC 6890 and its updates). An IPv6 address that wraps an IPv4 address is judged by what it wraps. */
#include "http/client.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct range {
    uint8_t first[16];
    unsigned bits;
    const char *words;
};

static const char *refuses_v4(const uint8_t address[4]);
static const char *refuses_v6(const uint8_t address[16]);
static const char *find_range(const struct range *ranges, const uint8_t *address);
static bool is_inside(const uint8_t *address, const uint8_t *first, unsigned bits);

const char *http_guard_refuses(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return refuses_v4((const uint8_t *)&v4->sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        return refuses_v6(v6->sin6_addr.s6_addr);
    }
    return "of an unknown family";
}

const char *http_guard_refuses_text(const char *address) {
    uint8_t bytes[16];
    if (inet_pton(AF_INET, address, bytes) == 1) {
        return refuses_v4(bytes);
    }
    if (inet_pton(AF_INET6, address, bytes) == 1) {
        return refuses_v6(bytes);
    }
    return "not to be read";
}

static const char *refuses_v4(const uint8_t address[4]) {
    static const struct range ranges[] = {
        {{0}, 8, "of this host"},
        {{10}, 8, "private"},
        {{100, 64}, 10, "shared (carrier-grade NAT)"},
        {{127}, 8, "loopback"},
        {{169, 254}, 16, "link-local"},
        {{172, 16}, 12, "private"},
        {{192, 0, 0}, 24, "for protocols"},
        {{192, 0, 2}, 24, "for documentation"},
        {{192, 88, 99}, 24, "a 6to4 relay"},
        {{192, 168}, 16, "private"},
        {{198, 18}, 15, "for benchmarks"},
        {{198, 51, 100}, 24, "for documentation"},
        {{203, 0, 113}, 24, "for documentation"},
        {{224}, 4, "multicast"},
        {{240}, 4, "reserved"},
        {.words = NULL},
    };
    return find_range(ranges, address);
}

static const char *refuses_v6(const uint8_t address[16]) {
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff}, nat64[16] = {0, 0x64, 0xff, 0x9b};
    static const uint8_t six_to_four[16] = {0x20, 0x02}, global[16] = {0x20};
    static const struct range ranges[] = {
        {{0x20, 0x01}, 23, "for protocols"}, /* Teredo, benchmarks, ORCHID */
        {{0x20, 0x01, 0x0d, 0xb8}, 32, "for documentation"},
        {{0x3f, 0xff}, 20, "for documentation"},
        {.words = NULL},
    };
    if (is_inside(address, mapped, 96) || is_inside(address, nat64, 96)) {
        return refuses_v4(address + 12);
    }
    if (is_inside(address, six_to_four, 16)) {
        return refuses_v4(address + 2);
    }
    /* Everything else that is special lies outside of the global unicast block: loopback, link-local, unique
     * local, site-local, multicast, discard-only, local NAT64. */
    if (!is_inside(address, global, 3)) {
        return "not a global one (loopback, link-local, private or reserved)";
    }
    return find_range(ranges, address);
}

static const char *find_range(const struct range *ranges, const uint8_t *address) {
    for (; ranges->words != NULL; ranges++) {
        if (is_inside(address, ranges->first, ranges->bits)) {
            return ranges->words;
        }
    }
    return NULL;
}

static bool is_inside(const uint8_t *address, const uint8_t *first, unsigned bits) {
    size_t whole = bits / 8;
    if (memcmp(address, first, whole) != 0) {
        return false;
    }
    unsigned rest = bits % 8;
    return rest == 0 || ((address[whole] ^ first[whole]) >> (8 - rest)) == 0;
}
