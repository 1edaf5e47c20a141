/* What passes a filter: the examples of "Event filtering for Event Grid subscriptions" (learn.microsoft.com), and
 * what is done where that page is silent. */
#include "filter_kit.h"

struct row {
    const char *name;
    const char *condition;
    const char *data[8]; /* what data holds; NULL ends */
    const char *expected;
};

#define COUNTER(value) "{'counter':" value "}"
#define KEY1(value)    "{'key1':" value "}"
#define RANGES         "'key':'data.key1','values':[[3.14159,999.95],[3000,4000]]"

static const struct row rows[] = {
    {"NumberIn",
     "'operatorType':'NumberIn','key':'data.counter','values':[5,1]",
     {COUNTER("5"), COUNTER("1"), COUNTER("2"), "{}"},
     "YYNN"},
    {"NumberNotIn",
     "'operatorType':'NumberNotIn','key':'data.counter','values':[41,0]",
     {COUNTER("41"), COUNTER("0"), COUNTER("7"), "{}"},
     "NNYY"},
    {"NumberLessThan",
     "'operatorType':'NumberLessThan','key':'data.counter','value':100",
     {COUNTER("99"), COUNTER("100"), "{}"},
     "YNN"},
    {"NumberGreaterThan",
     "'operatorType':'NumberGreaterThan','key':'data.counter','value':20",
     {COUNTER("21"), COUNTER("20"), "{}"},
     "YNN"},
    {"NumberLessThanOrEquals",
     "'operatorType':'NumberLessThanOrEquals','key':'data.counter','value':100",
     {COUNTER("100"), COUNTER("101"), "{}"},
     "YNN"},
    {"NumberGreaterThanOrEquals",
     "'operatorType':'NumberGreaterThanOrEquals','key':'data.counter','value':30",
     {COUNTER("30"), COUNTER("29"), "{}"},
     "YNN"},
    {"NumberInRange",
     "'operatorType':'NumberInRange'," RANGES,
     {KEY1("3.14159"), KEY1("999.95"), KEY1("1000"), KEY1("3000"), KEY1("4000"), KEY1("4001")},
     "YYNYYN"},
    {"NumberNotInRange",
     "'operatorType':'NumberNotInRange'," RANGES,
     {KEY1("500"), KEY1("1000"), KEY1("4000")},
     "NYN"},
    {"BoolEquals",
     "'operatorType':'BoolEquals','key':'data.isEnabled','value':true",
     {"{'isEnabled':true}", "{'isEnabled':false}", "{}"},
     "YNN"},
    {"StringContains",
     "'operatorType':'StringContains','key':'data.key1','values':['microsoft','azure']",
     {KEY1("'azure data factory'"), KEY1("'AZURE'"), KEY1("'aws'"), "{}"},
     "YYNN"},
    {"StringNotContains",
     "'operatorType':'StringNotContains','key':'data.key1','values':['contoso','fabrikam']",
     {KEY1("'x'"), KEY1("'my Contoso'"), "{}"},
     "YNN"},
    {"StringBeginsWith",
     "'operatorType':'StringBeginsWith','key':'data.key1','values':['event','message']",
     {KEY1("'event hubs'"), KEY1("'the event'"), "{}"},
     "YNN"},
    {"StringNotBeginsWith",
     "'operatorType':'StringNotBeginsWith','key':'data.key1','values':['event','message']",
     {KEY1("'event hubs'"), KEY1("'the event'"), "{}"},
     "NYN"},
    {"StringEndsWith",
     "'operatorType':'StringEndsWith','key':'data.key1','values':['jpg','jpeg','png']",
     {KEY1("'eventgrid.png'"), KEY1("'a.gif'"), "{}"},
     "YNN"},
    {"StringNotEndsWith",
     "'operatorType':'StringNotEndsWith','key':'data.key1','values':['jpg','jpeg','png']",
     {KEY1("'eventgrid.png'"), KEY1("'a.gif'"), "{}"},
     "NYN"},
    {"StringIn",
     "'operatorType':'StringIn','key':'data.key1','values':['contoso','fabrikam','factory']",
     {KEY1("'contoso'"), KEY1("'Contoso'"), KEY1("'contoso1'"), "{}"},
     "YYNN"},
    {"StringNotIn",
     "'operatorType':'StringNotIn','key':'data.key1','values':['aws','bridge']",
     {KEY1("'aws'"), KEY1("'x'"), "{}"},
     "NYY"},
    {"IsNullOrUndefined",
     "'operatorType':'IsNullOrUndefined','key':'data.key1'",
     {"{'key2':5}", KEY1("null"), KEY1("0")},
     "YYN"},
    {"IsNotNull", "'operatorType':'IsNotNull','key':'data.key1'", {"{'key2':5}", KEY1("null"), KEY1("0")}, "NNY"},
    {"NumberIn in arrays",
     "'operatorType':'NumberIn','key':'data.key1','values':[5,1]",
     {KEY1("[9,1]"), KEY1("[9,8]")},
     "YN"},
    {"NumberNotIn in arrays",
     "'operatorType':'NumberNotIn','key':'data.key1','values':[5,1]",
     {KEY1("[9,1]"), KEY1("[9,8]")},
     "NY"},
    {"StringContains in arrays",
     "'operatorType':'StringContains','key':'data.key1','values':['azure']",
     {KEY1("['x','azure',3]"), KEY1("[3,4]")},
     "YN"},
    /* From here on the page says nothing, or says it without an example. */
    {"the ranges, missing", "'operatorType':'NumberInRange'," RANGES, {"{}", KEY1("null")}, "NN"},
    {"not in the ranges, missing", "'operatorType':'NumberNotInRange'," RANGES, {"{}", KEY1("null")}, "YY"},
    {"null is as missing", "'operatorType':'NumberNotIn','key':'data.key1','values':[1]", {KEY1("null")}, "Y"},
    {"null is as missing for strings",
     "'operatorType':'StringNotContains','key':'data.key1','values':['a']",
     {KEY1("null")},
     "N"},
    {"another kind never matches",
     "'operatorType':'StringIn','key':'data.key1','values':['5','true']",
     {KEY1("5"), KEY1("true"), KEY1("{}"), KEY1("'5'")},
     "NNNY"},
    {"another kind is none of them",
     "'operatorType':'StringNotContains','key':'data.key1','values':['5']",
     {KEY1("5"), KEY1("true"), KEY1("{}"), KEY1("'5'")},
     "YYYN"},
    {"a string is no number",
     "'operatorType':'NumberIn','key':'data.key1','values':[5]",
     {KEY1("'5'"), KEY1("5.0"), KEY1("5e0"), KEY1("true")},
     "NYYN"},
    {"a number is no boolean",
     "'operatorType':'BoolEquals','key':'data.key1','value':false",
     {KEY1("0"), KEY1("'false'"), KEY1("false"), KEY1("[true,false]")},
     "NNYY"},
    {"an object is there",
     "'operatorType':'IsNotNull','key':'data.key1'",
     {KEY1("{}"), KEY1("[]"), KEY1("[null]"), KEY1("''"), KEY1("false")},
     "YYYYY"},
    {"no values", "'operatorType':'StringIn','key':'data.key1','values':[]", {KEY1("'a'"), "{}"}, "NN"},
    {"none of no values", "'operatorType':'StringNotIn','key':'data.key1','values':{}", {KEY1("'a'"), "{}"}, "YY"},
    {"an empty text is in every text",
     "'operatorType':'StringContains','key':'data.key1','values':['']",
     {KEY1("''"), KEY1("'a'"), KEY1("5"), "{}"},
     "YYNN"},
    {"integers past a double",
     "'operatorType':'NumberIn','key':'data.key1','values':[9007199254740993]",
     {KEY1("9007199254740993"), KEY1("9007199254740992"), KEY1("9007199254740992.0")},
     "YNN"},
    {"the largest integer",
     "'operatorType':'NumberLessThan','key':'data.key1','value':9223372036854775807",
     {KEY1("9223372036854775806"), KEY1("9223372036854775807"), KEY1("9223372036854775808"), KEY1("-1e308")},
     "YNNY"},
    {"an integer and a fraction",
     "'operatorType':'NumberGreaterThan','key':'data.key1','value':-1.5",
     {KEY1("-1"), KEY1("-2"), KEY1("-1.5"), KEY1("-1.25")},
     "YNNY"},
    {"a deep key",
     "'operatorType':'StringIn','key':'data.a.b.c','values':['x']",
     {"{'a':{'b':{'c':'x'}}}", "{'a':{'b':{'c':'y'},'c':'x'},'b':{'c':'x'}}", "{'a':[{'b':{'c':'x'}}]}",
      "{'a':{'b':'x'}}", "{'a.b.c':'x'}", "{'a':{'x':1,'b':{'d':[{'c':'z'}],'c':'x'}}}"},
     "YNNNNY"},
    {"names in data have a case", "'operatorType':'IsNotNull','key':'Data.Key1'", {KEY1("1"), "{'Key1':1}"}, "NY"},
    {"the later of two counts",
     "'operatorType':'NumberIn','key':'data.key1','values':[1]",
     {"{'key1':2,'key1':1}", "{'key1':1,'key1':2}", "{'key1':1,'key1':null}", "{'key1':[1],'key1':[]}"},
     "YNNN"},
    {"the later of two on the way counts",
     "'operatorType':'NumberIn','key':'data.a.b','values':[1]",
     {"{'a':{'b':1},'a':{}}", "{'a':{},'a':{'b':1}}"},
     "NY"},
    {"arrays in arrays are no elements",
     "'operatorType':'NumberIn','key':'data.key1','values':[1]",
     {KEY1("[[1]]"), KEY1("[{'key1':1}]"), KEY1("[[2],1]"), KEY1("[]")},
     "NNYN"},
    {"no element is none of them",
     "'operatorType':'StringNotIn','key':'data.key1','values':['a']",
     {KEY1("[]"), KEY1("[1]"), KEY1("['A']")},
     "YYN"},
    {"case beyond ASCII",
     "'operatorType':'StringIn','key':'data.key1','values':['\xC3\x84RGER \xCE\xA9 \xD0\x96']",
     {KEY1("'\xC3\xA4rger \xCF\x89 \xD0\xB6'"), KEY1("'\xC3\x84RGER \xCE\xA9 \xD0\x96'"),
      KEY1("'Arger \xCF\x89 \xD0\xB6'")},
     "YYN"},
    {"escapes are what they stand for",
     "'operatorType':'StringEndsWith','key':'data.key1','values':['\\u0041\\u0000b']",
     {KEY1("'xa\\u0000B'"), KEY1("'xab'")},
     "YN"},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_null(rows[i].data[strlen(rows[i].expected)]);
        for (size_t j = 0; rows[i].data[j] != NULL; j++) {
            char filter[1024];
            char event[1024];
            snprintf(filter, sizeof filter, "{'enableAdvancedFilteringOnArrays':true,'advancedFilters':[{%s}]}",
                     rows[i].condition);
            snprintf(event, sizeof event, "{'id':'1','eventType':'t','data':%s}", rows[i].data[j]);
            struct filter *compiled = filter_of(filter);
            char verdict = ask(compiled, event);
            filter_free(compiled);
            if (verdict != rows[i].expected[j]) {
                fail_msg("%s: %s says %c, not %c", rows[i].name, rows[i].data[j], verdict, rows[i].expected[j]);
            }
        }
    }
}

