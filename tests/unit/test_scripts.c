/* A folder of scripts read into memory: what counts as one, the limits, and the digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "scripts/scripts.h"
#include <cmocka.h>

#include "unit/host_folder.h"
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static int setup(void **state) {
    (void)state;
    return crypto_start(NULL) < 0 ? -1 : folder_open();
}

static int teardown(void **state) {
    (void)state;
    return folder_remove();
}

static struct script_set *read_all(void) {
    struct error error = {0};
    struct script_set *set = scripts_read(scripts, &error);

    if (set == NULL) {
        print_error("%s\n", error.message);
    }
    assert_non_null(set);
    return set;
}

/* "a.lua b.lua": all paths. */
static void assert_paths(const char *expected) {
    struct script_set *set = read_all();
    char paths[1024] = "";
    size_t length = 0;

    for (size_t i = 0; i < set->count; i++) {
        length +=
            (size_t)snprintf(paths + length, sizeof paths - length, "%s%s", i == 0 ? "" : " ", set->files[i].path);
        assert_true(length < sizeof paths);
    }
    assert_string_equal(paths, expected);
    scripts_free(set);
}

static void assert_refused(enum error_code code, const char *words) {
    struct error error = {0};

    assert_null(scripts_read(scripts, &error));
    assert_int_equal(error.code, code);
    if (strstr(error.message, words) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, words);
    }
}

static void reads_what_is_there(void **state) {
    (void)state;
    put("scripts/RouterJobQueued.lua", "return 1");
    put("scripts/empty.lua", "");
    struct script_set *set = read_all();
    assert_int_equal(set->count, 2);
    assert_int_equal(set->size, 8);
    assert_string_equal(set->files[0].path, "RouterJobQueued.lua");
    assert_int_equal(set->files[0].length, 8);
    assert_memory_equal(set->files[0].bytes, "return 1", 8);
    assert_int_equal(set->files[1].length, 0);
    assert_null(set->open_file);
    scripts_free(set);
}

static void an_empty_folder_is_an_empty_set(void **state) {
    (void)state;
    assert_paths("");
}

static void leaves_out_what_is_no_script(void **state) {
    (void)state;
    make_folder("scripts/.git");
    put("scripts/.git/x.lua", "");
    put("scripts/.#a.lua", "");
    put("scripts/.a.lua.swp", "");
    put("scripts/a.lua", "");
    put("scripts/a.lua~", "");
    put("scripts/a.lua.orig", "");
    put("scripts/a_spec.lua", "");
    put("scripts/README.md", "");
    make_folder("scripts/lib");
    put("scripts/lib/b_spec.lua", "");
    put("scripts/lib/b.lua", "");
    assert_paths("a.lua lib/b.lua");
}

static void reads_folders_in_folders_sorted_by_path(void **state) {
    (void)state;
    make_folder("scripts/z");
    make_folder("scripts/z/y");
    put("scripts/z/y/x.lua", "");
    put("scripts/z/b.lua", "");
    put("scripts/a.lua", "");
    put("scripts/zz.lua", "");
    assert_paths("a.lua z/b.lua z/y/x.lua zz.lua");
}

static void follows_symlinks(void **state) {
    (void)state;
    put("shared.lua", "return 2");
    make_folder("modules");
    put("modules/m.lua", "");
    link_to("../shared.lua", "scripts/a.lua");
    link_to("../modules", "scripts/lib");
    assert_paths("a.lua lib/m.lua");
}

static void a_symlink_to_nothing_is_no_script(void **state) {
    (void)state;
    link_to("nowhere.lua", "scripts/a.lua");
    link_to("nowhere", "scripts/lib");
    assert_paths("");
}

static void a_symlink_to_itself_is_told_of(void **state) {
    (void)state;
    link_to("a.lua", "scripts/a.lua");
    assert_refused(ERROR_SYSTEM, "cannot open the script a.lua");
}

