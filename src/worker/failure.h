/* What made a run fail, in words. Private to the room. */
#ifndef WORKER_FAILURE_H
#define WORKER_FAILURE_H

#include "worker/task.h"

struct failure {
    enum wire_failure kind;
    struct buffer message;
    struct buffer traceback;
    struct buffer error;
};

void failure_init(struct failure *failure);
void failure_reset(struct failure *failure);

/* From the task's coroutine, which has just ended with `status` and holds the error value on its top; the task may
 * also have no coroutine for lack of memory. */
void failure_describe(struct failure *failure, struct task *task, int status);

#endif
