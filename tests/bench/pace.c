/* Events by the clock, and the Job Router that they lead to, in one thread:
 * pace PORT UPSTREAM-PORT RATE EVENTS DELAY-US
 *
 * Posts EVENTS single events of about 1.3 KB to a host at PORT, RATE a second, over kept connections, and answers
 * the calls that their handlers make at UPSTREAM-PORT, each DELAY-US after it came. The schedule stands: an event
 * that finds no free connection goes out late, and its times count from when it was due. So a host that stalls is
 * charged for all that it kept waiting.
 *
 * An event's job is named RANDOM-NUMBER; the call for it tells by its path which event it is of. Ends when every
 * event is acknowledged and its call answered, and prints, in microseconds from when each was due,
 *
 *     {"events":9500,"sent":[P50,P99,P99.9,MAX],"acknowledged":[...],"left":[...],"answered":[...]}
 *
 * where `sent` is this program's own lateness, and `left` the call's arrival here. What was due in the first half
 * second is not counted: connections are made then. */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { POSTS = 64, MESSAGE_MOST = 64 * 1024, BACKLOG = 512, GRACE_S = 30 };

static const char head_format[] =
    "POST /events HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json; charset=utf-8\r\n"
    "aeg-event-type: Notification\r\nContent-Length: %zu\r\n\r\n";
static const char body_format[] =
    "[{\"id\":\"%s\",\"topic\":\"/subscriptions/5c1e8a0e-3f0b-4f7c-9f39-1f6a3d9b7e11/resourceGroups/"
    "contact-centre/"
    "providers/Microsoft.Communication/communicationServices/harbour\",\"subject\":\"job/%s/channel/"
    "voice\",\"data\":{"
    "\"jobId\":\"%s\",\"channelReference\":\"call-20931\",\"channelId\":\"voice\",\"queueId\":\"support\","
    "\"priority\":5,"
    "\"labels\":{\"Locale\":\"en-us\",\"Segment\":\"Gold\",\"Level\":4,\"Score\":0.875,\"Product\":\"harbour-9\"},"
    "\"tags\":{\"campaign\":\"spring\",\"source\":\"web\",\"note\":\"the caller asks about an order\"},"
    "\"requestedWorkerSelectors\":[{\"key\":\"Language\",\"labelOperator\":\"equal\",\"value\":\"de\","
    "\"ttlSeconds\":36,"
    "\"state\":\"active\",\"expirationTime\":\"2026-03-01T09:31:00.0000000Z\"},{\"key\":\"Level\","
    "\"labelOperator\":"
    "\"greaterThanEqual\",\"value\":3,\"ttlSeconds\":null,\"state\":\"active\",\"expirationTime\":null}],"
    "\"attachedWorkerSelectors\":[{\"key\":\"Region\",\"labelOperator\":\"equal\",\"value\":\"EMEA\",\"state\":"
    "\"active\"}],"
    "\"scheduledOn\":\"2026-03-01T09:30:00.0000000Z\",\"unavailableForMatching\":true},\"eventType\":"
    "\"Microsoft.Communication.RouterJobWaitingForActivation\",\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\","
    "\"eventTime\":\"2026-03-01T09:30:00.1736293Z\"}]";