#define ABOUT(subject) "{'eventType':'t','subject':'" subject "','data':{}}"

static void test_several_conditions(void **state) {
    (void)state;
    const char *both =
        "{'advancedFilters':[{'operatorType':'StringContains','key':'Subject','values':['devtestlab']},"
        "{'operatorType':'StringContains','key':'Subject','values':['Microsoft.Compute']}]}";
    answers(both, ABOUT("/a/Microsoft.Compute/virtualMachines/devtestlab"), 'Y');
    answers(both, ABOUT("/a/Microsoft.Compute/virtualMachines/b"), 'N');
    const char *one =
        "{'advancedFilters':[{'operatorType':'StringContains','key':'Subject','values':['devtestlab',"
        "'Microsoft.Compute']}]}";
    answers(one, ABOUT("/a/Microsoft.Compute/virtualMachines/b"), 'Y');
    answers(one, ABOUT("/a/b"), 'N');
}

static void test_subjects(void **state) {
    (void)state;
    answers("{'subjectBeginsWith':'JOB/','subjectEndsWith':'/Q1'}", ABOUT("job/j1/queue/q1"), 'Y');
    answers("{'subjectBeginsWith':'JOB/','isSubjectCaseSensitive':true}", ABOUT("job/j1/queue/q1"), 'N');
    answers("{'isSubjectCaseSensitive':true,'subjectBeginsWith':'job/'}", ABOUT("job/j1/queue/q1"), 'Y');
    answers("{'subjectEndsWith':'/q2'}", ABOUT("job/j1/queue/q1"), 'N');
    answers("{'subjectBeginsWith':'','subjectEndsWith':null}", "{'id':'1'}", 'Y');
    answers("{'subjectBeginsWith':'j'}", "{'id':'1'}", 'N');
    answers("{'subjectBeginsWith':'j'}", "{'subject':5}", 'N');
    answers("{'subjectBeginsWith':'j'}", "{'subject':'j','subject':null}", 'N');
    answers("{'subjectEndsWith':'long'}", ABOUT("ng"), 'N');
}

