#include "cli/kit_place.h"
#include "host/program.h"
#include <stdio.h>
#include <unistd.h>

int cli_find_kit(struct cli_kit_place *place, struct error *error) {
    static const struct {
        const char *lua, *module;
    } places[] = {{"lua", "lua"}, {SWITCHHOOK_KIT_LUA, SWITCHHOOK_KIT_MODULE}};
    char self[PATH_MAX], file[PATH_MAX + 32];
    if (program_folder(self, error) < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (snprintf(place->lua, PATH_MAX, "%s/%s", self, places[i].lua) >= PATH_MAX ||
            snprintf(place->module, PATH_MAX, "%s/%s", self, places[i].module) >= PATH_MAX) {
            continue;
        }
        snprintf(file, sizeof file, "%s/switchhook/kit/run.lua", place->lua);
        if (access(file, R_OK) == 0) {
            return 0;
        }
    }
    return error_set(error, ERROR_NOT_FOUND, "the kit is neither in %s/lua nor in %s/%s: install all parts", self,
                     self, SWITCHHOOK_KIT_LUA);
}
