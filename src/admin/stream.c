#include "admin/stream.h"
#include "admin/put.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdlib.h>

enum { MESSAGE_MAX = 256 * 1024 };

struct listener {
    struct stream *stream;
    struct httpd_stream *sink;
    struct list_node in_stream;
};

static void on_gone(struct httpd_stream *sink, void *context);
static void put_message(struct buffer *text, uint64_t id, const struct host_note *note);
static const char *kind_of(const struct host_note *note);
static const char *word_of(const struct host_note *note);
static void put_event(struct json_out *out, const struct host_note *note);
static void put_run(struct json_out *out, const struct host_note *note);
static void put_step(struct json_out *out, const struct host_note *note);
static void put_reload(struct json_out *out, const struct host_note *note);

void stream_init(struct stream *stream) {
    pthread_mutex_init(&stream->lock, NULL);
    list_init(&stream->listeners);
    atomic_init(&stream->count, 0);
    stream->last_id = 0;
}

void stream_reset(struct stream *stream) {
    pthread_mutex_destroy(&stream->lock);
}

/* Those who left without a word hold their places until somebody looks: a newcomer has the listener do so. */
void stream_listen(struct stream *stream, struct httpd_request *request) {
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        httpd_answer_error(request, 503, "OutOfMemory", "no memory for another listener");
        return;
    }
    listener->stream = stream;
    pthread_mutex_lock(&stream->lock);
    LIST_EACH (&stream->listeners, node) {
        httpd_stream_look(CONTAINER_OF(node, struct listener, in_stream)->sink);
    }
    bool is_full = atomic_load(&stream->count) >= STREAM_LISTENERS_MAX;
    if (!is_full) {
        listener->sink = httpd_stream_begin(
            request,
            &(struct httpd_stream_options){.type = "text/event-stream", .gone = on_gone, .context = listener});
    }
    if (listener->sink != NULL) {
        list_append(&stream->listeners, &listener->in_stream);
        atomic_fetch_add(&stream->count, 1);
        /* Whoever has read this misses nothing from here on. */
        (void)httpd_stream_write(listener->sink, slice_of(": listening\n\n"));
    }
    pthread_mutex_unlock(&stream->lock);
    if (is_full) {
        httpd_answer_error(request, 503, "TooManyListeners", "at most %d may listen at a time",
                           STREAM_LISTENERS_MAX);
    }
    if (listener->sink == NULL) {
        free(listener);
    }
}

/* A number is used up even when nothing can be made of the happening: who listens sees the gap. */
void stream_note(struct stream *stream, const struct host_note *note) {
    if (atomic_load(&stream->count) == 0) {
        return;
    }
    struct buffer text;
    buffer_init(&text, MESSAGE_MAX);
    pthread_mutex_lock(&stream->lock);
    put_message(&text, ++stream->last_id, note);
    if (!text.is_broken) {
        LIST_EACH (&stream->listeners, node) {
            (void)httpd_stream_write(CONTAINER_OF(node, struct listener, in_stream)->sink, buffer_slice(&text));
        }
    }
    pthread_mutex_unlock(&stream->lock);
    buffer_reset(&text);
}

static void on_gone(struct httpd_stream *sink, void *context) {
    (void)sink;
    struct listener *listener = context;
    struct stream *stream = listener->stream;
    pthread_mutex_lock(&stream->lock);
    list_remove(&listener->in_stream);
    atomic_fetch_sub(&stream->count, 1);
    pthread_mutex_unlock(&stream->lock);
    free(listener);
}

/* JSON has no line breaks of its own: one data line is enough. */
static void put_message(struct buffer *text, uint64_t id, const struct host_note *note) {
    const char *kind = kind_of(note);
    buffer_append_format(text, "id: %" PRIu64 "\nevent: %s\ndata: ", id, kind);
    struct json_out out = json_out(text);
    json_out_begin(&out, '{');
    admin_put_text(&out, "kind", slice_of(kind));
    admin_put_text(&out, "what", slice_of(word_of(note)));
    admin_put_time(&out, "at", note->at_us);
    switch (note->what) {
    case HOST_SAID: break;
    case HOST_ARRIVED:
    case HOST_UNHANDLED: put_event(&out, note); break;
    case HOST_STEP: put_step(&out, note); break;
    case HOST_DONE:
    case HOST_WAITING:
    case HOST_PARKED: put_run(&out, note); break;
    case HOST_LIVE:
    case HOST_REFUSED: put_reload(&out, note); break;
    case HOST_KILLED:
        admin_put_words(&out, "result", note->result);
        admin_put_words(&out, "reason", note->reason);
        break;
    }
    json_out_end(&out, '}');
    buffer_append_text(text, "\n\n");
}

static const char *kind_of(const struct host_note *note) {
    switch (note->what) {
    case HOST_SAID: break;
    case HOST_ARRIVED:
    case HOST_UNHANDLED: return "event";
    case HOST_STEP: return "step";
    case HOST_DONE:
    case HOST_WAITING:
    case HOST_PARKED: return "run";
    case HOST_LIVE:
    case HOST_REFUSED: return "reload";
    case HOST_KILLED: return "worker";
    }
    return "other";
}

static const char *word_of(const struct host_note *note) {
    switch (note->what) {
    case HOST_SAID: break;
    case HOST_ARRIVED: return "arrived";
    case HOST_UNHANDLED: return "unhandled";
    case HOST_STEP: return note->is_error ? "failed" : "answered";
    case HOST_DONE: return "done";
    case HOST_WAITING: return "waiting";
    case HOST_PARKED: return "parked";
    case HOST_LIVE: return "live";
    case HOST_REFUSED: return "refused";
    case HOST_KILLED: return "ended";
    }
    return "other";
}

static void put_event(struct json_out *out, const struct host_note *note) {
    admin_put_integer(out, "seq", (int64_t)note->seq);
    admin_put_words(out, "type", note->type);
    admin_put_words(out, "subject", note->subject);
}

static void put_run(struct json_out *out, const struct host_note *note) {
    put_event(out, note);
    admin_put_words(out, "handler", note->handler);
    admin_put_words(out, "result", note->result);
    admin_put_integer(out, "attempt", note->attempt);
    json_out_name(out, "seconds");
    json_out_number(out, note->seconds);
    admin_put_words(out, "reason", note->reason);
    admin_put_time(out, "dueAt", note->what == HOST_WAITING ? note->due_us : 0);
}

static void put_step(struct json_out *out, const struct host_note *note) {
    put_event(out, note);
    admin_put_words(out, "handler", note->handler);
    admin_put_words(out, "operation", note->operation);
    admin_put_integer(out, "status", note->status);
    json_out_name(out, "isError");
    json_out_bool(out, note->is_error);
    json_out_name(out, "seconds");
    json_out_number(out, note->seconds);
    json_out_name(out, "error");
    json_out_raw(out, note->is_error ? note->reason : (struct slice){NULL, 0});
}

static void put_reload(struct json_out *out, const struct host_note *note) {
    admin_put_words(out, "generation", note->handler);
    json_out_name(out, "seconds");
    json_out_number(out, note->seconds);
    admin_put_words(out, "reason", note->reason);
}