static void a_folder_that_holds_itself_ends_somewhere(void **state) {
    (void)state;
    link_to(".", "scripts/lib");
    assert_refused(ERROR_LIMIT, "lib/lib/lib/lib/lib/lib/lib/lib: folders of scripts nest deeper than 8");
}

/* Opening a fifo waits for its other end, unless one is careful. */
static void what_is_no_file_does_not_hold_it_up(void **state) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(mkfifo(at("scripts/fifo.lua"), 0600), 0);
    assert_int_equal(mkfifo(at("scripts/fifo"), 0600), 0);
    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket.lua", scripts);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    put("scripts/a.lua", "");
    alarm(60);
    assert_paths("a.lua");
    alarm(0);
    close(fd);
}

/* What lets root read everything is put aside, or taken up again. */
static void set_overrides(bool is_on) {
    static const uint32_t overrides = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

    assert_int_equal(syscall(SYS_capget, &head, sets), 0);
    sets[0].effective = is_on ? sets[0].permitted : sets[0].effective & ~overrides;
    assert_int_equal(syscall(SYS_capset, &head, sets), 0);
}

static void what_may_not_be_read_is_told_of(void **state) {
    (void)state;
    put("scripts/a.lua", "");
    assert_int_equal(chmod(at("scripts/a.lua"), 0), 0);
    set_overrides(false);
    assert_refused(ERROR_SYSTEM, "cannot open the script a.lua: Permission denied");
    set_overrides(true);
}

static void a_folder_that_is_not_there_is_told_of(void **state) {
    (void)state;
    assert_int_equal(rmdir(scripts), 0);
    assert_refused(ERROR_SYSTEM, "cannot open the scripts folder");
    put("scripts", "a file");
    assert_refused(ERROR_SYSTEM, "cannot open the scripts folder");
}

static void a_file_may_have_a_mebibyte(void **state) {
    (void)state;
    put("scripts/a.lua", "");
    assert_int_equal(truncate(at("scripts/a.lua"), SCRIPTS_FILE_SIZE_MAX), 0);
    struct script_set *set = read_all();
    assert_int_equal(set->files[0].length, SCRIPTS_FILE_SIZE_MAX);
    scripts_free(set);
    assert_int_equal(truncate(at("scripts/a.lua"), SCRIPTS_FILE_SIZE_MAX + 1), 0);
    assert_refused(ERROR_LIMIT, "a.lua: a script may have 1 MiB");
}

static void all_together_may_have_sixteen(void **state) {
    char name[32];

    (void)state;
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "scripts/%02d.lua", i);
        put(name, "");
        assert_int_equal(truncate(at(name), SCRIPTS_FILE_SIZE_MAX), 0);
    }
    struct script_set *set = read_all();
    assert_int_equal(set->size, SCRIPTS_SIZE_MAX);
    scripts_free(set);
    put("scripts/more.lua", "x");
    assert_refused(ERROR_LIMIT, "all scripts together 16 MiB");
}

static void there_may_be_a_thousand_files(void **state) {
    char name[32];

    (void)state;
    for (int i = 0; i < SCRIPTS_FILES_MAX; i++) {
        snprintf(name, sizeof name, "scripts/%04d.lua", i);
        put(name, "");
    }
    struct script_set *set = read_all();
    assert_int_equal(set->count, SCRIPTS_FILES_MAX);
    for (size_t i = 0; i + 1 < set->count; i++) {
        assert_true(strcmp(set->files[i].path, set->files[i + 1].path) < 0);
    }
    scripts_free(set);
    put("scripts/more.lua", "");
    assert_refused(ERROR_LIMIT, "more than 1000 scripts");
}

static void assert_digest(const struct script_set *set, bool is_same) {
    struct script_set *now = read_all();

    assert_int_equal(memcmp(set->digest, now->digest, sizeof set->digest) == 0, is_same);
    scripts_free(now);
}

