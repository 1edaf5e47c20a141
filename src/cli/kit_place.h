/* Where the kit and the editors' annotations are. */
#ifndef CLI_KIT_PLACE_H
#define CLI_KIT_PLACE_H

#include "base/error.h"
#include <limits.h>

struct cli_kit_place {
    char lua[PATH_MAX];    /* the folder of switchhook/kit.lua and of the *.d.lua */
    char module[PATH_MAX]; /* that of switchhook/kit/core.so */
};

/* Beside this program (a build folder), or where all is installed. */
int cli_find_kit(struct cli_kit_place *place, struct error *error);

#endif
