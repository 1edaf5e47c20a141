/* Lists: narrowed down by the query, cut into pages. The link to the next page names the last entry of this one,
 * by its id and by its number in the order of making. So nothing comes twice and nothing is left out, whatever is
 * made or deleted between two pages: what is new comes last. */
#include "base/clock.h"
#include "base/text.h"
#include "sim/state.h"
#include "json/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define AFTER    "continuation"
#define AFTER_ID "continuationId"

enum { PAGE_SIZE = 100, PAGE_MOST = 1000, LINK_LIMIT = 16 * 1024 };

/* What a page holds at most, and the entry after which it begins. */
struct page {
    size_t size;
    uint64_t after; /* 0: from the beginning */
    char after_id[SIM_ID_LIMIT + 1];
};

static int read_page(struct sim_core *core, const struct sim_call *call, struct page *page);
static int read_filter(struct sim_core *core, const struct sim_call *call, struct sim_filter *filter);
static int read_text(struct sim_core *core, const struct sim_call *call, const char *name,
                     char text[SIM_ID_LIMIT + 1]);
static int read_raw(struct sim_core *core, const struct sim_call *call, const char *name,
                    char text[SIM_ID_LIMIT + 1]);
static int read_time(struct sim_core *core, const struct sim_call *call, const char *name, int64_t *us);
static const struct list_node *find_start(const struct sim_collection *collection, const struct page *page);
static void append_link(struct buffer *out, const struct sim_call *call, const struct sim_entry *last);

void sim_list(struct sim_core *core, struct sim_call *call) {
    struct sim_filter filter;
    struct page page;
    if (read_page(core, call, &page) < 0 || read_filter(core, call, &filter) < 0) {
        return;
    }
    const struct sim_collection *collection = sim_collection_of(core, call->kind);
    const struct list_node *node = find_start(collection, &page);
    const struct sim_entry *last = NULL;
    bool has_more = false;
    struct buffer *out = &call->answer->body;
    buffer_append_text(out, "{\"value\":[");
    for (size_t count = 0; node != &collection->in_order.head && !has_more; node = node->next) {
        const struct sim_entry *entry = CONTAINER_OF(node, struct sim_entry, in_order);
        if (call->kind->is_listed != NULL && !call->kind->is_listed(entry, &filter)) {
            continue;
        }
        if (count == page.size) {
            has_more = true;
            continue;
        }
        buffer_append_text(out, count++ == 0 ? "" : ",");
        struct json *value = call->kind->to_json(entry);
        json_print(value, out); /* of NULL: breaks the buffer */
        json_free(value);
        last = entry;
    }
    buffer_append_text(out, "],\"nextLink\":");
    append_link(out, call, has_more ? last : NULL);
    buffer_append_char(out, '}');
    call->answer->status = 200;
    if (out->is_broken) {
        sim_fail_memory(core, call->answer);
    }
}

static int read_page(struct sim_core *core, const struct sim_call *call, struct page *page) {
    *page = (struct page){.size = PAGE_SIZE};
    char text[SIM_ID_LIMIT + 1] = "";
    uint64_t number = 0;
    if (read_text(core, call, "maxpagesize", text) < 0) {
        return -1;
    }
    if (text[0] != '\0') {
        if (text_to_uint64(slice_of(text), &number) < 0 || number == 0 || number > INT32_MAX) {
            return sim_fail(call->answer, 400, "InvalidQuery",
                            "the query parameter maxpagesize must be a whole number of 1 or more");
        }
        page->size = number > PAGE_MOST ? PAGE_MOST : (size_t)number;
    }
    text[0] = '\0';
    if (read_raw(core, call, AFTER, text) < 0 || read_raw(core, call, AFTER_ID, page->after_id) < 0) {
        return -1;
    }
    if (text[0] != '\0' && (text_to_uint64(slice_of(text), &page->after) < 0 || page->after == 0)) {
        return sim_fail(call->answer, 400, "InvalidQuery",
                        "the query parameter " AFTER " is not as a nextLink had it: follow the link as it came");
    }
    return 0;
}

