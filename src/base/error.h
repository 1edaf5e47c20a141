/* One error value, on the caller's stack.
 *
 * A function that can fail takes a `struct error *` as its last parameter and returns 0, or -1 with the error
 * filled in; one that makes something returns NULL instead of -1. The error is converted once, at the border: into
 * a log line, an HTTP answer, an exit status or a Lua error. Nobody owns or frees it. `error` may be NULL where
 * the caller does not want the words.
 *
 *     struct error error = {0};
 *     struct store *store = store_open("sqlite:switchhook.db", &error);
 *     if (store == NULL) {
 *         log_error("cli", "cannot open the store", LOG_TEXT("reason", error.message), LOG_END);
 *         return EXIT_FAILURE;
 *     }
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

enum error_code {
    ERROR_NONE = 0,
    ERROR_MEMORY,    /* an allocation failed */
    ERROR_SYSTEM,    /* the operating system said no; `system` holds errno */
    ERROR_LIMIT,     /* something would grow past the limit it was made with */
    ERROR_INVALID,   /* what came in can never be understood */
    ERROR_NOT_FOUND, /* there is no such thing */
    ERROR_BUSY,      /* held by somebody else, or too much at the moment: later may be better */
    ERROR_FULL,      /* no space on the disk */
    ERROR_CLOSED,    /* the other side, or this one, is shutting down */
    ERROR_CORRUPT,   /* stored data does not hold together */
    ERROR_TIMEOUT,   /* a deadline passed */
};

enum { ERROR_MESSAGE_SIZE = 512 };

struct error {
    enum error_code code;
    int system; /* errno, or 0 */
    char message[ERROR_MESSAGE_SIZE];
};

/* Fills the error in; one too long is cut between characters and ends in "...". Always returns -1. */
int error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set with ERROR_SYSTEM (ERROR_MEMORY for ENOMEM, ERROR_FULL for ENOSPC and EDQUOT), and ": " and the
 * system's words for `number` (an errno) at the end. */
int error_system(struct error *error, int number, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Out of memory; needs none. Always returns -1. */
int error_memory(struct error *error);

/* Puts "WHERE: " before the message that is there. Always returns -1. */
int error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