static void test_types(void **state) {
    (void)state;
#define TYPED(type) "{'eventType':'" type "'}"
    const char *filter = "{'includedEventTypes':['Microsoft.Communication.RouterJobQueued','routerjobclosed']}";
    answers(filter, TYPED("Microsoft.Communication.RouterJobQueued"), 'Y');
    answers(filter, TYPED("Microsoft.Communication.RouterJobClosed"), 'Y');
    answers(filter, TYPED("Microsoft.Communication.RouterJobCancelled"), 'N');
    answers(filter, "{'type':'Microsoft.Communication.RouterJobQueued','specversion':'1.0'}", 'Y');
    answers(filter, "{'type':'Microsoft.Communication.RouterJobQueued'}", 'N');
    answers("{'includedEventTypes':['All']}", TYPED("x"), 'Y');
    answers("{'includedEventTypes':null}", TYPED("x"), 'Y');
    answers("{'includedEventTypes':{}}", TYPED("x"), 'Y');
}

#define ON_KEY(key, value)                                                                                        \
    "{'advancedFilters':[{'operatorType':'StringBeginsWith','key':'" key "','values':['" value "']}]}"

static void test_schemas(void **state) {
    (void)state;
    const char *grid = "{'id':'i1','topic':'t1','subject':'s1','eventType':'e1','dataVersion':'v1','source':'x',"
                       "'data':{'key1':'d1'}}";
    const char *cloud = "{'specversion':'1.0','id':'i1','source':'t1','type':'e1','topic':'x','comexampleother':5,"
                        "'eventType':'x','data':{'key1':'d1'}}";
    answers(ON_KEY("ID", "i1"), grid, 'Y');
    answers(ON_KEY("Topic", "t1"), grid, 'Y');
    answers(ON_KEY("SUBJECT", "s1"), grid, 'Y');
    answers(ON_KEY("EventType", "e1"), grid, 'Y');
    answers(ON_KEY("dataversion", "v1"), grid, 'Y');
    answers(ON_KEY("Data.key1", "d1"), grid, 'Y');
    answers(ON_KEY("source", "x"), grid, 'N');
    answers(ON_KEY("Source", "t1"), cloud, 'Y');
    answers(ON_KEY("type", "e1"), cloud, 'Y');
    answers(ON_KEY("specversion", "1"), cloud, 'Y');
    answers(ON_KEY("id", "i1"), cloud, 'Y');
    answers(ON_KEY("data.key1", "d1"), cloud, 'Y');
    answers(ON_KEY("EventType", "x"), cloud, 'N');
    /* The page filters an attribute with the value 5 by texts. */
    answers(ON_KEY("comexampleother", "5"), cloud, 'Y');
    answers("{'advancedFilters':[{'operatorType':'NumberIn','key':'comexampleother','values':[5]}]}", cloud, 'Y');
    answers(ON_KEY("comexampleother", "5"), "{'comexampleother':'5'}", 'N');
}

