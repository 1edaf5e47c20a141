#include "sim/line.h"
#include "sim/state.h"
#include "json/json.h"
#include <stdlib.h>

static struct sim_lane *lane_for(struct sim_line *line, const struct sim_job *job);
static void drop_lane(struct sim_line *line, struct sim_lane *lane);
static struct sim_group *group_for(struct sim_lane *lane, char **demand);
static void drop_group(struct sim_lane *lane, struct sim_group *group);
static size_t group_place(const struct sim_lane *lane, const char *demand);
static char *demand_of(const struct sim_job *job);
static void put_demands(struct buffer *out, const struct sim_selectors *selectors);
static struct sim_lane *insert_lane(struct sim_line *line, size_t place, const struct sim_job *job);
static size_t lane_place(const struct sim_line *line, bool is_expedited, int32_t priority);
static struct sim_job *job_of(struct list_node *node);

void sim_line_reset(struct sim_line *line) {
    free(line->lanes); /* those that are empty are gone already */
    *line = (struct sim_line){0};
}

int sim_line_enter(struct sim_line *line, struct sim_job *job) {
    char *demand = demand_of(job);
    struct sim_lane *lane = demand == NULL ? NULL : lane_for(line, job);
    struct sim_group *group = lane == NULL ? NULL : group_for(lane, &demand);
    free(demand);
    if (group == NULL) {
        drop_lane(line, lane);
        return -1;
    }
    /* From the end, where nearly all of them belong. */
    struct list_node *place = &lane->jobs.head;
    while (place->previous != &lane->jobs.head && job_of(place->previous)->turn > job->turn) {
        place = place->previous;
    }
    list_insert_before(place, &job->in_lane);
    place = &group->jobs.head;
    while (place->previous != &group->jobs.head &&
           CONTAINER_OF(place->previous, struct sim_job, in_group)->turn > job->turn) {
        place = place->previous;
    }
    list_insert_before(place, &job->in_group);
    job->lane = lane;
    job->group = group;
    lane->count++;
    line->length++;
    return 0;
}

void sim_line_leave(struct sim_line *line, struct sim_job *job) {
    struct sim_lane *lane = job->lane;
    if (lane == NULL) {
        return;
    }
    list_remove(&job->in_lane);
    list_remove(&job->in_group);
    drop_group(lane, job->group);
    job->lane = NULL;
    job->group = NULL;
    line->length--;
    lane->count--;
    drop_lane(line, lane);
}

struct sim_job *sim_line_first(const struct sim_line *line) {
    return line->count == 0 ? NULL : job_of(list_first(&line->lanes[0]->jobs));
}

struct sim_job *sim_line_next(const struct sim_line *line, const struct sim_job *job) {
    const struct sim_lane *lane = job->lane;
    if (job->in_lane.next != &lane->jobs.head) {
        return job_of(job->in_lane.next);
    }
    size_t next = lane_place(line, lane->is_expedited, lane->priority) + 1;
    return next == line->count ? NULL : job_of(list_first(&line->lanes[next]->jobs));
}

bool sim_line_before(const struct sim_job *a, const struct sim_job *b) {
    if (a->is_expedited != b->is_expedited) {
        return a->is_expedited;
    }
    return a->priority != b->priority ? a->priority > b->priority : a->turn < b->turn;
}

size_t sim_line_place(const struct sim_line *line, const struct sim_job *job) {
    size_t place = 1;
    for (size_t i = 0; line->lanes[i] != job->lane; i++) {
        place += line->lanes[i]->count;
    }
    for (const struct list_node *node = job->in_lane.previous; node != &job->lane->jobs.head;
         node = node->previous) {
        place++;
    }
    return place;
}

size_t sim_line_ahead(const struct sim_line *line, int32_t priority) {
    size_t ahead = 0;
    for (size_t i = 0; i < line->count; i++) {
        const struct sim_lane *lane = line->lanes[i];
        ahead += lane->is_expedited || lane->priority >= priority ? lane->count : 0;
    }
    return ahead;
}

static struct sim_lane *lane_for(struct sim_line *line, const struct sim_job *job) {
    size_t place = lane_place(line, job->is_expedited, job->priority);
    if (place < line->count && line->lanes[place]->is_expedited == job->is_expedited &&
        line->lanes[place]->priority == job->priority) {
        return line->lanes[place];
    }
    return insert_lane(line, place, job);
}

