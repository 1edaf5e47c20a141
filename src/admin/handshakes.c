#include "admin/handshakes.h"
#include "admin/put.h"
#include "admin/room.h"
#include "base/clock.h"
#include <string.h>

/* "Within 10 minutes": "Endpoint validation with Event Grid event schema" (learn.microsoft.com). */
#define URL_LIVES_US (600 * CLOCK_US_PER_S)

static void copy(char *to, size_t size, struct slice from);
static size_t find(const struct handshakes *handshakes, const struct handshake *wanted);
static const char *state_of(const struct handshake *handshake, int64_t now_us);
static void put_known(struct json_out *out, const char *name, const char *text);

void handshakes_init(struct handshakes *handshakes) {
    pthread_mutex_init(&handshakes->lock, NULL);
    handshakes->count = 0;
}

void handshakes_reset(struct handshakes *handshakes) {
    pthread_mutex_destroy(&handshakes->lock);
}

void handshakes_note(struct handshakes *handshakes, const struct admin_handshake *handshake) {
    struct handshake noted = {.what = handshake->what, .is_cloud = handshake->is_cloud, .at_us = clock_wall_us()};
    copy(noted.subscription, sizeof noted.subscription, handshake->subscription);
    copy(noted.origin, sizeof noted.origin, handshake->origin);
    copy(noted.reason, sizeof noted.reason, handshake->reason);
    if (handshake->url.length < sizeof noted.url) { /* a part of one is of no use */
        copy(noted.url, sizeof noted.url, handshake->url);
    }
    pthread_mutex_lock(&handshakes->lock);
    size_t place = find(handshakes, &noted);
    if (place < handshakes->count) {
        noted.count = handshakes->items[place].count;
    } else if (handshakes->count < HANDSHAKES_KEPT) {
        handshakes->count++;
    } else {
        place = HANDSHAKES_KEPT - 1;
    }
    noted.count++;
    memmove(&handshakes->items[1], &handshakes->items[0], place * sizeof handshakes->items[0]);
    handshakes->items[0] = noted;
    pthread_mutex_unlock(&handshakes->lock);
}

void handshakes_list(struct handshakes *handshakes, struct httpd_request *request) {
    struct buffer body;
    buffer_init(&body, ADMIN_ANSWER_MAX);
    struct json_out out = json_out(&body);
    int64_t now_us = clock_wall_us();
    json_out_begin(&out, '{');
    json_out_name(&out, "handshakes");
    json_out_begin(&out, '[');
    pthread_mutex_lock(&handshakes->lock);
    for (size_t i = 0; i < handshakes->count; i++) {
        const struct handshake *handshake = &handshakes->items[i];
        json_out_begin(&out, '{');
        admin_put_time(&out, "at", handshake->at_us);
        admin_put_text(&out, "state", slice_of(state_of(handshake, now_us)));
        admin_put_text(&out, "schema", slice_of(handshake->is_cloud ? "CloudEventSchemaV1_0" : "EventGridSchema"));
        put_known(&out, "subscription", handshake->subscription);
        put_known(&out, "origin", handshake->origin);
        put_known(&out, "url", handshake->url);
        put_known(&out, "reason", handshake->reason);
        admin_put_integer(&out, "count", (int64_t)handshake->count);
        json_out_end(&out, '}');
    }
    pthread_mutex_unlock(&handshakes->lock);
    json_out_end(&out, ']');
    json_out_end(&out, '}');
    admin_answer(request, NULL, &body);
}

/* Cut where it does not fit; a character that is cut in two is shown as its bytes. */
static void copy(char *to, size_t size, struct slice from) {
    size_t length = from.length < size ? from.length : size - 1;
    if (length > 0) {
        memcpy(to, from.bytes, length);
    }
    to[length] = '\0';
}

/* Event Grid asks several times, each time with another URL. `count` when it is new. */
static size_t find(const struct handshakes *handshakes, const struct handshake *wanted) {
    size_t i = 0;
    for (; i < handshakes->count; i++) {
        const struct handshake *known = &handshakes->items[i];
        if (known->what == wanted->what && known->is_cloud == wanted->is_cloud &&
            strcmp(known->subscription, wanted->subscription) == 0 && strcmp(known->origin, wanted->origin) == 0 &&
            strcmp(known->reason, wanted->reason) == 0) {
            break;
        }
    }
    return i;
}

static const char *state_of(const struct handshake *handshake, int64_t now_us) {
    switch (handshake->what) {
    case ADMIN_SHOOK: return "allowed";
    case ADMIN_UNSUBSCRIBED: return "deleted";
    case ADMIN_REFUSED: break;
    }
    bool is_waiting = handshake->url[0] != '\0' && now_us - handshake->at_us < URL_LIVES_US;
    return is_waiting ? "waiting" : "refused";
}

static void put_known(struct json_out *out, const char *name, const char *text) {
    admin_put_words(out, name, text[0] == '\0' ? (struct slice){NULL, 0} : slice_of(text));
}
