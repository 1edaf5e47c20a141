/* One line for each thing that happens: the time, whose (the job or the worker), what. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdint.h>

/* `out` is a descriptor, written line by line. Control characters in ids are shown, not sent. */
void sim_trace_line(int out, int64_t now_us, const char *id, const char *what);
/* For a time that is nobody's: that of a scenario which is run as fast as possible. */
void sim_trace_line_utc(int out, int64_t now_us, const char *id, const char *what);

#endif
