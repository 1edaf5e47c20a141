#include "base/log.h"
#include "httpd/private.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

struct httpd_stream {
    struct httpd *httpd;
    struct MHD_Connection *connection;
    struct httpd_stream_options options;
    int fd; /* the connection's; it is open as long as the request is not over */
    bool is_suspended;
    struct list_node in_httpd;

    /* With the lock of the listener. */
    struct buffer waiting;
    struct loop_task task; /* has the library ask for what waits */
    bool is_posted;        /* the task holds the stream */
    bool is_ended;         /* nothing is written any more */
    bool is_lost;          /* what waits is not sent either */
    bool is_gone;          /* its owner has forgotten it */
};

static struct httpd_stream *make_stream(struct httpd_request *request, const struct httpd_stream_options *options);
static struct MHD_Response *make_response(struct httpd_stream *stream);
static ssize_t read_stream(void *context, uint64_t position, char *out, size_t most);
static bool has_hung_up(int fd);
static void wake(struct httpd_stream *stream);
static void on_woken(struct loop_task *task);
static void free_stream(struct httpd_stream *stream);

struct httpd_stream *httpd_stream_begin(struct httpd_request *request,
                                        const struct httpd_stream_options *options) {
    struct httpd_stream *stream = make_stream(request, options);
    struct MHD_Response *response = stream == NULL ? NULL : make_response(stream);
    if (response == NULL) {
        free(stream);
        httpd_answer_error(request, 503, "out_of_memory", "no memory for the stream");
        return NULL;
    }
    if (!httpd_claim(request)) {
        MHD_destroy_response(response);
        free(stream);
        return NULL;
    }
    request->stream = stream;
    httpd_give_answer(request, MHD_HTTP_OK, response);
    return stream;
}

void httpd_join_stream(struct httpd_stream *stream) {
    struct httpd *httpd = stream->httpd;
    list_append(&httpd->streams, &stream->in_httpd);
    pthread_mutex_lock(&httpd->lock);
    stream->is_ended |= httpd->is_stopping;
    pthread_mutex_unlock(&httpd->lock);
}

int httpd_stream_write(struct httpd_stream *stream, struct slice bytes) {
    struct httpd *httpd = stream->httpd;
    int result = -1;
    pthread_mutex_lock(&httpd->lock);
    if (!stream->is_ended) {
        result = buffer_append_slice(&stream->waiting, bytes);
        if (result < 0) {
            /* The library waits until the socket takes more, which may be never: it hears of this. */
            stream->is_ended = stream->is_lost = true;
            (void)shutdown(stream->fd, SHUT_RDWR);
        }
        wake(stream);
    }
    pthread_mutex_unlock(&httpd->lock);
    return result;
}

void httpd_stream_end(struct httpd_stream *stream) {
    pthread_mutex_lock(&stream->httpd->lock);
    stream->is_ended = true;
    wake(stream);
    pthread_mutex_unlock(&stream->httpd->lock);
}

void httpd_stream_look(struct httpd_stream *stream) {
    pthread_mutex_lock(&stream->httpd->lock);
    wake(stream);
    pthread_mutex_unlock(&stream->httpd->lock);
}

void httpd_end_streams(struct httpd *httpd) {
    LIST_EACH (&httpd->streams, node) {
        httpd_stream_end(CONTAINER_OF(node, struct httpd_stream, in_httpd));
    }
}

void httpd_lose_stream(struct httpd_request *request) {
    struct httpd_stream *stream = request->stream;
    if (stream == NULL) {
        return;
    }
    pthread_mutex_lock(&request->httpd->lock);
    stream->is_ended = stream->is_lost = true;
    pthread_mutex_unlock(&request->httpd->lock);
    list_remove(&stream->in_httpd);
    if (stream->options.gone != NULL) {
        stream->options.gone(stream, stream->options.context);
    }
    pthread_mutex_lock(&request->httpd->lock);
    stream->is_gone = true;
    bool is_held = stream->is_posted;
    pthread_mutex_unlock(&request->httpd->lock);
    if (!is_held) {
        free_stream(stream);
    }
}

static struct httpd_stream *make_stream(struct httpd_request *request,
                                        const struct httpd_stream_options *options) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct httpd_stream *stream = info == NULL ? NULL : calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->httpd = request->httpd;
    stream->connection = request->connection;
    stream->options = *options;
    stream->fd = info->connect_fd;
    buffer_init(&stream->waiting, options->bound == 0 ? HTTPD_STREAM_BOUND : options->bound);
    return stream;
}

static struct MHD_Response *make_response(struct httpd_stream *stream) {
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, HTTPD_STREAM_PIECE, read_stream, stream, NULL);
    if (response != NULL &&
        (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, stream->options.type) != MHD_YES ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") != MHD_YES ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") != MHD_YES)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return response;
}

/* The library asks whenever the socket takes more. With nothing to say the connection is suspended: the library
 * would ask again and again. */
static ssize_t read_stream(void *context, uint64_t position, char *out, size_t most) {
    (void)position;
    struct httpd_stream *stream = context;
    struct buffer *waiting = &stream->waiting;
    ssize_t result = 0;
    pthread_mutex_lock(&stream->httpd->lock);
    if (stream->is_lost || has_hung_up(stream->fd)) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (waiting->length > 0) {
        size_t length = waiting->length < most ? waiting->length : most;
        memcpy(out, waiting->bytes, length);
        buffer_consume(waiting, length);
        result = (ssize_t)length;
    } else if (stream->is_ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->is_suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&stream->httpd->lock);
    return result;
}

/* The library does not look at what a suspended connection says, and learns only from the second write that nobody
 * reads. */
static bool has_hung_up(int fd) {
    struct pollfd look = {.fd = fd, .events = POLLRDHUP};
    return poll(&look, 1, 0) > 0;
}

/* With the lock held. */
static void wake(struct httpd_stream *stream) {
    if (!stream->is_posted) {
        stream->is_posted = true;
        loop_post(stream->httpd->loop, &stream->task, on_woken);
    }
}

static void on_woken(struct loop_task *task) {
    struct httpd_stream *stream = CONTAINER_OF(task, struct httpd_stream, task);
    struct httpd *httpd = stream->httpd;
    pthread_mutex_lock(&httpd->lock);
    stream->is_posted = false;
    pthread_mutex_unlock(&httpd->lock);
    if (stream->is_gone) {
        free_stream(stream);
    } else if (stream->is_suspended) {
        stream->is_suspended = false;
        MHD_resume_connection(stream->connection);
        httpd_turn(httpd);
    }
}

static void free_stream(struct httpd_stream *stream) {
    buffer_reset(&stream->waiting);
    free(stream);
}
