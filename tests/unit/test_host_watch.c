/* The watch on the scripts: every way of saving is noticed, and what is no script is not. Real files, and the real
 * loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/host_watching.h"

static void notices_a_rename_over_the_file(void **state) {
    (void)state;
    put("scripts/a.lua", "one");
    begin_watching(scripts);
    put("scripts/a.lua.new", "two");
    assert_left_alone();
    move("scripts/a.lua.new", "scripts/a.lua");
    assert_read_again();
}

static void notices_a_write_in_place(void **state) {
    (void)state;
    put("scripts/a.lua", "one");
    begin_watching(scripts);
    put("scripts/a.lua", "two");
    assert_read_again();
}

static void notices_what_comes_and_goes(void **state) {
    (void)state;
    begin_watching(scripts);
    put("scripts/a.lua", "one");
    assert_read_again();
    assert_int_equal(unlink(at("scripts/a.lua")), 0);
    assert_read_again();
    put("scripts/a.lua", "one");
    assert_read_again();
    move("scripts/a.lua", "scripts/b.lua");
    assert_read_again();
    move("scripts/b.lua", "elsewhere.lua");
    assert_read_again();
}

static void notices_new_rights(void **state) {
    (void)state;
    put("scripts/a.lua", "one");
    begin_watching(scripts);
    assert_int_equal(chmod(at("scripts/a.lua"), 0644), 0);
    assert_read_again();
}

static void notices_folders_and_what_is_in_them(void **state) {
    (void)state;
    begin_watching(scripts);
    make_folder("scripts/lib");
    assert_read_again();
    put("scripts/lib/m.lua", "one");
    assert_read_again();
    make_folder("scripts/lib/deep");
    put("scripts/lib/deep/n.lua", "one"); /* the folder may not be watched yet: it is read after it */
    assert_read_again();
    put("scripts/lib/deep/n.lua", "two");
    assert_read_again();
    move("scripts/lib", "lib");
    assert_read_again();
    move("lib", "scripts/other");
    assert_read_again();
    put("scripts/other/m.lua", "two");
    assert_read_again();
}

static void notices_that_the_folder_itself_is_replaced(void **state) {
    (void)state;
    make_folder("next");
    put("next/a.lua", "two");
    begin_watching(scripts);
    move("scripts", "before");
    assert_read_again();
    move("next", "scripts");
    assert_read_again();
    put("scripts/a.lua", "three");
    assert_read_again();
    put("before/b.lua", "one");
    assert_left_alone();
}

static void notices_a_symlink_of_the_folder_that_is_swapped(void **state) {
    (void)state;
    make_folder("set_1");
    make_folder("set_2");
    link_to("set_1", "live");
    begin_watching(at("live"));
    swap_link("set_2", "live");
    assert_read_again();
    put("set_2/a.lua", "one");
    assert_read_again();
    put("set_1/a.lua", "one");
    assert_left_alone();
}

/* As tools for deployments do it: releases/7/scripts, and `current` leads to one of them. */
static void notices_a_swap_on_the_way_to_the_folder(void **state) {
    (void)state;
    make_folder("releases");
    make_folder("releases/1");
    make_folder("releases/1/scripts");
    make_folder("releases/2");
    make_folder("releases/2/scripts");
    link_to("releases/1", "current");
    link_to("current/scripts", "live");
    begin_watching(at("live/"));
    swap_link("releases/2", "current");
    assert_read_again();
    put("releases/2/scripts/a.lua", "one");
    assert_read_again();
    swap_link("releases/1/scripts", "live");
    assert_read_again();
}

/* Kubernetes: files are links through ..data, which is swapped; then the old files go. */
static void notices_how_a_config_map_changes(void **state) {
    (void)state;
    make_folder("scripts/..1");
    put("scripts/..1/a.lua", "one");
    link_to("..1", "scripts/..data");
    link_to("..data/a.lua", "scripts/a.lua");
    begin_watching(scripts);
    make_folder("scripts/..2");
    put("scripts/..2/a.lua", "two");
    assert_left_alone();
    swap_link("..2", "scripts/..data");
    assert_read_again();
    assert_int_equal(unlink(at("scripts/..1/a.lua")), 0);
    assert_int_equal(rmdir(at("scripts/..1")), 0);
    assert_left_alone();
    make_folder("scripts/..3");
    put("scripts/..3/a.lua", "three");
    swap_link("..3", "scripts/..data");
    assert_read_again();
}

static void notices_changes_of_a_file_that_a_script_is_a_link_to(void **state) {
    (void)state;
    make_folder("elsewhere");
    put("elsewhere/a.txt", "one");
    put("beside.lua", "one");
    link_to("../elsewhere/a.txt", "scripts/a.lua");
    link_to(at("beside.lua"), "scripts/b.lua"); /* its folder is also the parent of the scripts */
    link_to("../later.lua", "scripts/c.lua");
    begin_watching(scripts);
    put("elsewhere/a.txt", "two");
    assert_read_again();
    put("beside.lua", "two");
    assert_read_again();
    put("other.lua", "one");
    put("elsewhere/b.lua", "one");
    assert_left_alone();
    put("later.lua", "one");
    assert_read_again();
    put("next.txt", "three");
    move("next.txt", "elsewhere/a.txt");
    assert_read_again();
}

static void notices_a_folder_that_comes_later(void **state) {
    (void)state;
    begin_watching(at("a/b/scripts"));
    make_folder("a");
    assert_read_again();
    make_folder("a/b");
    assert_read_again();
    make_folder("a/b/scripts");
    assert_read_again();
    put("a/b/scripts/x.lua", "one");
    assert_read_again();
}

static void leaves_editors_alone(void **state) {
    (void)state;
    put("scripts/a.lua", "one");
    put("scripts/a_spec.lua", "one");
    put("neighbour", "one");
    begin_watching(scripts);
    put("scripts/.a.lua.swp", "x");
    put("scripts/a.lua~", "x");
    put("scripts/#a.lua#", "x");
    put("scripts/a.lua.tmp", "x");
    put("scripts/a_spec.lua", "two");
    put("scripts/README.md", "x");
    link_to("somebody@somewhere", "scripts/.#a.lua");
    assert_int_equal(unlink(at("scripts/.a.lua.swp")), 0);
    move("scripts/a.lua.tmp", "scripts/a.lua.bak");
    make_folder("scripts/.git");
    put("scripts/.git/a.lua", "x");
    put("neighbour", "two");
    put("stray.lua", "x");
    FILE *reader = fopen(at("scripts/a.lua"), "r");
    assert_non_null(reader);
    fclose(reader);
    assert_left_alone();
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, watching_open, watching_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        WATCHED(notices_a_rename_over_the_file),
        WATCHED(notices_a_write_in_place),
        WATCHED(notices_what_comes_and_goes),
        WATCHED(notices_new_rights),
        WATCHED(notices_folders_and_what_is_in_them),
        WATCHED(notices_that_the_folder_itself_is_replaced),
        WATCHED(notices_a_symlink_of_the_folder_that_is_swapped),
        WATCHED(notices_a_swap_on_the_way_to_the_folder),
        WATCHED(notices_how_a_config_map_changes),
        WATCHED(notices_changes_of_a_file_that_a_script_is_a_link_to),
        WATCHED(notices_a_folder_that_comes_later),
        WATCHED(leaves_editors_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
