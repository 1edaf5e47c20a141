/* The map against a plain array that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include <cmocka.h>
#include <stdbool.h>

enum { KEY_COUNT = 20000 };

static int values[KEY_COUNT];

struct sums {
    size_t count;
    uint64_t keys;
};

static void add_up(uint64_t key, void *value, void *context) {
    struct sums *sums = context;
    assert_non_null(value);
    sums->count++;
    sums->keys += key;
}

static void starts_empty(void **state) {
    (void)state;
    struct map map;
    map_init(&map);
    assert_null(map_get(&map, 0));
    assert_null(map_remove(&map, 0));
    struct sums sums = {0};
    map_each(&map, add_up, &sums);
    assert_int_equal(sums.count, 0);
    map_reset(&map);
}

static void every_key_is_a_key(void **state) {
    (void)state;
    static const uint64_t keys[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63, UINT32_MAX};
    struct map map;
    map_init(&map);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(map_put(&map, keys[i], &values[i]), 0);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(map_get(&map, keys[i]), &values[i]);
    }
    assert_int_equal(map_put(&map, 0, &values[9]), 0);
    assert_int_equal(map.count, 5);
    assert_ptr_equal(map_get(&map, 0), &values[9]);
    assert_ptr_equal(map_remove(&map, 0), &values[9]);
    assert_null(map_remove(&map, 0));
    assert_null(map_get(&map, 0));
    assert_int_equal(map.count, 4);
    map_reset(&map);
    assert_null(map_get(&map, 1));
}

/* Keys in several patterns that a weak mix would crowd into a few slots. */
static uint64_t key_of(int pattern, size_t i) {
    static const unsigned shifts[] = {0, 8, 32, 48};
    return pattern < 4 ? (uint64_t)i << shifts[pattern] : ~(uint64_t)i * 4096;
}

static void many_keys_come_and_go(void **state) {
    (void)state;
    for (int pattern = 0; pattern < 5; pattern++) {
        struct map map;
        static bool is_there[KEY_COUNT];
        uint64_t chance = 88172645463325252;
        size_t count = 0;
        map_init(&map);
        for (size_t i = 0; i < KEY_COUNT; i++) {
            is_there[i] = false;
        }
        for (size_t step = 0; step < 6 * KEY_COUNT; step++) {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            size_t i = (size_t)(chance % KEY_COUNT);
            void *expected = is_there[i] ? &values[i] : NULL;
            assert_ptr_equal(map_get(&map, key_of(pattern, i)), expected);
            if ((chance >> 40) % 2 == 0) {
                assert_int_equal(map_put(&map, key_of(pattern, i), &values[i]), 0);
                count += is_there[i] ? 0 : 1;
                is_there[i] = true;
            } else {
                assert_ptr_equal(map_remove(&map, key_of(pattern, i)), expected);
                count -= is_there[i] ? 1 : 0;
                is_there[i] = false;
            }
            assert_int_equal(map.count, count);
        }
        struct sums wanted = {0};
        struct sums sums = {0};
        for (size_t i = 0; i < KEY_COUNT; i++) {
            assert_ptr_equal(map_get(&map, key_of(pattern, i)), is_there[i] ? &values[i] : NULL);
            if (is_there[i]) {
                add_up(key_of(pattern, i), &values[i], &wanted);
            }
        }
        map_each(&map, add_up, &sums);
        assert_int_equal(sums.count, wanted.count);
        assert_true(sums.keys == wanted.keys);
        map_reset(&map);
    }
}

/* The longest row of full slots says how far a search may have to go. */
static void searches_stay_short(void **state) {
    (void)state;
    for (int pattern = 0; pattern < 5; pattern++) {
        struct map map;
        map_init(&map);
        for (size_t i = 0; i < 12000; i++) {
            assert_int_equal(map_put(&map, key_of(pattern, i), &values[i]), 0);
        }
        size_t longest = 0;
        size_t row = 0;
        for (size_t i = 0; i < map.capacity; i++) {
            row = map.slots[i].value == NULL ? 0 : row + 1;
            longest = row > longest ? row : longest;
        }
        assert_true(longest < 256);
        map_reset(&map);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(every_key_is_a_key),
        cmocka_unit_test(many_keys_come_and_go),
        cmocka_unit_test(searches_stay_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
