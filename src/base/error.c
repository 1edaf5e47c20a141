#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void keep(struct error *error, enum error_code code, int number, char *message, int length);

int error_set(struct error *error, enum error_code code, const char *format, ...) {
    if (error == NULL) {
        return -1;
    }
    /* Formatted aside: the arguments may look into the message that is replaced. */
    char message[ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    keep(error, code, 0, message, length);
    return -1;
}

int error_system(struct error *error, int number, const char *format, ...) {
    if (error == NULL) {
        return -1;
    }
    char what[ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    char words[128];
    const char *why = strerror_r(number, words, sizeof words);
    char message[ERROR_MESSAGE_SIZE];
    length = snprintf(message, sizeof message, "%s: %s", length < 0 ? "" : what, why);
    enum error_code code = number == ENOMEM                       ? ERROR_MEMORY
                           : number == ENOSPC || number == EDQUOT ? ERROR_FULL
                                                                  : ERROR_SYSTEM;
    keep(error, code, number, message, length);
    return -1;
}

int error_memory(struct error *error) {
    return error_set(error, ERROR_MEMORY, "out of memory");
}

int error_prefix(struct error *error, const char *format, ...) {
    if (error == NULL) {
        return -1;
    }
    char where[ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(where, sizeof where, format, arguments);
    va_end(arguments);
    char message[ERROR_MESSAGE_SIZE];
    length = snprintf(message, sizeof message, "%s: %s", length < 0 ? "" : where, error->message);
    keep(error, error->code, error->system, message, length);
    return -1;
}

/* `length` is what the whole message would have; `message` holds as much of it as fits. */
static void keep(struct error *error, enum error_code code, int number, char *message, int length) {
    static const char dots[] = "...";
    if (length < 0) {
        message[0] = '\0';
    } else if (length >= ERROR_MESSAGE_SIZE) {
        size_t end = ERROR_MESSAGE_SIZE - sizeof dots;
        while (end > 0 && ((unsigned char)message[end] & 0xC0) == 0x80) {
            end--;
        }
        memcpy(message + end, dots, sizeof dots);
    }
    error->code = code;
    error->system = number;
    memcpy(error->message, message, strlen(message) + 1);
}
