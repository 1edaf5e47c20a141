/* One worker process as the host sees it: started, spoken to in frames, watched, killed, buried.
 *
 * A struct process is made by process_start and freed by process_free, which its owner calls from `died` or later.
 * All on the loop's thread. Frames are appended to `out` with wire_begin and the wire_put_ functions and leave at
 * the end of the loop's turn (process_put): many in one write. Frames that arrived before a death are handed over
 * before it is told.
 *
 * The processor is watched, not the clock: while frames are being worked on, the shared page is looked at four
 * times per slice; a run that stays on the processor for a whole slice of the process's own CPU time is asked for
 * its place (SIGURG) and then killed. At rest nothing wakes.
 *
 *     struct process *process = process_start(&options, &error);
 *     size_t place = wire_begin(&process->out, WIRE_LOAD, 0);
 *     process_put(process, place);
 */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/loop.h"
#include "wire/wire.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process;

/* Why it ended, and whom to charge. */
struct process_death {
    bool is_ours;    /* the host killed it for a run that did not give way */
    bool is_stopped; /* the host ended it for another reason */
    bool is_outside; /* a signal that nobody in there caused (SIGKILL, SIGTERM): nobody is charged */
    uint64_t run;    /* what was on the processor, as the wire names it; 0: nothing */
    char words[640]; /* "killed by the host: ... at Script.lua:12", "ended by signal 11 ..." */
};

struct process_options {
    struct loop *loop;
    const char *program; /* switchhook-worker's path */
    const char *timezone;
    unsigned slice_ms;
    uint64_t run_memory, all_memory, answer_size;   /* bytes */
    const char *const *operations, *const *secrets; /* names for the scripts, NULL-terminated; NULL: none */
    bool has_places;                                /* PLACE frames are wanted */
    void (*frame)(struct process *process, const struct wire_frame *frame);
    void (*died)(struct process *process, const struct process_death *death);
    void (*relieved)(struct process *process); /* it was congested, and is not any more */
    void *context;
};

struct process {
    struct process_options options;
    void *context;
    pid_t pid;
    struct buffer out;
    /* This file's: */
    int pidfd;
    struct loop_watch socket, exit;
    struct loop_timer sampler;
    struct loop_task flusher;
    struct buffer in;
    struct wire_page *page;
    uint64_t sent; /* bytes */
    uint64_t sampled_slice;
    int64_t sampled_cpu; /* ns of CPU time at the first look at that slice */
    bool is_sampled, is_asked, is_killed, is_overtime, is_dead, is_freed;
};

struct process *process_start(const struct process_options *options, struct error *error);
/* Kills it if it still lives. */
void process_free(struct process *process);

/* Ends the frame that wire_begin began in `out` at `place`: it leaves at the end of this turn. A process whose
 * frames cannot be held any more is killed. */
void process_put(struct process *process, size_t place);
/* Enough waits to be written: hand it no more runs for now. */
bool process_is_congested(const struct process *process);
/* Ends it now; `died` follows. */
void process_kill(struct process *process);

#endif
