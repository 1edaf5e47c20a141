/* Lists of the local Job Router's core, page by page. */
#include "router/router.h"
#include "sim_kit.h"

enum { JOBS = 250 };

struct pages {
    struct kit kit;
    char path[64];
    char query[1024]; /* of the next page, with a '?' before it; "": there is none */
    char ids[1024];   /* of this one: "a,b," */
    size_t count;
};

static void read_page(struct pages *pages) {
    struct kit *kit = &pages->kit;
    assert_int_equal(kit_call(kit, "GET", pages->path, pages->query, NULL), 200);
    pages->ids[0] = '\0';
    pages->count = json_count(json_get(kit->json, "value"));
    for (const struct json *each = json_first(json_get(kit->json, "value")); each != NULL;
         each = json_next(each)) {
        size_t length = strlen(pages->ids);
        snprintf(pages->ids + length, sizeof pages->ids - length, "%s,", json_get_string(each, "id"));
    }
    assert_non_null(json_get(kit->json, "nextLink")); /* null on the last page, but there */
    const char *link = json_get_string(kit->json, "nextLink");
    pages->query[0] = '\0';
    if (link != NULL) {
        size_t length = strlen(pages->path);
        assert_memory_equal(link, pages->path, length);
        snprintf(pages->query, sizeof pages->query, "%s", link + length);
        assert_int_equal(pages->query[0], '?');
    }
}

static void open_pages(struct pages *pages, const char *path, const char *query) {
    kit_open_idle(&pages->kit);
    snprintf(pages->path, sizeof pages->path, "%s", path);
    snprintf(pages->query, sizeof pages->query, "?api-version=2023-11-01%s", query);
}

static void make(struct pages *pages, const char *ids) {
    for (const char *id = ids; *id != '\0'; id++) {
        char name[2] = {*id, '\0'};
        kit_job(&pages->kit, name, "");
    }
}

static void a_list_comes_in_pages_of_the_size_that_was_asked_for(void **state) {
    (void)state;
    struct pages pages;
    open_pages(&pages, "/routing/jobs", "&maxpagesize=2");
    make(&pages, "abcde");
    read_page(&pages);
    assert_string_equal(pages.ids, "a,b,");
    read_page(&pages);
    assert_string_equal(pages.ids, "c,d,");
    read_page(&pages);
    assert_string_equal(pages.ids, "e,");
    assert_string_equal(pages.query, "");
    kit_close(&pages.kit);
}

static void the_last_page_is_not_empty(void **state) {
    (void)state;
    struct pages pages;
    open_pages(&pages, "/routing/jobs", "&maxpagesize=2");
    make(&pages, "abcd");
    read_page(&pages);
    read_page(&pages);
    assert_string_equal(pages.ids, "c,d,");
    assert_string_equal(pages.query, "");
    kit_close(&pages.kit);
}

static void what_is_made_and_deleted_between_two_pages_moves_nothing(void **state) {
    (void)state;
    struct pages pages;
    open_pages(&pages, "/routing/jobs", "&maxpagesize=2");
    make(&pages, "abcdef");
    read_page(&pages);
    kit_ok(&pages.kit, 204, "DELETE", "/routing/jobs/a", NULL);
    kit_ok(&pages.kit, 204, "DELETE", "/routing/jobs/b", NULL); /* the one that the link names */
    kit_ok(&pages.kit, 204, "DELETE", "/routing/jobs/d", NULL);
    make(&pages, "bg"); /* made anew: it comes last */
    read_page(&pages);
    assert_string_equal(pages.ids, "c,e,");
    read_page(&pages);
    assert_string_equal(pages.ids, "f,b,");
    read_page(&pages);
    assert_string_equal(pages.ids, "g,");
    kit_close(&pages.kit);
}

static void a_link_has_the_whole_query(void **state) {
    (void)state;
    struct pages pages;
    open_pages(&pages, "/routing/jobs", "&maxpagesize=1&status=cancelled&queueId=q&nothing=%22");
    make(&pages, "abc");
    kit_ok(&pages.kit, 200, "POST", "/routing/jobs/a:cancel", NULL);
    kit_ok(&pages.kit, 200, "POST", "/routing/jobs/c:cancel", NULL);
    read_page(&pages);
    assert_string_equal(pages.ids, "a,");
    assert_non_null(strstr(pages.query, "api-version=2023-11-01"));
    assert_null(strstr(pages.query, "nothing"));
    read_page(&pages);
    assert_string_equal(pages.ids, "c,");
    assert_string_equal(pages.query, "");
    kit_close(&pages.kit);
}