static void the_digest_is_that_of_paths_and_bytes(void **state) {
    (void)state;
    put("scripts/a.lua", "one");
    put("scripts/b.lua", "two");
    struct script_set *set = read_all();
    put("scripts/a.lua", "one"); /* touched */
    put("scripts/c_spec.lua", "left out");
    assert_digest(set, true);
    put("scripts/a.lua", "One");
    assert_digest(set, false);
    put("scripts/a.lua", "one");
    move("scripts/b.lua", "scripts/c.lua");
    assert_digest(set, false);
    move("scripts/c.lua", "scripts/b.lua");
    put("scripts/a.lua", "onet"); /* the border between the files moves */
    put("scripts/b.lua", "wo");
    assert_digest(set, false);
    put("scripts/a.lua", "one");
    put("scripts/b.lua", "two");
    assert_digest(set, true);
    put("scripts/c.lua", "");
    assert_digest(set, false);
    scripts_free(set);
}

static void assert_open(const char *path) {
    struct script_set *set = read_all();

    if (path == NULL) {
        assert_null(set->open_file);
    } else {
        assert_non_null(set->open_file);
        assert_string_equal(set->open_file, path);
    }
    scripts_free(set);
}

/* No event tells of a writer that came before the watch. */
static void sees_that_somebody_has_a_script_open_for_writing(void **state) {
    (void)state;
    make_folder("scripts/lib");
    put("scripts/a.lua", "");
    put("scripts/a_spec.lua", "");
    int fd = open_file("scripts/lib/b.lua", 0);
    int other = open_file("scripts/a_spec.lua", 0);
    assert_open("lib/b.lua");
    close(fd);
    assert_open(NULL);
    close(other);
    fd = open(at("scripts/a.lua"), O_RDONLY);
    assert_true(fd >= 0);
    assert_open(NULL); /* a reader does no harm */
    close(fd);
}

static const char whole[] = "return function() end";
static atomic_bool is_over;

/* Returns whether it could. */
static void *write_all_the_time(void *path) {
    bool is_well = true;
    while (is_well && !atomic_load(&is_over)) {
        int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        is_well = write(fd, whole, sizeof whole - 1) == sizeof whole - 1;
        close(fd);
    }
    return is_well ? path : NULL;
}

/* A file that is saved in place is empty for a moment, at first without an event that tells of it. */
static void what_nobody_has_open_is_read_whole(void **state) {
    enum { READS = 20000 };
    char path[FOLDER_PATH_SIZE];
    pthread_t writer;
    unsigned halves = 0;
    void *was_well;

    (void)state;
    put("scripts/a.lua", whole);
    snprintf(path, sizeof path, "%s", at("scripts/a.lua"));
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&writer, NULL, write_all_the_time, path), 0);
    for (int i = 0; i < READS; i++) {
        struct script_set *set = read_all();
        halves += set->open_file == NULL && set->files[0].length != sizeof whole - 1;
        scripts_free(set);
    }
    atomic_store(&is_over, true);
    pthread_join(writer, &was_well);
    assert_non_null(was_well);
    assert_int_equal(halves, 0);
}

static void the_last_holder_frees(void **state) {
    (void)state;
    put("scripts/a.lua", "one");
    struct script_set *set = read_all();
    struct script_set *shared = scripts_share(set);
    scripts_free(set);
    assert_string_equal(shared->files[0].path, "a.lua");
    scripts_free(shared);
    scripts_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_folder_is_an_empty_set, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_out_what_is_no_script, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_folders_in_folders_sorted_by_path, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_symlinks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_symlink_to_nothing_is_no_script, setup, teardown),
        cmocka_unit_test_setup_teardown(a_symlink_to_itself_is_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_holds_itself_ends_somewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_does_not_hold_it_up, setup, teardown),
        cmocka_unit_test_setup_teardown(what_may_not_be_read_is_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_may_have_a_mebibyte, setup, teardown),
        cmocka_unit_test_setup_teardown(all_together_may_have_sixteen, setup, teardown),
        cmocka_unit_test_setup_teardown(there_may_be_a_thousand_files, setup, teardown),
        cmocka_unit_test_setup_teardown(the_digest_is_that_of_paths_and_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(sees_that_somebody_has_a_script_open_for_writing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_has_open_is_read_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_holder_frees, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
