#include "worker/confine.h"
#include "worker/loop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static int print_help(void) {
    puts("switchhook-worker runs the scripts of a switchhook host. The host starts it; there is nothing to do by "
         "hand.\n"
         "\n"
         "  switchhook-worker --version   prints the version\n"
         "  switchhook-worker --help      prints this");
    return EXIT_SUCCESS;
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "--version") == 0) {
        puts("switchhook-worker " SWITCHHOOK_VERSION);
        return EXIT_SUCCESS;
    }
    if (count > 1 && strcmp(arguments[1], "--help") == 0) {
        return print_help();
    }
    struct stat about;
    if (count > 1 || fstat(STDIN_FILENO, &about) < 0 || !S_ISSOCK(about.st_mode)) {
        fputs("switchhook-worker: this program is started by 'switchhook serve' and does nothing by itself\n",
              stderr);
        return EXIT_USAGE;
    }
    return confine_process() < 0 ? EXIT_FAILURE : worker_loop(STDIN_FILENO);
}