static int read_filter(struct sim_core *core, const struct sim_call *call, struct sim_filter *filter) {
    *filter = (struct sim_filter){.before_us = SIM_NEVER, .after_us = INT64_MIN};
    char capacity[SIM_ID_LIMIT + 1] = "";
    if (read_text(core, call, "status", filter->state) < 0 || read_text(core, call, "state", filter->state) < 0 ||
        read_text(core, call, "queueId", filter->queue_id) < 0 ||
        read_text(core, call, "channelId", filter->channel_id) < 0 ||
        read_text(core, call, "classificationPolicyId", filter->policy_id) < 0 ||
        read_text(core, call, "hasCapacity", capacity) < 0 ||
        read_time(core, call, "scheduledBefore", &filter->before_us) < 0 ||
        read_time(core, call, "scheduledAfter", &filter->after_us) < 0) {
        return -1;
    }
    filter->has_capacity = strcasecmp(capacity, "true") == 0;
    if (capacity[0] != '\0' && !filter->has_capacity && strcasecmp(capacity, "false") != 0) {
        return sim_fail(call->answer, 400, "InvalidQuery",
                        "the query parameter hasCapacity must be true or false");
    }
    return 0;
}

/* A parameter that the operation does not have is not read: "status" means nothing to a list of workers. */
static int read_text(struct sim_core *core, const struct sim_call *call, const char *name,
                     char text[SIM_ID_LIMIT + 1]) {
    const struct router_member *member = router_find_member(call->operation, slice_of(name));
    if (member == NULL) {
        return 0;
    }
    if (read_raw(core, call, name, text) < 0) {
        return -1;
    }
    if (text[0] == '\0' || member->values == NULL) {
        return 0;
    }
    char words[256] = "";
    for (const char *const *value = member->values; *value != NULL; value++) {
        if (strcmp(text, *value) == 0) {
            return 0;
        }
        size_t length = strlen(words);
        snprintf(words + length, sizeof words - length, "%s%s", length == 0 ? "" : ", ", *value);
    }
    return sim_fail(call->answer, 400, "InvalidQuery", "the query parameter %s cannot be \"%s\"; it can be %s",
                    name, text, words);
}

static int read_raw(struct sim_core *core, const struct sim_call *call, const char *name,
                    char text[SIM_ID_LIMIT + 1]) {
    switch (sim_query(call->query, name, text)) {
    case SIM_TEXT_NO_MEMORY: return sim_fail_memory(core, call->answer);
    case SIM_TEXT_BAD:
        return sim_fail(call->answer, 400, "InvalidQuery", "the query parameter %s cannot be read", name);
    case SIM_TEXT_ABSENT:
    case SIM_TEXT_THERE: break;
    }
    return 0;
}

static int read_time(struct sim_core *core, const struct sim_call *call, const char *name, int64_t *us) {
    char text[SIM_ID_LIMIT + 1] = "";
    if (read_text(core, call, name, text) < 0) {
        return -1;
    }
    if (text[0] != '\0' && clock_parse(text, strlen(text), us) < 0) {
        return sim_fail(call->answer, 400, "InvalidQuery", "the query parameter %s is no date and time", name);
    }
    return 0;
}

/* Without a walk, unless the entry was deleted meanwhile. */
static const struct list_node *find_start(const struct sim_collection *collection, const struct page *page) {
    const struct sim_entry *last = page->after == 0 ? NULL : sim_find(collection, page->after_id);
    if (last != NULL && last->serial == page->after) {
        return last->in_order.next;
    }
    const struct list_node *node = collection->in_order.head.next;
    while (node != &collection->in_order.head &&
           CONTAINER_OF(node, const struct sim_entry, in_order)->serial <= page->after) {
        node = node->next;
    }
    return node;
}

/* The same query, and where to go on. `last` NULL: there is no next page. */
static void append_link(struct buffer *out, const struct sim_call *call, const struct sim_entry *last) {
    struct buffer link;
    char text[SIM_ID_LIMIT + 1];
    if (last == NULL) {
        buffer_append_text(out, "null");
        return;
    }
    buffer_init(&link, LINK_LIMIT);
    buffer_append_slice(&link, call->origin);
    buffer_append_format(&link, "%s?api-version=" ROUTER_API_VERSION, call->operation->path);
    for (const struct router_member *member = call->operation->members; member->name != NULL; member++) {
        if (member->place == ROUTER_QUERY && sim_query(call->query, member->name, text) == SIM_TEXT_THERE) {
            buffer_append_format(&link, "&%s=", member->name);
            text_append_percent(&link, slice_of(text));
        }
    }
    buffer_append_format(&link, "&" AFTER "=%llu&" AFTER_ID "=", (unsigned long long)last->serial);
    text_append_percent(&link, slice_of(last->id));
    json_append_string(out, buffer_slice(&link));
    out->is_broken |= link.is_broken;
    buffer_reset(&link);
}
