#include "ingress/private.h"
#include <string.h>

static void take_header(void *context, struct slice name, struct slice value);
static struct slice media_type(struct slice type);
static struct slice trim(struct slice text);
static bool ends_with_json(struct slice type);

/* The type decides between the modes of CloudEvents, as its HTTP binding has it (section 3). Between the
 * schemas, and between one event and many, nothing here decides: each element of the body says what it is. */
enum ingress_form ingress_form(struct httpd_request *request, struct cloud_event *cloud) {
    static const struct slice cloudevents = {"application/cloudevents", sizeof "application/cloudevents" - 1};
    struct slice type = media_type(httpd_header(request, "Content-Type"));
    cloud->count = 0;
    cloud->has_too_many = false;
    httpd_each_header(request, take_header, cloud);
    if (type.length >= cloudevents.length &&
        slice_equal_ignoring_case(slice_make(type.bytes, cloudevents.length), cloudevents)) {
        bool is_known = slice_equal_ignoring_case(type, slice_of("application/cloudevents+json")) ||
                        slice_equal_ignoring_case(type, slice_of("application/cloudevents-batch+json"));
        return is_known ? INGRESS_BODY : INGRESS_UNKNOWN;
    }
    /* Absent means JSON: Event Grid sends it always, people with curl do not. */
    bool is_json = !slice_is_set(type) || slice_equal_ignoring_case(type, slice_of("application/json"));
    if (cloud_is_binary(cloud)) {
        return is_json || ends_with_json(type) ? INGRESS_BINARY : INGRESS_UNKNOWN;
    }
    return is_json ? INGRESS_BODY : INGRESS_UNKNOWN;
}

static void take_header(void *context, struct slice name, struct slice value) {
    cloud_take(context, name, value);
}

/* Parameters do not matter. */
static struct slice media_type(struct slice type) {
    const char *semicolon = type.length == 0 ? NULL : memchr(type.bytes, ';', type.length);
    if (semicolon != NULL) {
        type.length = (size_t)(semicolon - type.bytes);
    }
    return trim(type);
}

static struct slice trim(struct slice text) {
    while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text = slice_make(text.bytes + 1, text.length - 1);
    }
    while (text.length > 0 && (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

/* application/vnd.example+json */
static bool ends_with_json(struct slice type) {
    const struct slice ending = slice_of("+json");
    return type.length > ending.length && memchr(type.bytes, '/', type.length) != NULL &&
           slice_equal_ignoring_case(slice_make(type.bytes + type.length - ending.length, ending.length), ending);
}
