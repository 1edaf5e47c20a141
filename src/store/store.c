#include "store/store.h"

const char *const store_state_names[STORE_STATES + 1] = {
    [STORE_QUEUED] = "queued",           [STORE_RUNNING] = "running",
    [STORE_WAITING] = "waiting",         [STORE_DONE] = "done",
    [STORE_PARKED] = "parked",           [STORE_UNHANDLED] = "unhandled",
    [STORE_QUARANTINED] = "quarantined", [STORE_STATES] = NULL,
};
