/* An event as it goes out, in Event Grid's schema or as a CloudEvent. Shared by all who hold it; the loop's
 * thread. Facts: "CloudEvents v1.0 schema with Azure Event Grid", learn.microsoft.com: source is the topic, type
 * the event's type. */
#ifndef SIM_LETTER_H
#define SIM_LETTER_H

#include "base/slice.h"
#include "sim/core.h"
#include <stdbool.h>

struct letter {
    struct sim_event *event; /* held */
    char *cloud;             /* NULL: the event's own text is sent */
    struct slice json;
    unsigned holders;
};

/* With one hold for the caller, and one of its own on the event; NULL without memory. */
struct letter *letter_new(struct sim_event *event, bool is_cloud);
struct letter *letter_hold(struct letter *letter);
void letter_release(struct letter *letter);

#endif
