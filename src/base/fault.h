/* Named points at which tests make things go wrong. In builds without SWITCHHOOK_FAULTS they are nothing.
 *
 * The environment variable SWITCHHOOK_FAULT of the host holds "NAME:COUNT:ACTION[,...]": when the point NAME is
 * passed for the COUNT-th time, ACTION happens: "kill" (SIGKILL to this process), or "fail" (fault_point returns
 * true and the caller behaves as if the thing had failed), "fail*" from then on every time. Any thread.
 *
 *     if (fault_point("store.commit")) { return error_set(error, ERROR_FULL, "no space (a test's fault)"); }
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

#ifdef SWITCHHOOK_FAULTS
bool fault_point(const char *name);
#else
static inline bool fault_point(const char *name) {
    (void)name;
    return false;
}
#endif

#endif
