/* Lists of names, NULL-terminated, as the host sends them with its HELLO. Private to the room. */
#ifndef WORKER_NAMES_H
#define WORKER_NAMES_H

#include "base/slice.h"

/* The texts of the member of the JSON object, which is empty when there is no such member. NULL when it is no such
 * object, or without memory. names_free it. */
char **names_read(struct slice object, const char *member);
/* Of NULL: an empty list. NULL without memory. */
char **names_copy(const char *const *names);
void names_free(char **names);

#endif