static void test_arrays_are_off_by_default(void **state) {
    (void)state;
    answers("{'advancedFilters':[{'operatorType':'NumberIn','key':'data.a','values':[1]}]}", "{'data':{'a':[1]}}",
            'N');
    answers("{'advancedFilters':[{'operatorType':'NumberNotIn','key':'data.a','values':[1]}]}",
            "{'data':{'a':[1]}}", 'Y');
    answers("{'advancedFilters':[{'operatorType':'IsNotNull','key':'data.a'}]}", "{'data':{'a':[1]}}", 'Y');
}

/* A member under another spelling is what event.data calls it as well. */
static void test_spellings(void **state) {
    (void)state;
#define OF(type, data) "{'data':" data ",'eventType':'Microsoft.Communication." type "'}"
    const char *queue = ON_KEY("data.queueDetails.id", "q");
    answers(queue, OF("RouterJobClassified", "{'queueInfo':{'id':'q1'}}"), 'Y');
    answers(queue, OF("RouterJobClassified", "{'queueInfo':{'id':'q1'},'queueDetails':{'id':'x'}}"), 'N');
    answers(queue, OF("RouterJobQueued", "{'queueInfo':{'id':'q1'}}"), 'N');
    answers(ON_KEY("data.queueInfo.id", "q"), OF("RouterJobClassified", "{'queueInfo':{'id':'q1'}}"), 'Y');
    answers(ON_KEY("data.queueInfo.id", "q"), OF("RouterJobClassified", "{'queueDetails':{'id':'q1'}}"), 'N');
    const char *old = ON_KEY("data.expiresOn", "2022");
    answers(old, OF("RouterWorkerOfferIssued", "{'expiryTimeUtc':'2022-02-17'}"), 'Y');
    answers(old, OF("RouterWorkerOfferIssued", "{'expiryTimeUtc':'2021-02-17'}"), 'N');
    answers("{'advancedFilters':[{'operatorType':'IsNullOrUndefined','key':'data.expiresOn'}]}",
            OF("RouterWorkerOfferIssued", "{'expiryTimeUtc':'2021-02-17'}"), 'N');
    const char *either = "{'enableAdvancedFilteringOnArrays':true,'advancedFilters':[{'operatorType':'StringIn',"
                         "'key':'data.propertiesUpdated','values':['Labels']}]}";
    answers(either, OF("RouterWorkerUpdated", "{'updatedWorkerProperties':['Labels']}"), 'Y');
    answers(either,
            "{'specversion':'1.0','type':'Microsoft.Communication.RouterWorkerUpdated','data':{"
            "'updatedWorkerProperties':['Labels']}}",
            'Y');
}

