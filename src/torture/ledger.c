/* What was done, by whom and how often; and what is to be said about it. */
#include "base/text.h"
#include "crypto/crypto.h"
#include "torture/private.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 2000, SHOWN_MAX = 200 };

static uint64_t key_of(const struct host_wanted *wanted, bool is_of_run);
static struct deed *deed_of(struct torture *torture, struct map *map, uint64_t key);
static struct finding *find(struct torture *torture, enum finding_kind kind, bool is_harm, struct slice handler,
                            const char *place, struct slice operation);
static void say(struct torture *torture, struct finding *finding, const struct host_wanted *wanted,
                const char *reason);
static void keep_words(struct torture *torture, struct finding *finding, struct buffer *words);
static bool take_place(struct slice text, char *place, size_t size);
static int compare(const void *a, const void *b);
static void free_deed(uint64_t key, void *value, void *context);

void ledger_note(struct torture *torture, const struct host_wanted *wanted, bool is_harmless, bool is_changed,
                 enum excuse excuse) {
    struct ledger *ledger = &torture->ledger;
    struct deed *deed = deed_of(torture, &ledger->deeds, key_of(wanted, true));
    struct deed *alike = deed_of(torture, &ledger->alike, key_of(wanted, false));
    if (deed == NULL || alike == NULL) {
        return;
    }
    if (deed->count++ > 0) {
        bool is_forgotten = deed->excuse == EXCUSE_NONE;
        struct finding *finding =
            find(torture, is_forgotten ? FINDING_FORGOTTEN : FINDING_TWICE,
                 is_forgotten || (is_changed && !is_harmless), wanted->handler, wanted->place, wanted->operation);
        if (!is_forgotten && !wanted->is_repeated) {
            ledger_find_host(torture,
                             "a step that was perhaps done already was asked for again without `repeated`");
        }
        say(torture, finding, wanted,
            is_forgotten ? "its answer was journaled, and the host asked again"
            : deed->excuse == EXCUSE_CRASH
                ? "the host died after the request and before its answer was journaled; about.repeated said so"
                : "the connection was lost after the request and before its answer; about.repeated said so");
    } else if (alike->count++ > 0 && alike->seq != wanted->seq && is_changed && !is_harmless) {
        struct finding *finding =
            find(torture, FINDING_EVENTS, false, wanted->handler, wanted->place, wanted->operation);
        say(torture, finding, wanted, "two different events led to it");
    }
    deed->excuse = excuse;
    deed->seq = alike->seq = wanted->seq;
}

void ledger_park(struct torture *torture, const struct host_note *note) {
    struct ledger *ledger = &torture->ledger;
    char place[200];
    struct buffer words;
    if (!take_place(note->reason, place, sizeof place) && !take_place(note->traceback, place, sizeof place)) {
        snprintf(place, sizeof place, "%s", ledger->last_place);
    }
    /* What the host gives up by its rules, after failures that are of the torture's making. */
    bool is_harm = !slice_starts_with(note->reason, "past the event's deadline: ") &&
                   !slice_starts_with(note->reason, "all attempts used up: ");
    struct finding *finding = find(torture, FINDING_PARKED, is_harm, note->handler, place, note->result);
    if (finding == NULL || finding->words != NULL) {
        return;
    }
    buffer_init(&words, WORDS_MAX);
    text_append_visible(&words, note->subject);
    buffer_append_text(&words, ", ");
    text_append_visible(&words, note->type);
    buffer_append_text(&words, ": ");
    text_append_visible(
        &words, slice_make(note->reason.bytes, note->reason.length < SHOWN_MAX ? note->reason.length : SHOWN_MAX));
    keep_words(torture, finding, &words);
}

void ledger_find_host(struct torture *torture, const char *words) {
    struct slice none = slice_of("");
    struct finding *finding = find(torture, FINDING_HOST, true, none, words, none);
    if (finding != NULL && finding->words == NULL) {
        finding->words = slice_copy(slice_of(words));
    }
}

struct spot *ledger_spot(struct torture *torture, const char *place) {
    struct ledger *ledger = &torture->ledger;
    for (size_t i = 0; i < ledger->spot_count; i++) {
        if (strcmp(ledger->spots[i].place, place) == 0) {
            return &ledger->spots[i];
        }
    }
    if (ledger->spot_count == ledger->spot_capacity) {
        size_t capacity = ledger->spot_capacity == 0 ? 32 : ledger->spot_capacity * 2;
        struct spot *spots = realloc(ledger->spots, capacity * sizeof *spots);
        if (spots == NULL) {
            atomic_store(&torture->is_broken, true);
            return NULL;
        }
        ledger->spots = spots;
        ledger->spot_capacity = capacity;
    }
    struct spot *spot = &ledger->spots[ledger->spot_count++];
    memset(spot, 0, sizeof *spot);
    snprintf(spot->place, sizeof spot->place, "%s", place);
    return spot;
}

void ledger_reset(struct ledger *ledger) {
    map_each(&ledger->deeds, free_deed, NULL);
    map_each(&ledger->alike, free_deed, NULL);
    map_reset(&ledger->deeds);
    map_reset(&ledger->alike);
    for (size_t i = 0; i < ledger->count; i++) {
        free(ledger->findings[i].words);
    }
    free(ledger->findings);
    free(ledger->spots);
    *ledger = (struct ledger){.count = 0};
}

