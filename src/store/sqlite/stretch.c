/* Where to look, to a stretch of STORE_SEGMENT numbers: for events of a state that is set aside, and for runs of
 * a generation. An index would have an entry for each, another page or two in every commit; here there is one row
 * for a stretch, written when the first of them comes. A row may lead to a stretch that has none any more. */
#include "store/sqlite/internal.h"
#include <string.h>

int stretch_note_state(struct store *store, uint64_t seq, int state, struct error *error) {
    uint64_t last = store_segment_of(seq);
    if (state < STORE_PARKED || store->noted.aside[state] == last) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[WRITE_ASIDE];
    sqlite3_bind_int(row, 1, state);
    db_bind_bits(row, 2, last);
    if (db_run(store->db, row, "note where events are set aside", error) < 0) {
        return -1;
    }
    store->noted.aside[state] = last;
    return 0;
}

int stretch_note_generation(struct store *store, uint64_t seq, const uint8_t *generation, struct error *error) {
    uint64_t last = store_segment_of(seq);
    if (generation == NULL || (store->noted.used == last &&
                               memcmp(store->noted.generation, generation, sizeof store->noted.generation) == 0)) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[WRITE_USE];
    db_bind_bits(row, 1, last);
    db_bind_blob(row, 2, slice_make((const char *)generation, STORE_DIGEST_SIZE));
    if (db_run(store->db, row, "note where scripts are needed", error) < 0) {
        return -1;
    }
    store->noted.used = last;
    memcpy(store->noted.generation, generation, sizeof store->noted.generation);
    return 0;
}

void stretch_forget(struct store *store) {
    store->noted.used = 0;
    memset(store->noted.aside, 0, sizeof store->noted.aside);
}
