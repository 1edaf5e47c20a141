#include "base/fault.h"

#ifdef SWITCHHOOK_FAULTS

#include "base/log.h"
#include "base/text.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { FAULT_MAX = 16 };

enum fault_action { FAULT_KILL, FAULT_FAIL, FAULT_FAIL_ALWAYS };

struct fault {
    struct slice name; /* into the environment, which nobody changes */
    uint64_t count;
    enum fault_action action;
    _Atomic uint64_t passed;
};

static struct fault faults[FAULT_MAX];
static size_t fault_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_environment(void);
static int read_fault(struct slice text, struct fault *fault);
static struct slice take_part(struct slice *rest, char separator);

bool fault_point(const char *name) {
    pthread_once(&once, read_environment);
    bool has_failed = false;
    for (size_t i = 0; i < fault_count; i++) {
        struct fault *fault = &faults[i];
        if (!slice_is(fault->name, name)) {
            continue;
        }
        uint64_t passed = atomic_fetch_add(&fault->passed, 1) + 1;
        if (passed == fault->count && fault->action == FAULT_KILL) {
            kill(getpid(), SIGKILL);
        }
        has_failed |= fault->action == FAULT_FAIL && passed == fault->count;
        has_failed |= fault->action == FAULT_FAIL_ALWAYS && passed >= fault->count;
    }
    return has_failed;
}

static void read_environment(void) {
    struct slice rest = slice_of(getenv("SWITCHHOOK_FAULT"));
    while (rest.length > 0) {
        struct slice text = take_part(&rest, ',');
        if (fault_count == FAULT_MAX || read_fault(text, &faults[fault_count]) < 0) {
            log_error("fault", "SWITCHHOOK_FAULT is not understood: write NAME:COUNT:kill, :fail or :fail*",
                      LOG_SLICE("fault", text), LOG_END);
            continue;
        }
        fault_count++;
    }
}

static int read_fault(struct slice text, struct fault *fault) {
    fault->name = take_part(&text, ':');
    struct slice count = take_part(&text, ':');
    if (fault->name.length == 0 || text_to_uint64(count, &fault->count) < 0 || fault->count == 0) {
        return -1;
    }
    if (slice_is(text, "kill")) {
        fault->action = FAULT_KILL;
    } else if (slice_is(text, "fail")) {
        fault->action = FAULT_FAIL;
    } else if (slice_is(text, "fail*")) {
        fault->action = FAULT_FAIL_ALWAYS;
    } else {
        return -1;
    }
    return 0;
}

/* Everything up to the separator, which is dropped; all of it when there is none. */
static struct slice take_part(struct slice *rest, char separator) {
    const char *end = rest->length == 0 ? NULL : memchr(rest->bytes, separator, rest->length);
    size_t length = end == NULL ? rest->length : (size_t)(end - rest->bytes);
    struct slice part = slice_make(rest->bytes, length);
    size_t taken = end == NULL ? length : length + 1;
    *rest = slice_make(taken == 0 ? rest->bytes : rest->bytes + taken, rest->length - taken);
    return part;
}

#endif
