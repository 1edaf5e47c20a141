#include "sim/timers.h"
#include <stdbool.h>
#include <stdlib.h>

static bool is_before(const struct sim_timer *a, const struct sim_timer *b);
static void put(struct sim_timers *timers, size_t place, struct sim_timer *timer);
static void rise(struct sim_timers *timers, size_t place);
static void sink(struct sim_timers *timers, size_t place);

int sim_timer_set(struct sim_timers *timers, struct sim_timer *timer, int64_t at,
                  void (*fire)(struct sim_core *core, struct sim_timer *timer)) {
    sim_timer_cancel(timers, timer);
    if (timers->count + 1 >= timers->capacity) {
        size_t capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
        struct sim_timer **heap = realloc(timers->heap, capacity * sizeof(struct sim_timer *));
        if (heap == NULL) {
            return -1;
        }
        timers->heap = heap;
        timers->capacity = capacity;
    }
    timer->at = at;
    timer->fire = fire;
    timer->order = ++timers->order;
    put(timers, ++timers->count, timer);
    rise(timers, timer->place);
    return 0;
}

void sim_timer_cancel(struct sim_timers *timers, struct sim_timer *timer) {
    size_t place = timer->place;
    if (place == 0) {
        return;
    }
    struct sim_timer *last = timers->heap[timers->count--];
    timer->place = 0;
    if (last != timer) {
        put(timers, place, last);
        rise(timers, place);
        sink(timers, last->place);
    }
}

struct sim_timer *sim_timer_first(const struct sim_timers *timers) {
    return timers->count == 0 ? NULL : timers->heap[1];
}

static bool is_before(const struct sim_timer *a, const struct sim_timer *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(struct sim_timers *timers, size_t place, struct sim_timer *timer) {
    timers->heap[place] = timer;
    timer->place = place;
}

static void rise(struct sim_timers *timers, size_t place) {
    struct sim_timer *timer = timers->heap[place];
    for (; place > 1 && is_before(timer, timers->heap[place / 2]); place /= 2) {
        put(timers, place, timers->heap[place / 2]);
    }
    put(timers, place, timer);
}

static void sink(struct sim_timers *timers, size_t place) {
    struct sim_timer *timer = timers->heap[place];
    for (;;) {
        size_t child = place * 2;
        if (child > timers->count) {
            break;
        }
        if (child < timers->count && is_before(timers->heap[child + 1], timers->heap[child])) {
            child++;
        }
        if (!is_before(timers->heap[child], timer)) {
            break;
        }
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}
