/* Whole files into buffers. Any thread. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

/* Appends all of the file ("-": of standard input). What does not fit the buffer's limit is ERROR_LIMIT, and the
 * buffer is as it was. */
int file_read(const char *path, struct buffer *out, struct error *error);
/* The same from a descriptor, which stays open; `name` is for the error. Bytes are never moved when the buffer has
 * the room already. */
int file_read_from(int fd, const char *name, struct buffer *out, struct error *error);

#endif
