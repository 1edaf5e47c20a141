#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/switchhook-file-XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/text", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_bytes(size_t count) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(EOF, fputc('a' + (int)(i % 26), file));
    }
    assert_int_equal(0, fclose(file));
}

static void reads_all_of_a_file_behind_what_is_there(void **state) {
    (void)state;
    struct buffer out;
    struct error error = {0};
    write_bytes(200 * 1000);
    buffer_init(&out, 1 << 20);
    buffer_append_text(&out, "x");
    assert_int_equal(0, file_read(path, &out, &error));
    assert_int_equal(200 * 1000 + 1, out.length);
    assert_int_equal('x', out.bytes[0]);
    assert_int_equal('a' + (200 * 1000 - 1) % 26, out.bytes[out.length - 1]);
    buffer_reset(&out);
}

static void takes_a_file_that_just_fits_and_none_larger(void **state) {
    (void)state;
    struct buffer out;
    struct error error = {0};
    buffer_init(&out, 1000);
    write_bytes(1000);
    assert_int_equal(0, file_read(path, &out, &error));
    assert_int_equal(1000, out.length);
    buffer_clear(&out);
    write_bytes(1001);
    assert_int_equal(-1, file_read(path, &out, &error));
    assert_int_equal(0, out.length);
    assert_int_equal(ERROR_LIMIT, error.code);
    assert_non_null(strstr(error.message, "larger than 1000 bytes"));
    buffer_reset(&out);
}

static void says_why_it_cannot_read(void **state) {
    (void)state;
    struct buffer out;
    struct error error = {0};
    buffer_init(&out, 1000);
    assert_int_equal(-1, file_read("/nowhere/at/all", &out, &error));
    assert_non_null(strstr(error.message, "cannot read /nowhere/at/all"));
    assert_int_equal(-1, file_read(folder, &out, &error));
    assert_non_null(strstr(error.message, folder));
    assert_int_equal(0, out.length);
    buffer_reset(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_of_a_file_behind_what_is_there),
        cmocka_unit_test(takes_a_file_that_just_fits_and_none_larger),
        cmocka_unit_test(says_why_it_cannot_read),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