void ledger_sort(struct ledger *ledger) {
    if (ledger->count > 0) {
        qsort(ledger->findings, ledger->count, sizeof *ledger->findings, compare);
    }
}

static uint64_t key_of(const struct host_wanted *wanted, bool is_of_run) {
    struct crypto_digest digest;
    uint8_t out[CRYPTO_DIGEST_SIZE];
    uint64_t step[3] = {wanted->seq, wanted->branch, wanted->occurrence};
    crypto_digest_begin(&digest);
    crypto_digest_part(&digest, wanted->handler);
    crypto_digest_part(&digest, wanted->operation);
    crypto_digest_part(&digest, wanted->arguments);
    crypto_digest_part(&digest,
                       is_of_run ? slice_make((const char *)step, sizeof step) : slice_of(wanted->subject));
    crypto_digest_end(&digest, out);
    uint64_t key;
    memcpy(&key, out, sizeof key);
    return key;
}

static struct deed *deed_of(struct torture *torture, struct map *map, uint64_t key) {
    struct deed *deed = map_get(map, key);
    if (deed != NULL) {
        return deed;
    }
    deed = calloc(1, sizeof *deed);
    if (deed == NULL || map_put(map, key, deed) < 0) {
        free(deed);
        atomic_store(&torture->is_broken, true);
        return NULL;
    }
    return deed;
}

static struct finding *find(struct torture *torture, enum finding_kind kind, bool is_harm, struct slice handler,
                            const char *place, struct slice operation) {
    struct ledger *ledger = &torture->ledger;
    for (size_t i = 0; i < ledger->count; i++) {
        struct finding *known = &ledger->findings[i];
        if (known->kind == kind && known->is_harm == is_harm && slice_is(handler, known->handler) &&
            strcmp(known->place, place) == 0 && slice_is(operation, known->operation)) {
            known->count++;
            return known;
        }
    }
    if (ledger->count == ledger->capacity) {
        size_t capacity = ledger->capacity == 0 ? 32 : ledger->capacity * 2;
        struct finding *findings = realloc(ledger->findings, capacity * sizeof *findings);
        if (findings == NULL) {
            atomic_store(&torture->is_broken, true);
            return NULL;
        }
        ledger->findings = findings;
        ledger->capacity = capacity;
    }
    struct finding *finding = &ledger->findings[ledger->count++];
    *finding = (struct finding){.kind = kind, .is_harm = is_harm, .count = 1};
    snprintf(finding->handler, sizeof finding->handler, "%.*s", SLICE_ARG(handler));
    snprintf(finding->place, sizeof finding->place, "%s", place);
    snprintf(finding->operation, sizeof finding->operation, "%.*s", SLICE_ARG(operation));
    return finding;
}

static void say(struct torture *torture, struct finding *finding, const struct host_wanted *wanted,
                const char *reason) {
    struct buffer words;
    struct slice arguments = wanted->arguments;
    if (finding == NULL || finding->words != NULL) {
        return;
    }
    size_t length = arguments.length < SHOWN_MAX ? arguments.length : SHOWN_MAX;
    buffer_init(&words, WORDS_MAX);
    text_append_visible(&words, slice_of(wanted->subject));
    buffer_append_format(&words, ", %s: ", wanted->type);
    text_append_visible(&words, slice_make(arguments.bytes, length));
    buffer_append_format(&words, "%s\n%s", length < arguments.length ? "..." : "", reason);
    keep_words(torture, finding, &words);
}

static void keep_words(struct torture *torture, struct finding *finding, struct buffer *words) {
    finding->words = words->is_broken ? NULL : buffer_take(words);
    if (finding->words == NULL) {
        atomic_store(&torture->is_broken, true);
    }
    buffer_reset(words);
}

/* The first "Script.lua:12" in it. */
static bool take_place(struct slice text, char *place, size_t size) {
    for (size_t i = 0; i + 5 < text.length; i++) {
        if (memcmp(text.bytes + i, ".lua:", 5) != 0 || !isdigit((unsigned char)text.bytes[i + 5])) {
            continue;
        }
        size_t from = i, to = i + 5;
        while (from > 0 && !isspace((unsigned char)text.bytes[from - 1])) {
            from--;
        }
        while (to < text.length && isdigit((unsigned char)text.bytes[to])) {
            to++;
        }
        snprintf(place, size, "%.*s", (int)(to - from), text.bytes + from);
        return true;
    }
    return false;
}

static int compare(const void *a, const void *b) {
    const struct finding *one = a, *other = b;
    int order = (int)other->is_harm - (int)one->is_harm;
    order = order != 0 ? order : (int)one->kind - (int)other->kind;
    order = order != 0 ? order : strcmp(one->place, other->place);
    order = order != 0 ? order : strcmp(one->handler, other->handler);
    return order != 0 ? order : strcmp(one->operation, other->operation);
}

static void free_deed(uint64_t key, void *value, void *context) {
    (void)key;
    (void)context;
    free(value);
}
