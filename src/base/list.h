/* A doubly linked list whose links live in the things that are listed. No allocation, no ownership.
 *
 *     struct lane { struct list_node in_ready; ... };
 *     list_append(&host->ready, &lane->in_ready);
 *     struct lane *lane = CONTAINER_OF(list_take_first(&host->ready), struct lane, in_ready);
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct list_node {
    struct list_node *next; /* NULL when it is in no list */
    struct list_node *previous;
};

struct list {
    struct list_node head;
};

static inline void list_init(struct list *list) {
    list->head.next = list->head.previous = &list->head;
}

static inline bool list_is_empty(const struct list *list) {
    return list->head.next == &list->head;
}

static inline bool list_is_linked(const struct list_node *node) {
    return node->next != NULL;
}

static inline void list_insert_before(struct list_node *place, struct list_node *node) {
    node->next = place;
    node->previous = place->previous;
    place->previous->next = node;
    place->previous = node;
}

static inline void list_append(struct list *list, struct list_node *node) {
    list_insert_before(&list->head, node);
}

static inline void list_prepend(struct list *list, struct list_node *node) {
    list_insert_before(list->head.next, node);
}

/* Does nothing for a node that is in no list. */
static inline void list_remove(struct list_node *node) {
    if (node->next == NULL) {
        return;
    }
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->next = node->previous = NULL;
}

static inline struct list_node *list_first(const struct list *list) {
    return list_is_empty(list) ? NULL : list->head.next;
}

/* NULL when the list is empty. */
static inline struct list_node *list_take_first(struct list *list) {
    struct list_node *node = list_first(list);
    if (node != NULL) {
        list_remove(node);
    }
    return node;
}

/* `next` is read before the body runs: the body may remove `node`. */
#define LIST_EACH(list, node)                                                                                     \
    for (struct list_node *node = (list)->head.next, *node##_next = node->next; node != &(list)->head;            \
         node = node##_next, node##_next = node->next)

#endif
