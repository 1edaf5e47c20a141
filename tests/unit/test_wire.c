/* Frames: round trips, everything that can be cut off, lengths that lie, and noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char types[] = {WIRE_HELLO,   WIRE_FILE, WIRE_LOAD, WIRE_RUN,  WIRE_ANSWER, WIRE_CANCEL, WIRE_LOADED,
                             WIRE_REFUSED, WIRE_WANT, WIRE_LOG,  WIRE_DONE, WIRE_FAILED, WIRE_PLACE};

/* What each type carries: 4 a u32, 8 a u64, i an i64, t a text. */
static const char *fields_of(enum wire_type type) {
    switch (type) {
    case WIRE_HELLO: return "4888tt";
    case WIRE_FILE: return "tt";
    case WIRE_RUN: return "t84ii8t";
    case WIRE_ANSWER: return "4444itt";
    case WIRE_LOADED: return "4tttt";
    case WIRE_REFUSED: return "tt";
    case WIRE_PLACE: return "t";
    case WIRE_WANT: return "44tt";
    case WIRE_LOG: return "4tt";
    case WIRE_DONE: return "4t";
    case WIRE_FAILED: return "4ttt";
    case WIRE_LOAD:
    case WIRE_CANCEL: return "";
    }
    return NULL;
}

static struct slice text_at(size_t i) {
    static const char *const texts[] = {"Script.lua", "", "a\0b", "{\"id\":\"\xE2\x82\xAC\"}", "x"};
    static const size_t lengths[] = {10, 0, 3, 12, 1};
    return slice_make(texts[i % 5], lengths[i % 5]);
}

static void put_frame(struct buffer *out, enum wire_type type, uint64_t run) {
    size_t place = wire_begin(out, type, run);
    const char *fields = fields_of(type);
    for (size_t i = 0; fields[i] != '\0'; i++) {
        switch (fields[i]) {
        case '4': wire_put_u32(out, UINT32_MAX - (uint32_t)i); break;
        case '8': wire_put_u64(out, UINT64_MAX - i); break;
        case 'i': wire_put_i64(out, INT64_MIN + (int64_t)i); break;
        default: wire_put_text(out, text_at(i)); break;
        }
    }
    assert_int_equal(wire_end(out, place), 0);
}

/* Whether all fields are there and as they were put in. */
static bool check_fields(const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);
    const char *fields = fields_of(frame->type);
    bool is_same = true;
    for (size_t i = 0; fields[i] != '\0'; i++) {
        switch (fields[i]) {
        case '4': is_same &= wire_get_u32(&reader) == UINT32_MAX - (uint32_t)i; break;
        case '8': is_same &= wire_get_u64(&reader) == UINT64_MAX - i; break;
        case 'i': is_same &= wire_get_i64(&reader) == INT64_MIN + (int64_t)i; break;
        default: is_same &= slice_equal(wire_get_text(&reader), text_at(i)); break;
        }
    }
    return is_same && wire_is_whole(&reader);
}

static void every_frame_comes_back(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 100000);
    for (size_t i = 0; i < sizeof types; i++) {
        put_frame(&out, (enum wire_type)types[i], i % 2 == 0 ? i : UINT64_MAX - i);
    }
    struct slice rest = buffer_slice(&out);
    for (size_t i = 0; i < sizeof types; i++) {
        struct wire_frame frame;
        size_t taken = 0;
        assert_int_equal(wire_next(rest, &frame, &taken), 1);
        assert_int_equal(frame.type, types[i]);
        assert_true(frame.run == (i % 2 == 0 ? i : UINT64_MAX - i));
        assert_int_equal(taken, WIRE_HEAD_SIZE + frame.payload.length);
        assert_true(check_fields(&frame));
        rest = slice_make(rest.bytes + taken, rest.length - taken);
    }
    assert_int_equal(rest.length, 0);
    buffer_reset(&out);
}

