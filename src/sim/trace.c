#include "sim/trace.h"
#include "base/buffer.h"
#include "base/text.h"
#include <time.h>
#include <unistd.h>

enum { LINE_LIMIT = 4096, ID_WIDTH = 14 };

static void write_line(int out, const struct tm *time, int64_t now_us, const char *id, const char *what);

void sim_trace_line(int out, int64_t now_us, const char *id, const char *what) {
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm local;
    write_line(out, localtime_r(&seconds, &local), now_us, id, what);
}

void sim_trace_line_utc(int out, int64_t now_us, const char *id, const char *what) {
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm utc;
    write_line(out, gmtime_r(&seconds, &utc), now_us, id, what);
}

static void write_line(int out, const struct tm *time, int64_t now_us, const char *id, const char *what) {
    struct buffer line;
    buffer_init(&line, LINE_LIMIT);
    buffer_append_format(&line, "%02d:%02d:%02d.%03d  ", time->tm_hour, time->tm_min, time->tm_sec,
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
