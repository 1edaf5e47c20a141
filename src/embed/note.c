/* What happens in the host, as include/switchhook.h has it. */
#include "base/clock.h"
#include "embed/private.h"

static struct switchhook_text text_of(struct slice slice);
static void tell(const struct switchhook *all, enum switchhook_happening what);

void embed_on_note(void *context, const struct host_note *note) {
    static const enum switchhook_happening names[] = {
        [HOST_ARRIVED] = SWITCHHOOK_ARRIVED, [HOST_STEP] = SWITCHHOOK_STEP,
        [HOST_DONE] = SWITCHHOOK_DONE,       [HOST_WAITING] = SWITCHHOOK_WAITING,
        [HOST_PARKED] = SWITCHHOOK_PARKED,   [HOST_UNHANDLED] = SWITCHHOOK_UNHANDLED,
        [HOST_LIVE] = SWITCHHOOK_LIVE,       [HOST_REFUSED] = SWITCHHOOK_REFUSED,
        [HOST_KILLED] = SWITCHHOOK_KILLED,   [HOST_SAID] = SWITCHHOOK_SAID};
    const struct switchhook *all = context;
    if (all->options.note != NULL && (size_t)note->what < sizeof names / sizeof *names && names[note->what] != 0) {
        const struct switchhook_note told = {.what = names[note->what],
                                             .at_us = note->at_us,
                                             .seq = note->seq,
                                             .subject = text_of(note->subject),
                                             .type = text_of(note->type),
                                             .handler = text_of(note->handler),
                                             .operation = text_of(note->operation),
                                             .result = text_of(note->result),
                                             .reason = text_of(note->reason),
                                             .status = note->status,
                                             .attempt = note->attempt,
                                             .is_error = note->is_error,
                                             .seconds = note->seconds,
                                             .due_us = note->due_us};
        all->options.note(all->options.context, &told);
    }
    admin_note(all->admin, note);
}

void embed_on_ready(void *context) {
    tell(context, SWITCHHOOK_READY);
}

void embed_on_stopping(void *context) {
    const struct switchhook *all = context;
    ingress_quiesce(all->ingress);
    tell(all, SWITCHHOOK_STOPPING);
}

static struct switchhook_text text_of(struct slice slice) {
    return (struct switchhook_text){slice.bytes, slice.length};
}

static void tell(const struct switchhook *all, enum switchhook_happening what) {
    if (all->options.note != NULL) {
        all->options.note(all->options.context, &(struct switchhook_note){.what = what, .at_us = clock_wall_us()});
    }
}
