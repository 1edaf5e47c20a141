/* What is no filter, and what is said; and filters that no event of a type can pass. */
#include "filter_kit.h"

#define ONE(text) "{'advancedFilters':[{" text "}]}"
#define PLACE     "filter.advancedFilters[1]"

static void test_members(void **state) {
    (void)state;
    refuses("[]", "filter: must be a table with names, got a list");
    refuses(" 5", "filter: must be a table with names, got a number");
    refuses("{'a'", "filter: the text ends inside an object at byte 4");
    refuses("", "filter: the text is empty at byte 0");
    refuses("{'advancedFilter':[]}", "filter: has no member 'advancedFilter' (did you mean 'advancedFilters'?)");
    refuses("{'zzz':[]}",
            "filter: has no member 'zzz'; the members are includedEventTypes, subjectBeginsWith, subjectEndsWith, "
            "isSubjectCaseSensitive, enableAdvancedFilteringOnArrays, advancedFilters");
    refuses("{'subjectEndsWith':'a','subjectEndsWith':'b'}", "filter.subjectEndsWith: is there twice");
    refuses("{'subjectEndsWith':5}", "filter.subjectEndsWith: must be a string, got a number");
    refuses("{'isSubjectCaseSensitive':'yes'}",
            "filter.isSubjectCaseSensitive: must be true or false, got a string");
    refuses("{'enableAdvancedFilteringOnArrays':1}",
            "filter.enableAdvancedFilteringOnArrays: must be true or false, got a number");
    refuses("{'includedEventTypes':'x'}", "filter.includedEventTypes: must be a list, got a string");
    refuses("{'includedEventTypes':['x',5]}", "filter.includedEventTypes[2]: must be a string, got a number");
    refuses("{'advancedFilters':{'operatorType':'IsNotNull'}}",
            "filter.advancedFilters: must be a list, got a table with names");
    refuses("{'advancedFilters':['x']}", PLACE ": must be a table with names, got a string");
}

static void test_conditions(void **state) {
    (void)state;
    refuses(ONE(""), PLACE ": has no operatorType, such as \"StringIn\"");
    refuses(ONE("'operatorType':5"), PLACE ".operatorType: must be a string, got a number");
    refuses(ONE("'operatorType':'stringin','key':'id','values':[]"),
            PLACE ".operatorType: there is no operator 'stringin' (did you mean 'StringIn'?)");
    refuses(ONE("'operatorType':'Wildcard'"), PLACE ".operatorType: there is no operator 'Wildcard'");
    refuses(ONE("'Operator':'StringIn'"), PLACE ": has no member 'Operator' (did you mean 'operatorType'?)");
    refuses(ONE("'Key':'id'"), PLACE ": has no member 'Key' (did you mean 'key'?)");
    refuses(ONE("'Values':[]"), PLACE ": has no member 'Values' (did you mean 'values'?)");
    refuses(ONE("'operatorType':'IsNotNull'"), PLACE ": has no key, such as \"data.queueId\"");
    refuses(ONE("'operatorType':'IsNotNull','key':5"), PLACE ".key: must be a string, got a number");
    const char *const keys[] = {"", ".", "data.", "data..a", ".a", "a\\u0000"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, ONE("'operatorType':'IsNotNull','key':'%s'"), keys[i]);
        refuses(text, PLACE ".key: must be names with dots between them, such as \"data.queueId\"");
    }
}

static void test_operands(void **state) {
    (void)state;
#define WITH(type, rest) ONE("'operatorType':'" type "','key':'data.a'" rest)
    refuses(WITH("StringIn", ""), PLACE ": StringIn takes `values`, a list of strings");
    refuses(WITH("StringIn", ",'value':'x'"), PLACE ": StringIn takes `values`, a list of strings");
    refuses(WITH("StringIn", ",'values':null"), PLACE ": StringIn takes `values`, a list of strings");
    refuses(WITH("StringIn", ",'values':'x'"), PLACE ".values: must be a list, got a string");
    refuses(WITH("StringIn", ",'values':['x',5]"), PLACE ".values[2]: must be a string, got a number");
    refuses(WITH("NumberLessThan", ",'values':[1]"), PLACE ": NumberLessThan takes `value`, a number");
    refuses(WITH("NumberLessThan", ",'value':1,'values':[1]"), PLACE ": NumberLessThan takes `value`, a number");
    refuses(WITH("NumberLessThan", ",'value':'1'"), PLACE ".value: must be a number, got a string");
    refuses(WITH("NumberIn", ",'values':[true]"), PLACE ".values[1]: must be a number, got true");
    refuses(WITH("BoolEquals", ",'value':'true'"), PLACE ".value: must be true or false, got a string");
    refuses(WITH("BoolEquals", ""), PLACE ": BoolEquals takes `value`, true or false");
    refuses(WITH("IsNotNull", ",'value':true"), PLACE ": IsNotNull takes no value");
    const char *const ranges[] = {"5", "[]", "[1]", "[1,2,3]", "{}"};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, WITH("NumberInRange", ",'values':[%s]"), ranges[i]);
        refuses(text, PLACE ".values[1]: must be two numbers, the lowest and the highest");
    }
    refuses(WITH("NumberInRange", ",'values':[[1,2],[1,'2']]"),
            PLACE ".values[2]: must be a number, got a string");
    refuses(WITH("NumberInRange", ",'values':[[2,1]]"), PLACE ".values[1]: the range ends before it begins");
}

