#include "cli/sim.h"
#include <ctype.h>
#include <stdlib.h>

int sim_read_number(const char *text, double least, double most, double *value) {
    char *end = NULL;
    double number = isdigit((unsigned char)text[0]) || text[0] == '.' ? strtod(text, &end) : 0;
    if (end == NULL || end == text || *end != '\0' || !(number >= least && number <= most)) {
        return -1;
    }
    *value = number;
    return 0;
}