static void a_frame_stands_in_its_bytes(void **state) {
    (void)state;
    static const char wanted[] = "\x0f\0\0\0\x12\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01"
                                 "\x01\0\0\0"
                                 "\xfe\xff\xff\xff"
                                 "\x03\0\0\0abc";
    struct buffer out;
    buffer_init(&out, 1000);
    size_t place = wire_begin(&out, WIRE_WANT, UINT64_C(0x0102030405060708));
    wire_put_u32(&out, 1);
    wire_put_u32(&out, UINT32_MAX - 1);
    wire_put_text(&out, slice_of("abc"));
    assert_int_equal(wire_end(&out, place), 0);
    assert_int_equal(out.length, sizeof wanted - 1);
    assert_memory_equal(out.bytes, wanted, sizeof wanted - 1);
    buffer_reset(&out);
}

/* A copy of just these bytes, so that a sanitizer sees a read past them. */
static struct slice exact(const char *bytes, size_t length) {
    char *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    return slice_make(copy, length);
}

static void what_has_not_arrived_is_waited_for(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof types; i++) {
        struct buffer out;
        buffer_init(&out, 1000);
        put_frame(&out, (enum wire_type)types[i], 7);
        for (size_t length = 0; length < out.length; length++) {
            struct wire_frame frame;
            size_t taken = 99;
            struct slice part = exact(out.bytes, length);
            assert_int_equal(wire_next(part, &frame, &taken), 0);
            assert_int_equal(taken, 99);
            free((void *)(uintptr_t)part.bytes);
        }
        buffer_reset(&out);
    }
}

static void a_payload_cut_anywhere_is_broken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof types; i++) {
        struct buffer out;
        struct wire_frame frame;
        size_t taken = 0;
        buffer_init(&out, 1000);
        put_frame(&out, (enum wire_type)types[i], 7);
        assert_int_equal(wire_next(buffer_slice(&out), &frame, &taken), 1);
        for (size_t length = 0; length < out.length - WIRE_HEAD_SIZE; length++) {
            struct wire_frame cut = frame;
            cut.payload = exact(frame.payload.bytes, length);
            assert_false(check_fields(&cut));
            free((void *)(uintptr_t)cut.payload.bytes);
        }
        buffer_append_char(&out, 'x');
        frame.payload = slice_make(out.bytes + WIRE_HEAD_SIZE, out.length - WIRE_HEAD_SIZE);
        assert_false(check_fields(&frame));
        buffer_reset(&out);
    }
}

static void a_broken_reader_stays_broken(void **state) {
    (void)state;
    /* A text that says it is longer than what is left, with a whole number behind its length. */
    static const char payload[] = "\x09\0\0\0\x01\0\0\0\0\0\0\0";
    struct wire_frame frame = {.type = WIRE_LOG, .payload = slice_make(payload, 12)};
    struct wire_reader reader = wire_read(&frame);
    assert_false(slice_is_set(wire_get_text(&reader)));
    assert_true(reader.is_broken);
    assert_int_equal(wire_get_u32(&reader), 0);
    assert_true(wire_get_u64(&reader) == 0);
    assert_false(slice_is_set(wire_get_text(&reader)));
    assert_false(wire_is_whole(&reader));
}

static void lengths_that_lie_are_found_out(void **state) {
    (void)state;
    static const uint32_t lies[] = {5,         6, 255, 65536, INT32_MAX, (uint32_t)INT32_MAX + 1, UINT32_MAX - 3,
                                    UINT32_MAX};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        char payload[8] = {0};
        for (size_t k = 0; k < 4; k++) {
            payload[k] = (char)(unsigned char)(lies[i] >> (8 * k));
        }
        struct wire_frame frame = {.type = WIRE_DONE, .payload = slice_make(payload, sizeof payload)};
        struct wire_reader reader = wire_read(&frame);
        assert_int_equal(wire_get_text(&reader).length, 0);
        assert_false(wire_is_whole(&reader));
    }
}

