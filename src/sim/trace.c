#include "sim/trace.h"
#include "base/buffer.h"
#include "base/text.h"
#include <time.h>
#include <unistd.h>

enum { LINE_LIMIT = 4096, ID_WIDTH = 14 };

void sim_trace_line(int out, int64_t now_us, const char *id, const char *what) {
    struct buffer line;
    buffer_init(&line, LINE_LIMIT);
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm local;
    localtime_r(&seconds, &local);
    buffer_append_format(&line, "%02d:%02d:%02d.%03d  ", local.tm_hour, local.tm_min, local.tm_sec,
                         (int)(now_us / 1000 % 1000));
    size_t before = line.length;
    text_append_visible(&line, slice_of(id));
    while (line.length - before < ID_WIDTH && buffer_append_char(&line, ' ') == 0) {
    }
    buffer_append_text(&line, "  ");
    text_append_visible(&line, slice_of(what));
    buffer_append_char(&line, '\n');
    for (size_t done = 0; done < line.length;) {
        ssize_t written = write(out, line.bytes + done, line.length - done);
        if (written <= 0) {
            break; /* nobody reads: the trace is for people, not a record */
        }
        done += (size_t)written;
    }
    buffer_reset(&line);
}