static const char answer_text[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

struct event {
    int64_t due, sent, acknowledged, left, answered; /* monotonic nanoseconds; 0: not yet */
};

/* A connection to the host. */
struct post {
    struct loop_watch watch;
    struct buffer in;
    struct event *event; /* NULL: it is free */
    struct post *next_free;
};

/* A connection of the host. */
struct call {
    struct list_node in_calls;
    struct loop_watch watch;
    struct loop_timer delay;
    struct buffer in;
    struct event *event;
};

static struct {
    struct loop *loop;
    struct event *events;
    size_t count, next, acknowledged, answered;
    struct post posts[POSTS], *free;
    struct loop_timer due, deadline;
    struct loop_watch listener;
    struct list calls;
    int64_t delay_ns;
    struct sockaddr_in host;
} pace;

static void fail(const char *what, const char *words) {
    fprintf(stderr, "pace: %s: %s\n", what, words);
    exit(EXIT_FAILURE);
}

static struct sockaddr_in loopback(const char *port) {
    uint64_t number;
    if (text_to_uint64(slice_of(port), &number) < 0 || number == 0 || number > UINT16_MAX) {
        fail(port, "is no port");
    }
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void write_all(int fd, const char *bytes, size_t length) {
    /* One small message at a time is under way: it fits into the socket. */
    if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) {
        fail("send", strerror(errno));
    }
}

/* Reads what is there. False when the other side has closed. */
static bool read_some(int fd, struct buffer *in) {
    char *room = buffer_reserve(in, MESSAGE_MOST / 2);
    if (room == NULL) {
        fail("a message", "is too long");
    }
    ssize_t length = recv(fd, room, MESSAGE_MOST / 2, MSG_DONTWAIT);
    if (length < 0 && errno != EAGAIN) {
        fail("recv", strerror(errno));
    }
    buffer_grew(in, length < 0 ? 0 : (size_t)length);
    return length != 0;
}

/* The length of the message at the front, head and body; 0: it is not all there. */
static size_t message_length(const struct buffer *in) {
    const char *end = in->length == 0 ? NULL : strstr(in->bytes, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    size_t length = (size_t)(end - in->bytes) + 4;
    const char *field = strcasestr(in->bytes, "\r\nContent-Length:");
    if (field != NULL && field < end) {
        length += strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
    }
    return length <= in->length ? length : 0;
}

static void stop_when_over(void) {
    if (pace.acknowledged == pace.count && pace.answered == pace.count) {
        loop_stop(pace.loop);
    }
}

/* Fills `bytes` with an event of a random id, for a job of its own. */
static size_t write_event(size_t number, char *bytes, size_t size) {
    uint64_t random[2];
    char id[64], job[64], body[MESSAGE_MOST / 4];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        fail("getrandom", strerror(errno));
    }
    snprintf(id, sizeof id, "%016" PRIx64 "-%08zx", random[0], number);
    snprintf(job, sizeof job, "%016" PRIx64 "-%08zx", random[1], number);
    size_t length = (size_t)snprintf(body, sizeof body, body_format, id, job, job);
    size_t head = (size_t)snprintf(bytes, size, head_format, length);
    memcpy(bytes + head, body, length);
    return head + length;
}

/* Posts what is due, as far as there are connections. */
static void post_due(void) {
    static char bytes[MESSAGE_MOST];
    while (pace.free != NULL && pace.next < pace.count && pace.events[pace.next].due <= clock_monotonic_ns()) {
        struct post *post = pace.free;
        pace.free = post->next_free;
        size_t length = write_event(pace.next, bytes, sizeof bytes);
        post->event = &pace.events[pace.next++];
        post->event->sent = clock_monotonic_ns();
        write_all(post->watch.fd, bytes, length);
    }
}

static void on_due(struct loop_timer *timer) {
    post_due();
    size_t next = pace.next;
    int64_t now = clock_monotonic_ns();
    /* Those that are due already go out with the next acknowledgement. */
    while (next < pace.count && pace.events[next].due <= now) {
        next++;
    }
    if (next < pace.count) {
        (void)loop_timer_set(pace.loop, timer, pace.events[next].due, on_due);
    }
}

static void on_acknowledged(struct loop_watch *watch, uint32_t ready) {
    (void)ready;
    struct post *post = CONTAINER_OF(watch, struct post, watch);
    if (!read_some(watch->fd, &post->in)) {
        fail("the host", "closed a connection");
    }
    size_t length = message_length(&post->in);
    if (length == 0) {
        return;
    }
    if (post->event == NULL || strncmp(post->in.bytes, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) != 0) {
        fail("the host answered", post->in.bytes);
    }
    post->event->acknowledged = clock_monotonic_ns();
    buffer_consume(&post->in, length);
    post->event = NULL;
    post->next_free = pace.free;
    pace.free = post;
    pace.acknowledged++;
    post_due();
    stop_when_over();
}

static void connect_posts(void) {
    struct error error = {0};
    for (size_t i = 0; i < POSTS; i++) {
        struct post *post = &pace.posts[i];
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&pace.host, sizeof pace.host) < 0) {
            fail("connect", strerror(errno));
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        buffer_init(&post->in, MESSAGE_MOST);
        if (loop_watch(pace.loop, &post->watch, fd, EPOLLIN, on_acknowledged, &error) < 0) {
            fail("connect", error.message);
        }
        post->next_free = pace.free;
        pace.free = post;
    }
}

static void answer_call(struct loop_timer *timer) {
    struct call *call = CONTAINER_OF(timer, struct call, delay);
    write_all(call->watch.fd, answer_text, sizeof answer_text - 1);
    if (call->event->answered == 0) {
        call->event->answered = clock_monotonic_ns();
        pace.answered++;
    }
    call->event = NULL;
    stop_when_over();
}

/* The event whose job the call is for: PATCH /routing/jobs/RANDOM-NUMBER?... */
static struct event *event_of(const struct buffer *in) {
    const char *name = strstr(in->bytes, "/jobs/");
    const char *dash = name == NULL ? NULL : strchr(name, '-');
    size_t number = dash == NULL ? pace.count : strtoul(dash + 1, NULL, 16);
    if (number >= pace.count || pace.events[number].sent == 0) {
        fail("a call for a job that no event was about", in->bytes);
    }
    return &pace.events[number];
}

static void drop_call(struct call *call) {
    list_remove(&call->in_calls);
    loop_timer_cancel(pace.loop, &call->delay);
    loop_unwatch(pace.loop, &call->watch);
    buffer_reset(&call->in);
    free(call);
}

