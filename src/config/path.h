/* Files and paths, as the configuration needs them. Private to this room. */
#ifndef CONFIG_PATH_H
#define CONFIG_PATH_H

#include "base/buffer.h"
#include "base/error.h"

#define PATH_STORE_SCHEME "sqlite:"

enum { PATH_FILE_LIMIT = 1 << 20 };

/* The absolute path of the folder that holds `file` (NULL: the current folder); the file need not exist. The
 * caller frees it. */
char *path_folder(const char *file, struct error *error);

/* `path` as seen from the absolute folder; no link is followed and nothing has to exist. The caller frees it; NULL
 * when there is no memory. */
char *path_absolute(const char *folder, const char *path);

/* "sqlite:" and the absolute path. The caller frees it; NULL when there is no memory. */
char *path_store(const char *folder, const char *path);

/* All bytes of a regular file of at most PATH_FILE_LIMIT bytes, into a buffer that this initialises; path_wipe
 * it. */
int path_read(const char *path, struct buffer *out, struct error *error);

/* Overwrites what the buffer holds, and frees it. */
void path_wipe(struct buffer *buffer);

#endif