static void every_list_has_pages_and_a_link_that_the_host_follows(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 201, "PATCH", "/routing/distributionPolicies/%22%20%26%3D", "{}");
    kit_ok(&kit, 201, "PATCH", "/routing/distributionPolicies/last", "{}");
    kit_ok(&kit, 200, "GET", "/routing/distributionPolicies", NULL);
    struct sim_request request = {.method = slice_of("GET"),
                                  .path = slice_of("/routing/distributionPolicies"),
                                  .query = slice_of("api-version=2023-11-01&maxpagesize=2"),
                                  .origin = slice_of("http://127.0.0.1:8081")};
    sim_answer_reset(&kit.answer);
    sim_answer_init(&kit.answer);
    sim_core_request(kit.core, kit.now_us, &request, &kit.answer);
    json_free(kit.json);
    kit.json = json_parse(kit.answer.body.bytes, kit.answer.body.length, NULL);
    const char *link = json_get_string(kit.json, "nextLink");
    assert_non_null(strstr(link, "http://127.0.0.1:8081/routing/distributionPolicies?"));
    char arguments[512];
    snprintf(arguments, sizeof arguments, "[{},{\"nextLink\":\"%s\"}]", link);
    struct router_request built;
    struct error error = {0};
    router_request_init(&built);
    const struct router_operation *list = router_find(slice_of("router.distribution_policies.list"));
    assert_int_equal(router_request_build(&built, list, slice_of(arguments), &error), 0);
    assert_string_equal(built.origin.bytes, "http://127.0.0.1:8081");
    assert_int_equal(kit_call(&kit, "GET", "/routing/distributionPolicies", strchr(built.target.bytes, '?'), NULL),
                     200);
    assert_string_equal(json_get_string(json_at(json_get(kit.json, "value"), 0), "id"), "last");
    router_request_reset(&built);
    kit_close(&kit);
}

static void a_page_has_a_hundred_entries_unless_it_is_told_otherwise(void **state) {
    (void)state;
    struct pages pages;
    open_pages(&pages, "/routing/jobs", "");
    for (int i = 0; i < JOBS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        kit_job(&pages.kit, id, "");
    }
    read_page(&pages);
    assert_int_equal(pages.count, 100);
    read_page(&pages);
    read_page(&pages);
    assert_int_equal(pages.count, JOBS - 200);
    assert_string_equal(pages.query, "");
    kit_close(&pages.kit);
}

static void links_that_nobody_gave_are_refused(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "a", "");
    static const char *const wrong[] = {
        "&continuation=x",   "&continuation=0",         "&continuation=-1",
        "&continuation=%zz", "&continuation=1.5",       "&continuation=1&continuationId=%ff",
        "&maxpagesize=0",    "&maxpagesize=-1",         "&maxpagesize=1.5",
        "&maxpagesize=9e9",  "&maxpagesize=99999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kit_refused(&kit, 400, "InvalidQuery", "query", "GET", "/routing/jobs", wrong[i], NULL);
    }
    assert_int_equal(kit_call(&kit, "GET", "/routing/jobs", "&continuation=18446744073709551615", NULL), 200);
    assert_int_equal(json_count(json_get(kit.json, "value")), 0);
    assert_int_equal(kit_call(&kit, "GET", "/routing/jobs", "&continuationId=a", NULL), 200);
    assert_int_equal(json_count(json_get(kit.json, "value")), 1);
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_comes_in_pages_of_the_size_that_was_asked_for),
        cmocka_unit_test(the_last_page_is_not_empty),
        cmocka_unit_test(what_is_made_and_deleted_between_two_pages_moves_nothing),
        cmocka_unit_test(a_link_has_the_whole_query),
        cmocka_unit_test(every_list_has_pages_and_a_link_that_the_host_follows),
        cmocka_unit_test(a_page_has_a_hundred_entries_unless_it_is_told_otherwise),
        cmocka_unit_test(links_that_nobody_gave_are_refused),
    };
    return cmocka_run_group_tests_name("sim pages", tests, NULL, NULL);
}