static void test_what_is_no_event(void **state) {
    (void)state;
    const char *filter = "{'advancedFilters':[{'operatorType':'IsNullOrUndefined','key':'data.a'}]}";
    const char *const texts[] = {"", "[]", "5", "null", "'x'", "true", "{", "{}x", "[{}]", "{'a':01}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        answers(filter, texts[i], 'U');
    }
    answers(filter, "{}", 'Y');
    answers(filter, "{'data':5}", 'Y');
    answers(filter, "{'data':null}", 'Y');
    answers(filter, "{'data':[{'a':1}]}", 'Y');
    answers("{}", "{}", 'Y');
    answers("{'advancedFilters':{},'includedEventTypes':[]}", "{}", 'Y');
}

/* Text that almost contains each value at every place, and 25 values: linear all the same. */
static void test_hostile_text(void **state) {
    (void)state;
    struct buffer json;
    buffer_init(&json, 16 << 20);
    buffer_append_text(&json, "{\"advancedFilters\":[{\"operatorType\":\"StringContains\",\"key\":\"data.a\","
                              "\"values\":[");
    char value[FILTER_TEXT + 1];
    memset(value, 'a', sizeof value - 2);
    value[FILTER_TEXT - 1] = 'b';
    value[FILTER_TEXT] = '\0';
    for (int i = 0; i < FILTER_VALUES; i++) {
        buffer_append_format(&json, "%s\"%s\"", i == 0 ? "" : ",", value);
    }
    buffer_append_text(&json, "]}]}");
    struct error error = {0};
    struct filter *filter = filter_new(buffer_slice(&json), &error);
    assert_non_null(filter);
    buffer_clear(&json);
    buffer_append_text(&json, "{\"data\":{\"a\":\"");
    for (int i = 0; i < 1 << 20; i++) {
        buffer_append_text(&json, "aaAa");
    }
    buffer_append_text(&json, "\"}}");
    assert_false(json.is_broken);
    assert_int_equal(filter_ask(filter, buffer_slice(&json)), FILTER_REFUSES);
    buffer_truncate(&json, json.length - 3);
    buffer_append_text(&json, "B\"}}");
    assert_int_equal(filter_ask(filter, buffer_slice(&json)), FILTER_PASSES);
    filter_free(filter);
    buffer_reset(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_several_conditions),
        cmocka_unit_test(test_subjects),     cmocka_unit_test(test_types),
        cmocka_unit_test(test_schemas),      cmocka_unit_test(test_arrays_are_off_by_default),
        cmocka_unit_test(test_spellings),    cmocka_unit_test(test_what_is_no_event),
        cmocka_unit_test(test_hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
