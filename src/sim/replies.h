/* Answers on their way out of the local Job Router, at once or after a while. The loop's thread, but for
 * reply_now. */
#ifndef SIM_REPLIES_H
#define SIM_REPLIES_H

#include "base/list.h"
#include "base/loop.h"
#include "httpd/httpd.h"
#include "sim/core.h"

struct replies {
    struct loop *loop;
    struct list waiting;
    void (*left)(void *context); /* called once for each that was put, after it went out */
    void *context;
};

void replies_init(struct replies *replies, struct loop *loop, void (*left)(void *context), void *context);
/* Takes over what the answer holds. `retry_after`: seconds for the header; 0: none. */
void replies_put(struct replies *replies, struct httpd_request *request, struct sim_answer *answer,
                 unsigned retry_after, int64_t delay_ns);
/* Those that wait go out now. */
void replies_hurry(struct replies *replies);

/* Any thread. The answer stays the caller's. */
void reply_now(struct httpd_request *request, const struct sim_answer *answer, unsigned retry_after);

#endif