/* `count` conditions with `values` numbers each. */
static char *many(int count, int values) {
    struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_append_text(&text, "{'advancedFilters':[");
    for (int i = 0; i < count; i++) {
        buffer_append_format(&text, "%s{'operatorType':'NumberIn','key':'data.a','values':[", i == 0 ? "" : ",");
        for (int j = 0; j < values; j++) {
            buffer_append_format(&text, "%s%d", j == 0 ? "" : ",", j);
        }
        buffer_append_text(&text, "]}");
    }
    buffer_append_text(&text, "]}");
    assert_false(text.is_broken);
    return buffer_take(&text);
}

static void check_many(int count, int values, const char *why) {
    char *text = many(count, values);
    if (why == NULL) {
        filter_free(filter_of(text));
    } else {
        refuses(text, why);
    }
    free(text);
}

static void check_length(const char *form, const char *place) {
    char text[FILTER_TEXT * 2 + 200];
    char why[200];
    char value[FILTER_TEXT * 2 + 3] = "";
    for (int i = 0; i < FILTER_TEXT; i++) {
        memcpy(value + 2 * i, "\xC3\xA4", 3);
    }
    snprintf(text, sizeof text, form, value);
    filter_free(filter_of(text));
    memcpy(value + (size_t)FILTER_TEXT * 2, "x", 2);
    snprintf(text, sizeof text, form, value);
    snprintf(why, sizeof why, "%s has 513 characters; %s", place,
             strstr(place, ".key") == NULL ? "Event Grid takes 512 at most" : "512 at most");
    refuses(text, why);
}

static void test_limits(void **state) {
    (void)state;
    check_many(25, 1, NULL);
    check_many(1, 25, NULL);
    check_many(26, 0, "filter.advancedFilters: more than 25; Event Grid takes no more");
    check_many(1, 26, PLACE ".values: more than 25; Event Grid takes no more");
    check_many(2, 13,
               "filter.advancedFilters[2].values: all filters together have more than 25 values; Event Grid "
               "takes no more");
    check_length(WITH("StringIn", ",'values':['%s']"), PLACE ".values[1]:");
    check_length("{'subjectBeginsWith':'%s'}", "filter.subjectBeginsWith:");
    check_length(ONE("'operatorType':'IsNotNull','key':'%s'"), PLACE ".key:");
}

static void says(const char *type, const char *text, const char *expected) {
    char words[512] = "";
    struct filter *filter = filter_of(text);
    const struct event_type *about = event_find_type(slice_of(type));
    assert_non_null(about);
    bool never = filter_never_passes(filter, about, words, sizeof words);
    filter_free(filter);
    if (never != (expected != NULL) || (never && strcmp(words, expected) != 0)) {
        fail_msg("%s of %s\n  says     %s\n  expected %s", text, type, never ? words : "(may pass)",
                 expected == NULL ? "(may pass)" : expected);
    }
}

static void test_the_how_to_of_microsoft(void **state) {
    (void)state;
    says("RouterJobCancelled",
         "{'includedEventTypes':['Microsoft.Communication.RouterJobCancelled'],"
         "'subjectEndsWith':'_JobCancelledDueToInactivity','isSubjectCaseSensitive':true,"
         "'enableAdvancedFilteringOnArrays':true,'advancedFilters':["
         "{'operatorType':'NumberGreaterThan','key':'data.priority','value':5},"
         "{'operatorType':'StringEndsWith','key':'data.queueId','values':['EscalationQueue']}]}",
         PLACE ": RouterJobCancelled has no data.priority, and NumberGreaterThan does not match where its key is "
               "missing");
}