static void heads_that_lie_end_the_connection(void **state) {
    (void)state;
    char head[WIRE_HEAD_SIZE];
    struct wire_frame frame;
    size_t taken = 0;
    for (int type = 0; type < 256; type++) {
        memset(head, 0, sizeof head);
        head[4] = (char)(unsigned char)type;
        bool is_known = memchr(types, type, sizeof types) != NULL;
        assert_int_equal(wire_next(slice_make(head, sizeof head), &frame, &taken), is_known ? 1 : -1);
    }
    for (size_t place = 5; place < 8; place++) {
        memset(head, 0, sizeof head);
        head[4] = WIRE_LOAD;
        head[place] = 1;
        assert_int_equal(wire_next(slice_make(head, sizeof head), &frame, &taken), -1);
    }
    memset(head, 0, sizeof head);
    head[4] = WIRE_LOAD;
    head[3] = 1; /* 16 MiB exactly */
    assert_int_equal(wire_next(slice_make(head, sizeof head), &frame, &taken), 0);
    head[0] = 1;
    assert_int_equal(wire_next(slice_make(head, sizeof head), &frame, &taken), -1);
    memset(head, 0xff, 4);
    assert_int_equal(wire_next(slice_make(head, sizeof head), &frame, &taken), -1);
}

static void noise_breaks_nothing(void **state) {
    (void)state;
    uint64_t chance = 1;
    for (int round = 0; round < 20000; round++) {
        char noise[96];
        for (size_t i = 0; i < sizeof noise; i++) {
            chance = chance * 6364136223846793005u + 1442695040888963407u;
            noise[i] = (char)(unsigned char)(chance >> 56);
        }
        if (round % 2 == 0) {
            /* A head that holds, so that the payload is reached. */
            memset(noise, 0, 8);
            noise[0] = (char)(round / 2 % 81);
            noise[4] = types[(size_t)round % sizeof types];
        }
        struct slice bytes = exact(noise, sizeof noise);
        struct wire_frame frame;
        size_t taken = 0;
        if (wire_next(bytes, &frame, &taken) == 1) {
            assert_true(taken <= bytes.length);
            check_fields(&frame);
        }
        free((void *)(uintptr_t)bytes.bytes);
    }
}

static void too_large_a_frame_is_taken_off_again(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, (size_t)3 * WIRE_PAYLOAD_MAX);
    char *text = calloc(1, WIRE_PAYLOAD_MAX + 1);
    assert_non_null(text);
    put_frame(&out, WIRE_LOG, 1);
    size_t before = out.length;
    size_t place = wire_begin(&out, WIRE_DONE, 1);
    wire_put_text(&out, slice_make(text, WIRE_PAYLOAD_MAX - 4));
    assert_int_equal(wire_end(&out, place), 0);
    buffer_truncate(&out, before);
    static const size_t excesses[] = {WIRE_PAYLOAD_MAX - 3, WIRE_PAYLOAD_MAX + 1, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        place = wire_begin(&out, WIRE_DONE, 1);
        wire_put_text(&out, slice_make(text, excesses[i]));
        assert_int_equal(wire_end(&out, place), -1);
        assert_int_equal(out.length, before);
    }
    put_frame(&out, WIRE_LOG, 2);
    assert_true(out.length > before);
    free(text);
    buffer_reset(&out);
}

/* Whatever the limit, each frame is there as a whole or not at all. */
static void a_full_buffer_keeps_whole_frames(void **state) {
    (void)state;
    for (size_t limit = 0; limit < 200; limit++) {
        struct buffer out;
        buffer_init(&out, limit);
        for (int i = 0; i < 4; i++) {
            size_t place = wire_begin(&out, WIRE_WANT, 3);
            wire_put_u32(&out, 1);
            wire_put_u64(&out, 2);
            wire_put_text(&out, slice_of("router.jobs.get"));
            assert_int_equal(wire_end(&out, place), place + 47 <= limit ? 0 : -1);
            assert_false(out.is_broken);
        }
        assert_int_equal(out.length, limit / 47 > 4 ? 4 * 47 : limit / 47 * 47);
        buffer_reset(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_comes_back),
        cmocka_unit_test(a_frame_stands_in_its_bytes),
        cmocka_unit_test(what_has_not_arrived_is_waited_for),
        cmocka_unit_test(a_payload_cut_anywhere_is_broken),
        cmocka_unit_test(a_broken_reader_stays_broken),
        cmocka_unit_test(lengths_that_lie_are_found_out),
        cmocka_unit_test(heads_that_lie_end_the_connection),
        cmocka_unit_test(noise_breaks_nothing),
        cmocka_unit_test(too_large_a_frame_is_taken_off_again),
        cmocka_unit_test(a_full_buffer_keeps_whole_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
