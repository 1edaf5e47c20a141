/* The breakers of what scripts reach with http: one for each origin ("https://crm.example.com"), made when it is
 * first asked for. UPSTREAMS_MAX at most: one that is closed and was not asked for longest goes first. All on
 * the loop's thread.
 *
 *     struct breaker *breaker = upstreams_find(&host->upstreams, origin);
 *     if (breaker != NULL && !breaker_allows(breaker, run->id)) ...
 */
#ifndef HOST_UPSTREAMS_H
#define HOST_UPSTREAMS_H

#include "base/list.h"
#include "host/breaker.h"
#include "http/http.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UPSTREAMS_MAX = 64 };

struct upstreams {
    struct list all; /* the last one that was asked for first */
    size_t count;
    struct loop *loop;
    void (*go)(struct breaker *breaker, bool is_probe);
    void *context;
};

void upstreams_init(struct upstreams *upstreams, struct loop *loop,
                    void (*go)(struct breaker *breaker, bool is_probe), void *context);
void upstreams_reset(struct upstreams *upstreams);

/* NULL: there is no memory for it, or all that there are are open; then nothing holds the run. */
struct breaker *upstreams_find(struct upstreams *upstreams, const char *origin);
/* Whether there is a breaker for the origin, and it is open; makes none. */
bool upstreams_is_open(const struct upstreams *upstreams, const char *origin);
/* breaker_forget for all of them. */
void upstreams_forget(struct upstreams *upstreams, uint64_t run);
/* The origins whose breakers are open, with ", " between; cut when they are many. */
void upstreams_name_open(const struct upstreams *upstreams, char *text, size_t size);

#endif
