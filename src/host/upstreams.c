#include "host/upstreams.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct upstream {
    struct breaker breaker;
    struct list_node in_all;
    char origin[HTTP_ORIGIN_SIZE];
};

static struct upstream *look(const struct upstreams *upstreams, const char *origin);
static bool make_room(struct upstreams *upstreams);
static void drop(struct upstreams *upstreams, struct upstream *upstream);

void upstreams_init(struct upstreams *upstreams, struct loop *loop,
                    void (*go)(struct breaker *breaker, bool is_probe), void *context) {
    *upstreams = (struct upstreams){.loop = loop, .go = go, .context = context};
    list_init(&upstreams->all);
}

void upstreams_reset(struct upstreams *upstreams) {
    if (upstreams->loop == NULL) {
        return;
    }
    LIST_EACH (&upstreams->all, node) {
        drop(upstreams, CONTAINER_OF(node, struct upstream, in_all));
    }
}

struct breaker *upstreams_find(struct upstreams *upstreams, const char *origin) {
    struct upstream *upstream = look(upstreams, origin);
    if (upstream != NULL) {
        list_remove(&upstream->in_all);
        list_prepend(&upstreams->all, &upstream->in_all);
        return &upstream->breaker;
    }
    if ((upstreams->count == UPSTREAMS_MAX && !make_room(upstreams)) ||
        (upstream = calloc(1, sizeof *upstream)) == NULL) {
        return NULL;
    }
    snprintf(upstream->origin, sizeof upstream->origin, "%s", origin);
    breaker_init(&upstream->breaker, upstreams->loop, upstream->origin, upstreams->go, upstreams->context);
    list_prepend(&upstreams->all, &upstream->in_all);
    upstreams->count++;
    return &upstream->breaker;
}

bool upstreams_is_open(const struct upstreams *upstreams, const char *origin) {
    const struct upstream *upstream = look(upstreams, origin);
    return upstream != NULL && breaker_is_open(&upstream->breaker);
}

void upstreams_forget(struct upstreams *upstreams, uint64_t run) {
    LIST_EACH (&upstreams->all, node) {
        breaker_forget(&CONTAINER_OF(node, struct upstream, in_all)->breaker, run);
    }
}

void upstreams_name_open(const struct upstreams *upstreams, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    LIST_EACH (&upstreams->all, node) {
        const struct upstream *upstream = CONTAINER_OF(node, struct upstream, in_all);
        if (breaker_is_open(&upstream->breaker) && used < size) {
            int length = snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", upstream->origin);
            used += length < 0 ? 0 : (size_t)length;
        }
    }
}

static struct upstream *look(const struct upstreams *upstreams, const char *origin) {
    LIST_EACH (&upstreams->all, node) {
        struct upstream *upstream = CONTAINER_OF(node, struct upstream, in_all);
        if (strcmp(upstream->origin, origin) == 0) {
            return upstream;
        }
    }
    return NULL;
}

/* One that is open is waited for, by name. */
static bool make_room(struct upstreams *upstreams) {
    for (struct list_node *node = upstreams->all.head.previous; node != &upstreams->all.head;
         node = node->previous) {
        struct upstream *upstream = CONTAINER_OF(node, struct upstream, in_all);
        if (!breaker_is_open(&upstream->breaker)) {
            drop(upstreams, upstream);
            return true;
        }
    }
    return false;
}

static void drop(struct upstreams *upstreams, struct upstream *upstream) {
    breaker_reset(&upstream->breaker);
    list_remove(&upstream->in_all);
    upstreams->count--;
    free(upstream);
}
