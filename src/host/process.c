#include "host/process.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "json/json.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_AT_ONCE = 256 * 1024,
    READ_MOST = 4 * 1024 * 1024, /* per turn, so that one worker cannot keep the loop */
    OUT_LIMIT = 256 * 1024 * 1024,
    OUT_CONGESTED = 4 * 1024 * 1024,
    LOOKS_PER_SLICE = 4,
};

static int make_page(struct process *process, struct error *error);
static void close_all(const int *descriptors, size_t count);
static void send_signal(const struct process *process, int number);
static int spawn(struct process *process, int socket, struct error *error);
static int greet(struct process *process, int page, struct error *error);
static int put_names(const struct process *process, struct buffer *hello);
static void put_list(struct buffer *out, const char *member, const char *const *names);
static int64_t cpu_time(pid_t pid);
static void on_socket(struct loop_watch *watch, uint32_t events);
static void on_exit_ready(struct loop_watch *watch, uint32_t events);
static void on_flush(struct loop_task *task);
static void on_sample(struct loop_timer *timer);
static void read_frames(struct process *process, bool is_last);
static int take_frames(struct process *process);
static void write_frames(struct process *process);
static void begin_sampling(struct process *process);
static int64_t look_interval(const struct process *process);
static void bury(struct process *process);
static void describe(const struct process *process, int status, struct process_death *death);

struct process *process_start(const struct process_options *options, struct error *error) {
    struct process *process = calloc(1, sizeof *process);
    if (process == NULL) {
        error_memory(error);
        return NULL;
    }
    *process = (struct process){.options = *options, .context = options->context, .pid = -1, .pidfd = -1};
    process->socket.fd = process->exit.fd = -1;
    buffer_init(&process->out, OUT_LIMIT);
    buffer_init(&process->in, WIRE_HEAD_SIZE + WIRE_PAYLOAD_MAX + READ_AT_ONCE);
    int pair[2] = {-1, -1};
    int page = make_page(process, error);
    if (page < 0) {
        goto failed;
    }
    /* The worker's end waits in its calls; the host's never does. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
        error_system(error, errno, "cannot make the socket of a worker");
        goto failed;
    }
    if (spawn(process, pair[1], error) < 0 ||
        loop_watch(options->loop, &process->socket, pair[0], EPOLLIN, on_socket, error) < 0) {
        goto failed;
    }
    pair[0] = -1;
    if (loop_watch(options->loop, &process->exit, process->pidfd, EPOLLIN, on_exit_ready, error) < 0 ||
        greet(process, page, error) < 0) {
        goto failed;
    }
    close(pair[1]);
    close(page);
    return process;
failed:
    close_all((int[]){page, pair[0], pair[1]}, 3);
    process_free(process);
    return NULL;
}

void process_free(struct process *process) {
    if (process == NULL) {
        return;
    }
    struct loop *loop = process->options.loop;
    loop_timer_cancel(loop, &process->sampler);
    int socket = process->socket.fd;
    if (socket >= 0) {
        loop_unwatch(loop, &process->socket);
        close(socket);
    }
    if (process->exit.fd >= 0) {
        loop_unwatch(loop, &process->exit);
    }
    if (process->pid > 0 && !process->is_dead) {
        kill(process->pid, SIGKILL); /* not waited for yet: the pid is still its */
        waitpid(process->pid, NULL, 0);
    }
    if (process->pidfd >= 0) {
        close(process->pidfd);
    }
    if (process->page != NULL) {
        munmap(process->page, sizeof *process->page);
    }
    buffer_reset(&process->out);
    buffer_reset(&process->in);
    process->is_freed = true;
    if (!process->flusher.is_queued) {
        free(process);
    }
}

void process_put(struct process *process, size_t place) {
    if (wire_end(&process->out, place) < 0) {
        log_error("worker", "a worker does not read its frames, or there is no memory for them: it is ended",
                  LOG_NUMBER("pid", process->pid), LOG_END);
        process_kill(process);
    }
    if (!process->is_dead) {
        loop_defer(process->options.loop, &process->flusher, on_flush);
    }
}

bool process_is_congested(const struct process *process) {
    return process->out.length > OUT_CONGESTED;
}

void process_kill(struct process *process) {
    if (!process->is_dead && !process->is_killed) {
        process->is_killed = true;
        send_signal(process, SIGKILL);
    }
}

static int make_page(struct process *process, struct error *error) {
    int fd = memfd_create("switchhook-page", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof *process->page) < 0) {
        error_system(error, errno, "cannot make the page that a worker shares");
        close_all((int[]){fd}, 1);
        return -1;
    }
    void *page = mmap(NULL, sizeof *process->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        error_system(error, errno, "cannot map the page that a worker shares");
        close(fd);
        return -1;
    }
    process->page = page;
    return fd;
}

static void close_all(const int *descriptors, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
}

/* Through the pidfd: a pid may be somebody else's by now. */
static void send_signal(const struct process *process, int number) {
    if (process->pidfd >= 0) {
        syscall(SYS_pidfd_send_signal, process->pidfd, number, NULL, 0);
    }
}