static struct sim_lane *insert_lane(struct sim_line *line, size_t place, const struct sim_job *job) {
    if (line->count == line->capacity) {
        size_t capacity = line->capacity == 0 ? 8 : line->capacity * 2;
        struct sim_lane **lanes = realloc(line->lanes, capacity * sizeof(struct sim_lane *));
        if (lanes == NULL) {
            return NULL;
        }
        line->lanes = lanes;
        line->capacity = capacity;
    }
    struct sim_lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL) {
        return NULL;
    }
    lane->is_expedited = job->is_expedited;
    lane->priority = job->priority;
    list_init(&lane->jobs);
    memmove(line->lanes + place + 1, line->lanes + place, (line->count - place) * sizeof(struct sim_lane *));
    line->lanes[place] = lane;
    line->count++;
    return lane;
}

/* If it is empty. */
static void drop_lane(struct sim_line *line, struct sim_lane *lane) {
    if (lane == NULL || lane->count > 0) {
        return;
    }
    size_t place = lane_place(line, lane->is_expedited, lane->priority);
    line->count--;
    memmove(line->lanes + place, line->lanes + place + 1, (line->count - place) * sizeof(struct sim_lane *));
    free(lane->groups);
    free(lane);
}

/* A new one takes the text over. */
static struct sim_group *group_for(struct sim_lane *lane, char **demand) {
    size_t place = group_place(lane, *demand);
    if (place < lane->group_count && strcmp(lane->groups[place]->demand, *demand) == 0) {
        return lane->groups[place];
    }
    if (lane->group_count == lane->group_capacity) {
        size_t capacity = lane->group_capacity == 0 ? 4 : lane->group_capacity * 2;
        struct sim_group **groups = realloc(lane->groups, capacity * sizeof(struct sim_group *));
        if (groups == NULL) {
            return NULL;
        }
        lane->groups = groups;
        lane->group_capacity = capacity;
    }
    struct sim_group *group = calloc(1, sizeof *group);
    if (group == NULL) {
        return NULL;
    }
    list_init(&group->jobs);
    group->demand = *demand;
    *demand = NULL;
    memmove(lane->groups + place + 1, lane->groups + place,
            (lane->group_count - place) * sizeof(struct sim_group *));
    lane->groups[place] = group;
    lane->group_count++;
    return group;
}

/* If it is empty. */
static void drop_group(struct sim_lane *lane, struct sim_group *group) {
    if (!list_is_empty(&group->jobs)) {
        return;
    }
    size_t place = group_place(lane, group->demand);
    lane->group_count--;
    memmove(lane->groups + place, lane->groups + place + 1,
            (lane->group_count - place) * sizeof(struct sim_group *));
    free(group->demand);
    free(group);
}

/* Where the group is, or belongs. */
static size_t group_place(const struct sim_lane *lane, const char *demand) {
    size_t low = 0, high = lane->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(lane->groups[middle]->demand, demand) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* NULL without memory. */
static char *demand_of(const struct sim_job *job) {
    struct buffer out;
    buffer_init(&out, SIM_ANSWER_LIMIT);
    json_append_string(&out, slice_of(job->channel));
    put_demands(&out, &job->requested);
    put_demands(&out, &job->attached);
    if (out.is_broken) {
        buffer_reset(&out);
        return NULL;
    }
    return buffer_take(&out);
}

static void put_demands(struct buffer *out, const struct sim_selectors *selectors) {
    size_t index = 0;
    for (const struct json *selector = json_first(selectors->list); selector != NULL;
         selector = json_next(selector)) {
        const struct sim_selector_life *life = sim_selector_life(selectors, index++);
        if (life == NULL || life->state == SIM_SELECTOR_ACTIVE) {
            json_print(selector, out);
        }
    }
}

/* Where the lane is, or belongs. */
static size_t lane_place(const struct sim_line *line, bool is_expedited, int32_t priority) {
    size_t low = 0, high = line->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct sim_lane *lane = line->lanes[middle];
        bool is_before = lane->is_expedited != is_expedited ? lane->is_expedited : lane->priority > priority;
        if (is_before) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct sim_job *job_of(struct list_node *node) {
    return CONTAINER_OF(node, struct sim_job, in_lane);
}
