/* A crowd: the workers and customers of a scenario, acting on a core. It is told the core's events and the time,
 * and answers with calls (sim_core_request) and the next moment at which somebody acts. Like the core it knows no
 * clock and no sockets, and its chance comes from a seed: the same scenario with the same seed on a new core gives
 * the same calls at the same times, whether they are lived through or run as fast as possible.
 *
 * Times of the day are the scenario's: its start is the moment of crowd_start, whatever the core's time is then.
 * Each worker and each stream of customers has a chance of its own, so that one more worker does not change what
 * the others would do.
 *
 *     struct crowd *crowd = crowd_new(core, scenario, seed, &error);
 *     if (crowd_start(crowd, now_us, &error) < 0) ...        // a body that the router refuses
 *     crowd_run(crowd, now_us, deliver, context);            // as often as crowd_next says, and after requests
 *
 * The one who owns core and crowd takes the core's events through crowd_run and nowhere else. What a worker or
 * customer does is told to the core's trace. A call that the core refuses (somebody else was quicker) is told
 * there, and everybody goes on. One thread.
 */
#ifndef SIM_CROWD_H
#define SIM_CROWD_H

#include "base/buffer.h"
#include "base/error.h"
#include "sim/core.h"
#include "sim/scenario.h"

struct crowd;

/* Core and scenario stay the caller's, and must be there until the crowd is freed. */
struct crowd *crowd_new(struct sim_core *core, const struct scenario *scenario, uint64_t seed,
                        struct error *error);
void crowd_free(struct crowd *crowd);

/* The policies and queues are made; people come with the first crowd_run. Once. */
int crowd_start(struct crowd *crowd, int64_t now_us, struct error *error);

/* When somebody acts or something in the core is due, or SIM_NEVER. Customers come until the scenario's end; who
 * is there by then is served to the last. */
int64_t crowd_next(const struct crowd *crowd);

/* Lets happen, each at its own moment, what the core and the crowd have to do up to `until_us`. Each event is told
 * to the crowd and handed to `take` (NULL: nobody), which may hold it; also those that are there already. */
typedef void crowd_take(void *context, struct sim_event *event);
void crowd_run(struct crowd *crowd, int64_t until_us, crowd_take *take, void *context);

/* Out of memory on the way: it does nothing more. */
bool crowd_is_broken(const struct crowd *crowd);

/* What came of it, for people: jobs by state, waits, offers, the workers' occupancy, events by type. -1 without
 * memory. */
int crowd_report(const struct crowd *crowd, struct buffer *out);

#endif