/* One descriptor, no environment, default signals, a process group of its own (a terminal's Ctrl-C is for the
 * host, which drains). The worker takes the rest of its rights away itself, first thing. */
static int spawn(struct process *process, int socket, struct error *error) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_adddup2(&actions, socket, 0);
#ifdef SWITCHHOOK_SANITIZED
    posix_spawn_file_actions_addclosefrom_np(&actions, 3); /* reports go to stderr */
#else
    posix_spawn_file_actions_addclosefrom_np(&actions, 1);
#endif
    char *arguments[] = {"switchhook-worker", NULL};
    char *environment[] = {NULL};
    int failed =
        posix_spawn(&process->pid, process->options.program, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
        process->pid = -1;
        return error_system(error, failed, "cannot start the worker %s", process->options.program);
    }
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (process->pidfd < 0) {
        return error_system(error, errno, "cannot watch a worker");
    }
    return 0;
}

/* HELLO goes out at once, by itself: the page's descriptor travels with its first byte. */
static int greet(struct process *process, int page, struct error *error) {
    struct buffer hello;
    buffer_init(&hello, WIRE_PAYLOAD_MAX);
    size_t place = wire_begin(&hello, WIRE_HELLO, 0);
    wire_put_u32(&hello, WIRE_VERSION);
    wire_put_u64(&hello, process->options.run_memory);
    wire_put_u64(&hello, process->options.all_memory);
    wire_put_u64(&hello, process->options.answer_size);
    wire_put_text(&hello, slice_of(process->options.timezone));
    int result = put_names(process, &hello);
    if (wire_end(&hello, place) < 0 || result < 0) {
        buffer_reset(&hello);
        return error_memory(error);
    }
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {hello.bytes, hello.length};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.head), &page, sizeof page);
    ssize_t sent = sendmsg(process->socket.fd, &message, MSG_NOSIGNAL);
    process->sent += hello.length;
    if (sent != (ssize_t)hello.length) {
        result = error_system(error, errno, "cannot greet a worker");
    }
    buffer_reset(&hello);
    return result;
}

static int put_names(const struct process *process, struct buffer *hello) {
    static const char *const places[] = {"places", NULL};
    struct buffer names;
    buffer_init(&names, WIRE_PAYLOAD_MAX);
    buffer_append_char(&names, '{');
    put_list(&names, "operations", process->options.operations);
    buffer_append_char(&names, ',');
    put_list(&names, "secrets", process->options.secrets);
    buffer_append_char(&names, ',');
    put_list(&names, "tells", process->options.has_places ? places : NULL);
    buffer_append_char(&names, '}');
    int result = names.is_broken ? -1 : 0;
    wire_put_text(hello, buffer_slice(&names));
    buffer_reset(&names);
    return result;
}

static void put_list(struct buffer *out, const char *member, const char *const *names) {
    json_append_string(out, slice_of(member));
    buffer_append(out, ":[", 2);
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (i > 0) {
            buffer_append_char(out, ',');
        }
        json_append_string(out, slice_of(names[i]));
    }
    buffer_append_char(out, ']');
}

static void on_socket(struct loop_watch *watch, uint32_t events) {
    struct process *process = CONTAINER_OF(watch, struct process, socket);
    if ((events & EPOLLOUT) != 0) {
        write_frames(process);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read_frames(process, false);
    }
}

static void on_exit_ready(struct loop_watch *watch, uint32_t events) {
    (void)events;
    bury(CONTAINER_OF(watch, struct process, exit));
}

static void on_flush(struct loop_task *task) {
    struct process *process = CONTAINER_OF(task, struct process, flusher);
    if (process->is_freed) {
        free(process);
        return;
    }
    write_frames(process);
}

static void write_frames(struct process *process) {
    bool was_congested = process_is_congested(process);
    while (!process->is_dead && process->out.length > 0) {
        ssize_t sent = send(process->socket.fd, process->out.bytes, process->out.length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            break; /* full, or gone: then its exit is told by the pidfd */
        }
        buffer_consume(&process->out, (size_t)sent);
        process->sent += (uint64_t)sent;
        begin_sampling(process);
    }
    if (process->is_dead) {
        return;
    }
    uint32_t wanted = process->out.length > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (process->socket.fd >= 0 && process->socket.events != wanted) {
        loop_rewatch(process->options.loop, &process->socket, wanted, NULL);
    }
    if (was_congested && !process_is_congested(process)) {
        process->options.relieved(process);
    }
}

/* A frame's handler may end the process and even free it later, never at once: `died` comes from bury only. A read
 * that did not fill its room took all there was: what came since wakes the loop again, unless this is the last
 * look. */
