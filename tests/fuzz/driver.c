/* Runs a fuzz target without libFuzzer: every file of the folders, then mutations of them, the same ones each
 * time.
 *
 *     fuzz_json [-n COUNT] [-f FIRST] [-o FILE] FOLDER...
 *
 * With -o, FILE holds the input at which the program was stopped (under the address sanitizer that takes
 * ASAN_OPTIONS=abort_on_error=1, too).
 */
#include "fuzz/require.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_INPUT = 1 << 16, MOST_FILES = 256 };

struct input {
    uint8_t bytes[LARGEST_INPUT];
    size_t length;
};

static struct input *files[MOST_FILES];
static size_t file_count;
static const struct input *running;
static const char *save;

static void read_folder(const char *folder);
static void read_one(const char *folder, const char *name);
static void copy(struct input *input, const struct input *from);
static void run(const struct input *input);
static void on_stop(int number);
static void mutate(struct input *input, uint64_t *random);
static void change_bytes(struct input *input, uint64_t *random);
static void insert(struct input *input, const void *bytes, size_t length, uint64_t *random);
static void cut(struct input *input, uint64_t *random);
static uint64_t next(uint64_t *random);
static size_t below(uint64_t *random, size_t limit);

int main(int count, char **arguments) {
    uint64_t mutations = 10000;
    uint64_t first = 0;
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND};
    int option;
    while ((option = getopt(count, arguments, "n:f:o:")) != -1) {
        switch (option) {
        case 'n': mutations = strtoull(optarg, NULL, 10); break;
        case 'f': first = strtoull(optarg, NULL, 10); break;
        case 'o': save = optarg; break;
        default: return 2;
        }
    }
    for (int i = optind; i < count; i++) {
        read_folder(arguments[i]);
    }
    REQUIRE(file_count > 0);
    REQUIRE(sigaction(SIGABRT, &stop, NULL) == 0 && sigaction(SIGSEGV, &stop, NULL) == 0);
    struct input *input = malloc(sizeof *input);
    REQUIRE(input != NULL);
    for (size_t i = 0; i < file_count; i++) {
        run(files[i]);
    }
    for (uint64_t i = first; i < first + mutations; i++) {
        uint64_t random = i;
        copy(input, files[below(&random, file_count)]);
        for (size_t steps = 1 + below(&random, 1 + below(&random, 6)); steps > 0; steps--) {
            mutate(input, &random);
        }
        run(input);
    }
    (void)printf("%zu files, %llu mutations\n", file_count, (unsigned long long)mutations);
    for (size_t i = 0; i < file_count; i++) {
        free(files[i]);
    }
    free(input);
    return 0;
}

/* In the order of their names, so that a mutation's number means the same on each machine. */
static void read_folder(const char *folder) {
    struct dirent **names;
    int found = scandir(folder, &names, NULL, alphasort);
    if (found < 0) {
        (void)fprintf(stderr, "cannot read the folder %s\n", folder);
        exit(1);
    }
    for (int i = 0; i < found; i++) {
        if (names[i]->d_name[0] != '.') {
            read_one(folder, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

static void read_one(const char *folder, const char *name) {
    char path[4096];
    REQUIRE(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
    FILE *file = fopen(path, "rb");
    struct input *input = malloc(sizeof *input);
    REQUIRE(file != NULL && input != NULL && file_count < MOST_FILES);
    input->length = fread(input->bytes, 1, sizeof input->bytes, file);
    REQUIRE(fclose(file) == 0);
    files[file_count++] = input;
}

static void copy(struct input *input, const struct input *from) {
    memcpy(input->bytes, from->bytes, from->length);
    input->length = from->length;
}

/* From a block of the input's own size, so that the address sanitizer sees a byte read too many. */
static void run(const struct input *input) {
    running = input;
    uint8_t *bytes = malloc(input->length == 0 ? 1 : input->length);
    REQUIRE(bytes != NULL);
    memcpy(bytes, input->bytes, input->length);
    REQUIRE(LLVMFuzzerTestOneInput(bytes, input->length) == 0);
    free(bytes);
}

static void on_stop(int number) {
    int file = save == NULL || running == NULL ? -1 : open(save, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file >= 0) {
        (void)!write(file, running->bytes, running->length);
        (void)close(file);
    }
    (void)raise(number);
}

static void mutate(struct input *input, uint64_t *random) {
    static const char *const tokens[] = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         ":",
                                         "\"",
                                         "\\",
                                         "\\u0000",
                                         "\\ud83d",
                                         "\\ude00",
                                         "\\u0069",
                                         "null",
                                         "true",
                                         "-0",
                                         "1e308",
                                         "1e-400",
                                         "0.1",
                                         " ",
                                         "\n",
                                         "\"id\":",
                                         "\"id\"",
                                         "\"data\":",
                                         "\"jobId\":",
                                         "\"topic\":",
                                         "\"operatorType\":\"",
                                         "\"key\":\"data.a\"",
                                         "\"values\":[",
                                         "\"value\":",
                                         "\xC3\xA9",
                                         "\xF0\x9F\x98\x80",
                                         "\xED\xA0\x80",
                                         "\xFF",
                                         "[[[[[[[[[[[[[[[["};
    switch (below(random, 6)) {
    case 0:
    case 1: change_bytes(input, random); break;
    case 2:
    case 3: {
        const char *token = tokens[below(random, sizeof tokens / sizeof tokens[0])];
        insert(input, token, strlen(token), random);
        break;
    }
    case 4: cut(input, random); break;
    default: {
        const struct input *other = files[below(random, file_count)];
        size_t from = below(random, other->length + 1);
        insert(input, other->bytes + from, below(random, other->length - from + 1), random);
        break;
    }
    }
}

static void change_bytes(struct input *input, uint64_t *random) {
    static const char likely[] = "{}[],:\"\\ \n0123456789-+.eEtfnu/\x7F\x80\xC0\xFF";
    for (size_t times = 1 + below(random, 3); times > 0 && input->length > 0; times--) {
        uint8_t *byte = &input->bytes[below(random, input->length)];
        size_t way = below(random, 4);
        if (way < 2 && *byte >= '0' && *byte <= '9') {
            *byte = (uint8_t)('0' + below(random, 10)); /* likely JSON as before */
        } else if (way < 2 && ((*byte | 0x20) >= 'a' && (*byte | 0x20) <= 'z')) {
            *byte = (uint8_t)('a' + below(random, 26));
        } else if (way == 2) {
            *byte = (uint8_t)(*byte ^ (1U << below(random, 8)));
        } else {
            *byte = (uint8_t)likely[below(random, sizeof likely)];
        }
    }
}

/* `bytes` may lie in another input, never in this one. */
static void insert(struct input *input, const void *bytes, size_t length, uint64_t *random) {
    if (length > sizeof input->bytes - input->length) {
        return;
    }
    size_t place = below(random, input->length + 1);
    memmove(input->bytes + place + length, input->bytes + place, input->length - place);
    memcpy(input->bytes + place, bytes, length);
    input->length += length;
}

static void cut(struct input *input, uint64_t *random) {
    size_t place = below(random, input->length + 1);
    size_t most = below(random, 4) == 0 ? input->length - place : 8;
    size_t length = below(random, most + 1);
    if (length > input->length - place) {
        length = input->length - place;
    }
    memmove(input->bytes + place, input->bytes + place + length, input->length - place - length);
    input->length -= length;
}

/* splitmix64: any seed will do. */
static uint64_t next(uint64_t *random) {
    *random += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = *random;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static size_t below(uint64_t *random, size_t limit) {
    return limit == 0 ? 0 : (size_t)(next(random) % limit);
}