static void on_call(struct loop_watch *watch, uint32_t ready) {
    (void)ready;
    struct call *call = CONTAINER_OF(watch, struct call, watch);
    if (!read_some(watch->fd, &call->in)) {
        int fd = watch->fd;
        drop_call(call);
        close(fd);
        return;
    }
    size_t length = message_length(&call->in);
    if (length == 0) {
        return;
    }
    int64_t now = clock_monotonic_ns();
    call->event = event_of(&call->in);
    call->event->left = call->event->left == 0 ? now : call->event->left;
    buffer_consume(&call->in, length);
    if (pace.delay_ns == 0) {
        answer_call(&call->delay);
    } else if (loop_timer_set(pace.loop, &call->delay, now + pace.delay_ns, answer_call) < 0) {
        fail("a timer", "there is no memory");
    }
}

static void on_connection(struct loop_watch *watch, uint32_t ready) {
    (void)ready;
    struct error error = {0};
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);
    struct call *call = calloc(1, sizeof *call);
    if (fd < 0 || call == NULL) {
        fail("accept", strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    buffer_init(&call->in, MESSAGE_MOST);
    list_append(&pace.calls, &call->in_calls);
    if (loop_watch(pace.loop, &call->watch, fd, EPOLLIN, on_call, &error) < 0) {
        fail("accept", error.message);
    }
}

static void listen_for_calls(const char *port) {
    struct error error = {0};
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0) {
        fail("listen", strerror(errno));
    }
    if (loop_watch(pace.loop, &pace.listener, fd, EPOLLIN, on_connection, &error) < 0) {
        fail("listen", error.message);
    }
}

static void on_deadline(struct loop_timer *timer) {
    (void)timer;
    char words[128];
    snprintf(words, sizeof words, "of %zu events %zu were acknowledged, %zu calls answered", pace.count,
             pace.acknowledged, pace.answered);
    fail("too late", words);
}

/* The schedule begins now. */
static void plan(uint64_t rate) {
    int64_t begin = clock_monotonic_ns();
    for (size_t i = 0; i < pace.count; i++) {
        pace.events[i].due = begin + (int64_t)i * CLOCK_NS_PER_S / (int64_t)rate;
    }
    int64_t end = pace.events[pace.count - 1].due;
    if (loop_timer_set(pace.loop, &pace.due, begin, on_due) < 0 ||
        loop_timer_set(pace.loop, &pace.deadline, end + GRACE_S * CLOCK_NS_PER_S, on_deadline) < 0) {
        fail("a timer", "there is no memory");
    }
}

static int compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* `member`: which moment, as an offset into struct event. */
static void print_times(const char *name, size_t member, size_t first) {
    static const double shares[] = {0.5, 0.99, 0.999, 1};
    size_t count = pace.count - first;
    int64_t *times = calloc(count, sizeof *times);
    if (times == NULL) {
        fail("the result", "there is no memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct event *event = &pace.events[first + i];
        times[i] = *(const int64_t *)((const char *)event + member) - event->due;
    }
    qsort(times, count, sizeof *times, compare);
    printf(",\"%s\":", name);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t place = (size_t)(shares[i] * (double)(count - 1));
        printf("%s%.1f", i == 0 ? "[" : ",", (double)times[place] / 1e3);
    }
    printf("]");
    free(times);
}

static uint64_t number_of(const char *text) {
    uint64_t number;
    if (text_to_uint64(slice_of(text), &number) < 0) {
        fail(text, "is no number");
    }
    return number;
}

int main(int count, char **arguments) {
    struct error error = {0};
    if (count != 6) {
        fail("usage", "pace PORT UPSTREAM-PORT RATE EVENTS DELAY-US");
    }
    uint64_t rate = number_of(arguments[3]);
    pace.host = loopback(arguments[1]);
    pace.count = number_of(arguments[4]);
    pace.delay_ns = (int64_t)number_of(arguments[5]) * 1000;
    pace.events = calloc(pace.count, sizeof *pace.events);
    pace.loop = loop_new(&error);
    if (rate == 0 || pace.count <= rate / 2 || pace.events == NULL || pace.loop == NULL) {
        fail("start", rate == 0 || pace.count <= rate / 2 ? "RATE and EVENTS must be for half a second at least"
                                                          : error.message);
    }
    list_init(&pace.calls);
    listen_for_calls(arguments[2]);
    connect_posts();
    plan(rate);
    loop_run(pace.loop);
    printf("{\"events\":%zu", pace.count - rate / 2);
    print_times("sent", offsetof(struct event, sent), rate / 2);
    print_times("acknowledged", offsetof(struct event, acknowledged), rate / 2);
    print_times("left", offsetof(struct event, left), rate / 2);
    print_times("answered", offsetof(struct event, answered), rate / 2);
    printf("}\n");
    for (struct list_node *node; (node = list_take_first(&pace.calls)) != NULL;) {
        drop_call(CONTAINER_OF(node, struct call, in_calls));
    }
    for (size_t i = 0; i < POSTS; i++) {
        buffer_reset(&pace.posts[i].in);
    }
    loop_free(pace.loop);
    free(pace.events);
    return EXIT_SUCCESS;
}