static void read_frames(struct process *process, bool is_last) {
    size_t most = READ_MOST;
    while (!process->is_dead && most > 0) {
        char *room = buffer_reserve(&process->in, READ_AT_ONCE);
        if (room == NULL) {
            process_kill(process);
            return;
        }
        ssize_t got = recv(process->socket.fd, room, READ_AT_ONCE, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            if (got == 0 || errno != EAGAIN) {
                int fd = process->socket.fd;
                loop_unwatch(process->options.loop, &process->socket);
                close(fd);
                send_signal(process, SIGKILL); /* without its socket it is of no use, should it still live */
            }
            break;
        }
        buffer_grew(&process->in, (size_t)got);
        most -= (size_t)got < most ? (size_t)got : most;
        if (take_frames(process) < 0) {
            log_error("worker", "a worker sent what is no frame: it is ended", LOG_NUMBER("pid", process->pid),
                      LOG_END);
            buffer_clear(&process->in);
            process_kill(process);
            return;
        }
        if (got < READ_AT_ONCE && !is_last) {
            break;
        }
    }
}

static int take_frames(struct process *process) {
    size_t done = 0;
    int result = 0;
    while (done < process->in.length) {
        struct wire_frame frame;
        size_t taken = 0;
        result = wire_next(slice_make(process->in.bytes + done, process->in.length - done), &frame, &taken);
        if (result <= 0) {
            break;
        }
        done += taken;
        process->options.frame(process, &frame);
    }
    buffer_consume(&process->in, done);
    return result;
}

static void begin_sampling(struct process *process) {
    if (!loop_timer_is_set(&process->sampler)) {
        process->is_sampled = false;
        loop_timer_set(process->options.loop, &process->sampler, clock_monotonic_ns() + look_interval(process),
                       on_sample);
    }
}

static int64_t look_interval(const struct process *process) {
    return (int64_t)process->options.slice_ms * CLOCK_NS_PER_MS / LOOKS_PER_SLICE;
}

/* The same slice seen again and again: what CPU time has it used since it was first seen? The first look comes up
 * to a quarter late, so a run is killed between 1 and 1.25 slices. The looking ends when the worker has nothing
 * left to do, and not when nobody is on the processor: a worker may come late to what was sent. */
static void on_sample(struct loop_timer *timer) {
    struct process *process = CONTAINER_OF(timer, struct process, sampler);
    bool is_idle = atomic_load(&process->page->taken) == process->sent;
    uint64_t slice = atomic_load(&process->page->slice);
    bool is_on = atomic_load(&process->page->run) != 0;
    int64_t cpu = cpu_time(process->pid);
    int64_t limit = (int64_t)process->options.slice_ms * CLOCK_NS_PER_MS;
    if (!is_on) {
        process->is_sampled = false;
        if (is_idle) {
            return;
        }
    } else if (!process->is_sampled || process->sampled_slice != slice) {
        process->is_sampled = true;
        process->is_asked = false;
        process->sampled_slice = slice;
        process->sampled_cpu = cpu;
    } else if (cpu - process->sampled_cpu >= limit) {
        process->is_overtime = true;
        send_signal(process, SIGKILL);
        return;
    } else if (!process->is_asked && cpu - process->sampled_cpu >= limit / 2) {
        process->is_asked = true;
        send_signal(process, SIGURG);
    }
    loop_timer_set(process->options.loop, &process->sampler, clock_monotonic_ns() + look_interval(process),
                   on_sample);
}

static int64_t cpu_time(pid_t pid) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0) {
        return 0;
    }
    return used.tv_sec * CLOCK_NS_PER_S + used.tv_nsec;
}

/* It has ended: what it said before is heard, then its death is told. */
static void bury(struct process *process) {
    if (process->is_dead) {
        return;
    }
    struct process_death death = {.is_stopped = process->is_killed, .is_ours = process->is_overtime};
    int status = 0;
    waitpid(process->pid, &status, 0);
    read_frames(process, true);
    process->is_dead = true;
    loop_timer_cancel(process->options.loop, &process->sampler);
    loop_unwatch(process->options.loop, &process->exit);
    death.run = atomic_load(&process->page->run);
    describe(process, status, &death);
    process->options.died(process, &death);
}

static void describe(const struct process *process, int status, struct process_death *death) {
    char place[sizeof process->page->place];
    memcpy(place, process->page->place, sizeof place);
    place[sizeof place - 1] = '\0';
    bool has_place =
        atomic_load(&process->page->place_slice) == atomic_load(&process->page->slice) && place[0] != '\0';
    if (death->is_ours) {
        snprintf(death->words, sizeof death->words, "killed after %u ms of processor time without giving way%s%s",
                 process->options.slice_ms, has_place ? ", at " : " (inside a C function such as string.rep)",
                 has_place ? place : "");
        return;
    }
    if (WIFSIGNALED(status)) {
        int number = WTERMSIG(status);
        death->is_outside = number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGHUP;
        snprintf(death->words, sizeof death->words, "the worker was ended by signal %d (%s)", number,
                 strsignal(number));
        return;
    }
    snprintf(death->words, sizeof death->words, "the worker ended with status %d", WEXITSTATUS(status));
}
