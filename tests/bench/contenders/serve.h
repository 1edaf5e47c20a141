/* What the contenders on libmicrohttpd share: the thread that lets the library work.
 *
 * It is not the library's own (MHD_USE_INTERNAL_POLLING_THREAD): in 0.9.75 that one asks for ready sockets 128 at
 * a time until it gets fewer, and only then serves any; when their number is a multiple of 128 it sleeps with
 * all of them waiting. MHD_run asks in the same way, but never sleeps. Switchhook's listener does it so, too.
 */
#ifndef BENCH_CONTENDERS_SERVE_H
#define BENCH_CONTENDERS_SERVE_H

#include <limits.h>
#include <microhttpd.h>
#include <poll.h>

/* For a daemon with MHD_USE_EPOLL and without a thread. Calls `on_ready` when `fd` is readable (-1: never):
 * connections are resumed there, since MHD_run may sleep over one that another thread resumes. Never returns. */
_Noreturn static inline void serve(struct MHD_Daemon *daemon, int fd, void (*on_ready)(int fd)) {
    struct pollfd ready[] = {
        {.fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, .events = POLLIN},
        {.fd = fd, .events = POLLIN},
    };

    for (;;) {
        MHD_UNSIGNED_LONG_LONG left;
        int patience = -1;
        if (MHD_get_timeout(daemon, &left) == MHD_YES) {
            patience = left < INT_MAX ? (int)left : INT_MAX;
        }
        (void)poll(ready, 2, patience);
        if (ready[1].revents != 0) {
            on_ready(fd);
        }
        (void)MHD_run(daemon);
    }
}

#endif
