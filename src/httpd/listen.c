#include "base/text.h"
#include "httpd/private.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_at(const struct addrinfo *place);
static int port_of(int fd, uint16_t *port);

int httpd_listen(const char *address, uint16_t *port, struct error *error) {
    char host[TEXT_HOST_SIZE];
    if (text_parse_address(address, host, port, error) < 0) {
        return -1;
    }
    char service[sizeof "65535"];
    snprintf(service, sizeof service, "%u", (unsigned)*port);
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *places = NULL;
    int result = getaddrinfo(host, service, &hints, &places);
    if (result != 0) {
        return error_set(error, ERROR_INVALID, "cannot listen on %s: the host is unknown (%s)", address,
                         gai_strerror(result));
    }
    int fd = -1;
    for (const struct addrinfo *place = places; place != NULL && fd < 0; place = place->ai_next) {
        fd = open_at(place);
    }
    int number = errno;
    freeaddrinfo(places);
    if (fd < 0) {
        return error_system(error, number, "cannot listen on %s", address);
    }
    if (port_of(fd, port) < 0) {
        error_system(error, errno, "cannot read the port of %s", address);
        close(fd);
        return -1;
    }
    return fd;
}

/* -1 with errno. */
static int open_at(const struct addrinfo *place) {
    int fd = socket(place->ai_family, place->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, place->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    /* A restart must not wait for the connections of the last run to time out. */
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, place->ai_addr, place->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}

static int port_of(int fd, uint16_t *port) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } name = {0};
    socklen_t length = sizeof name;
    if (getsockname(fd, &name.any, &length) < 0) {
        return -1;
    }
    *port = ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
    return 0;
}
