/* The jobs that wait in a queue, in the order in which they are offered: those with an active selector that
 * says `expedite` first, then by priority, the higher first, then by turn. One lane for each priority that
 * waits, so that a job of a high priority does not walk past all the others, and the statistics need no walk
 * at all. Within a lane, the jobs that ask the same of a worker, with the same channel and the same active
 * selectors, are one group: whoever does not fit one of them fits none, and matching passes all by at once.
 *
 * Holds jobs by their `lane` and `in_lane`, `group` and `in_group`; owns the lanes and groups. What decides a
 * job's place (is_expedited, priority, turn, channel, selectors) may change while it waits: sim_job_reorder
 * then.
 *
 *     for (job = sim_line_first(&queue->line); job != NULL; job = sim_line_next(&queue->line, job)) ...
 */
#ifndef SIM_LINE_H
#define SIM_LINE_H

#include "base/list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_job;

struct sim_group {
    char *demand; /* what it asks, as a text */
    struct list jobs;
    struct list_node *next; /* while it is matched: the next job to be tried; NULL: none */
};

struct sim_lane {
    bool is_expedited;
    int32_t priority;
    size_t count; /* never 0 between calls */
    struct list jobs;
    struct sim_group **groups; /* by their demands */
    size_t group_count, group_capacity;
};

struct sim_line {
    struct sim_lane **lanes; /* in order */
    size_t count, capacity;
    size_t length; /* jobs */
};

/* Frees the lanes; the jobs must have left. */
void sim_line_reset(struct sim_line *line);
/* -1 without memory, nothing changed then. */
int sim_line_enter(struct sim_line *line, struct sim_job *job);
/* Does nothing for a job that is in no line. */
void sim_line_leave(struct sim_line *line, struct sim_job *job);
/* NULL: there is none. */
struct sim_job *sim_line_first(const struct sim_line *line);
struct sim_job *sim_line_next(const struct sim_line *line, const struct sim_job *job);
/* Whether `a` is offered before `b`. */
bool sim_line_before(const struct sim_job *a, const struct sim_job *b);
/* 1 for the first. Walks the job's lane. */
size_t sim_line_place(const struct sim_line *line, const struct sim_job *job);
/* How many go before a new job of this priority. */
size_t sim_line_ahead(const struct sim_line *line, int32_t priority);

#endif