static void test_what_never_passes(void **state) {
    (void)state;
    says("RouterJobQueued", "{'includedEventTypes':['Microsoft.Communication.RouterJobClosed']}",
         "filter.includedEventTypes: does not include Microsoft.Communication.RouterJobQueued");
    says("RouterJobQueued", "{'subjectBeginsWith':'worker/'}",
         "filter.subjectBeginsWith: the subject of RouterJobQueued is "
         "job/{jobId}/channel/{channelId}/queue/{queueId}");
    says("RouterJobQueued", "{'subjectBeginsWith':'JOB/','isSubjectCaseSensitive':true}",
         "filter.subjectBeginsWith: the subject of RouterJobQueued is "
         "job/{jobId}/channel/{channelId}/queue/{queueId}");
    says("RouterJobQueued", ONE("'operatorType':'StringIn','key':'data.queueID','values':['a']"),
         PLACE
         ": RouterJobQueued has no data.queueID (did you mean data.queueId?), and StringIn does not match where "
         "its key is missing");
    says("RouterJobQueued", ONE("'operatorType':'StringNotContains','key':'data.nothing','values':['a']"),
         PLACE
         ": RouterJobQueued has no data.nothing, and StringNotContains does not match where its key is missing");
    says("RouterJobQueued", ONE("'operatorType':'IsNotNull','key':'data.labels.a.b'"),
         PLACE ": RouterJobQueued has no data.labels.a.b, and IsNotNull does not match where its key is missing");
    says("RouterJobQueued", ONE("'operatorType':'StringIn','key':'data.queueId','values':{}"),
         PLACE ": StringIn matches nothing: its list of values is empty");
    says("RouterJobQueued", ONE("'operatorType':'StringIn','key':'data.priority','values':['5']"),
         PLACE ": data.priority is a number; StringIn never matches that");
    says("RouterJobQueued", ONE("'operatorType':'NumberIn','key':'data.queueId','values':[5]"),
         PLACE ": data.queueId is a string; NumberIn never matches that");
    says("RouterJobQueued", ONE("'operatorType':'BoolEquals','key':'data.labels','value':true"),
         PLACE ": data.labels is an object; BoolEquals never matches that");
    says("RouterWorkerUpdated",
         ONE("'operatorType':'StringIn','key':'data.updatedWorkerProperties','values':['a']"),
         PLACE ": data.updatedWorkerProperties is a list: set enableAdvancedFilteringOnArrays");
    says("RouterJobQueued", ONE("'operatorType':'StringIn','key':'queueId','values':['a']"),
         PLACE ": no event has queueId (did you mean data.queueId?)");
    says("RouterJobQueued", ONE("'operatorType':'StringIn','key':'priority','values':['5']"),
         PLACE ": no event has priority (did you mean data.priority?)");
    says("RouterJobQueued", ONE("'operatorType':'StringIn','key':'eventType','values':['RouterJobQueued']"),
         PLACE ": the type is always Microsoft.Communication.RouterJobQueued");
    says("RouterJobQueued", ONE("'operatorType':'NumberIn','key':'Subject','values':[1]"),
         PLACE ": subject is a string; NumberIn never matches one");
}

static void test_what_may_pass(void **state) {
    (void)state;
    says("RouterJobQueued", "{}", NULL);
    says("RouterJobQueued", "{'subjectBeginsWith':'job/j1/channel','includedEventTypes':['RouterJobQueued']}",
         NULL);
    says("RouterJobQueued", "{'subjectBeginsWith':'jo','subjectEndsWith':'q1'}", NULL);
    says("RouterJobQueued", ONE("'operatorType':'NumberGreaterThan','key':'data.priority','value':5"), NULL);
    says("RouterJobQueued", ONE("'operatorType':'StringIn','key':'data.labels.Segment','values':['Gold']"), NULL);
    says("RouterJobQueued", ONE("'operatorType':'NumberIn','key':'data.labels.Level','values':[4]"), NULL);
    says("RouterJobQueued", ONE("'operatorType':'NumberNotIn','key':'data.nothing','values':[4]"), NULL);
    says("RouterJobQueued", ONE("'operatorType':'StringNotIn','key':'data.priority','values':['4']"), NULL);
    says("RouterJobQueued", ONE("'operatorType':'IsNullOrUndefined','key':'data.nothing'"), NULL);
    says("RouterJobQueued",
         ONE("'operatorType':'StringIn','key':'type','values':['Microsoft.Communication."
             "RouterJobQueued']"),
         NULL);
    says("RouterJobQueued", ONE("'operatorType':'StringIn','key':'id','values':['x']"), NULL);
    says("RouterJobClassified", ONE("'operatorType':'StringIn','key':'data.queueDetails.id','values':['x']"),
         NULL);
    says("RouterJobClassified", ONE("'operatorType':'StringIn','key':'data.queueInfo.id','values':['x']"), NULL);
    says("RouterWorkerUpdated",
         "{'enableAdvancedFilteringOnArrays':true,'advancedFilters':[{'operatorType':"
         "'StringIn','key':'data.updatedWorkerProperties','values':['Labels']}]}",
         NULL);
    says("RouterJobQueued", ONE("'operatorType':'IsNotNull','key':'data'"), NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_the_how_to_of_microsoft),
        cmocka_unit_test(test_what_never_passes),
        cmocka_unit_test(test_what_may_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
