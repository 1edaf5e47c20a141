/* stubs FOLDER: writes events.d.lua and router.d.lua there. The build runs it. */
#include "editor/editor.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STUBS_MAX = 4 * 1024 * 1024 };

static int write_stubs(const char *folder, const char *name, void (*put)(struct buffer *out));

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: stubs FOLDER\n");
        return 2;
    }
    return write_stubs(argv[1], "events.d.lua", editor_events) < 0 ||
                   write_stubs(argv[1], "router.d.lua", editor_router) < 0
               ? 1
               : 0;
}

static int write_stubs(const char *folder, const char *name, void (*put)(struct buffer *out)) {
    struct buffer text, path;
    int result = -1;
    FILE *file = NULL;
    buffer_init(&text, STUBS_MAX);
    buffer_init(&path, STUBS_MAX);
    put(&text);
    buffer_append_format(&path, "%s/%s", folder, name);
    if (text.is_broken || path.is_broken) {
        fprintf(stderr, "stubs: no memory for %s\n", name);
        goto out;
    }
    file = fopen(path.bytes, "w");
    if (file == NULL || fwrite(text.bytes, 1, text.length, file) != text.length || fflush(file) != 0) {
        fprintf(stderr, "stubs: cannot write %s: %s\n", path.bytes, strerror(errno));
        goto out;
    }
    result = 0;
out:
    if (file != NULL) {
        (void)fclose(file);
    }
    buffer_reset(&path);
    buffer_reset(&text);
    return result;
}
