/* Rules of policies, and formulas above all: what they come to, and what is said when they come to nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "sim/powerfx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS                                                                                                    \
    "{\"Region\":\"NA\",\"Hardware_VIP\":true,\"Level\":7,\"Two words\":\"x\",\"Digits\":\" 12.5 \","             \
    "\"Empty\":\"\",\"Off\":false,\"\xc3\x9c\":\"\xc3\xbc\"}"

static struct json *parse(const char *text) {
    struct json *value = json_parse(text, strlen(text), NULL);
    assert_non_null(value);
    return value;
}

static struct json *evaluate(const char *formula, bool has_worker, char words[SIM_WORDS_SIZE]) {
    struct json *job = parse(LABELS), *worker = parse("{\"Level\":3}");
    struct sim_rule_input input = {.job = job, .worker = worker, .has_worker = has_worker};
    words[0] = '\0';
    struct json *value = sim_powerfx_value(formula, &input, words, SIM_WORDS_SIZE);
    json_free(job);
    json_free(worker);
    return value;
}

static void print(const struct json *value, char *text, size_t size) {
    struct buffer out;
    buffer_init(&out, 1 << 20);
    assert_int_equal(json_print(value, &out), 0);
    snprintf(text, size, "%s", out.bytes);
    buffer_reset(&out);
}

static const struct {
    const char *formula, *value;
} formulas[] = {
    /* literals, blanks and comments */
    {"12", "12"},
    {" 1.5e1 // and a half\n", "15"},
    {".5", "0.5"},
    {"/* one */ 1", "1"},
    {"\"say \"\"hi\"\"\"", "\"say \\\"hi\\\"\""},
    {"true", "true"},
    {"Blank()", "null"},
    {"[]", "[]"},
    {"{}", "{}"},
    {"[{key: \"Id\", labelOperator: \"equal\", value: job.Region}]",
     "[{\"key\":\"Id\",\"labelOperator\":\"equal\",\"value\":\"NA\"}]"},
    /* labels */
    {"job.Region", "\"NA\""},
    {"job.region", "null"},
    {"job.'Two words'", "\"x\""},
    {"job.\xc3\x9c", "\"\xc3\xbc\""},
    {"worker.Level", "3"},
    {"job.Level - worker.Level", "4"},
    /* the examples of learn.microsoft.com */
    {"job.Region = \"NA\"", "true"},
    {"If(job.Hardware_VIP = true, 10, 1)", "10"},
    {"If(job.Escalated = true, 10, 5)", "5"},
    /* texts are compared with their case, kinds are not mixed, blank equals blank only */
    {"job.Region = \"na\"", "false"},
    {"job.Level = \"7\"", "false"},
    {"job.None = Blank()", "true"},
    {"job.None = \"\"", "false"},
    {"job.None = 0", "false"},
    {"job.None = false", "false"},
    {"job.Level <> 7", "false"},
    {"[1, \"a\"] = [1, \"a\"]", "true"},
    /* order, with blank as 0 and texts of numbers as numbers */
    {"job.Level > 6", "true"},
    {"job.Level >= 7 && job.Level <= 7", "true"},
    {"job.None < 1", "true"},
    {"job.Digits < 12.6", "true"},
    {"Blank() >= Blank()", "true"},
    /* arithmetic and its order */
    {"1 + 2 * 3", "7"},
    {"(1 + 2) * 3", "9"},
    {"2 - 3 - 4", "-5"},
    {"-2 ^ 2", "-4"},
    {"2 ^ -1", "0.5"},
    {"2 ^ 3 ^ 2", "512"},
    {"50% * 4", "2"},
    {"7 / 2", "3.5"},
    {"5 + Blank()", "5"},
    {"true + 1", "2"},
    {"\"3\" * 2", "6"},
    /* texts */
    {"\"a\" & 1 & true & Blank()", "\"a1true\""},
    {"1 + 1 & \"x\"", "\"2x\""},
    {"\"a\" & \"b\" = \"ab\"", "true"},
    {"Text(1.5)", "\"1.5\""},
    {"Text(job.None)", "\"\""},
    {"Value(job.Digits)", "12.5"},
    {"Value(\"\")", "null"},
    {"StartsWith(job.Region, \"n\")", "true"},
    {"StartsWith(job.Region, \"\")", "true"},
    {"StartsWith(\"\", \"n\")", "false"},
    {"EndsWith(job.Region, \"a\")", "true"},
    {"EndsWith(\"a\", \"ba\")", "false"},
    {"Len(job.\xc3\x9c)", "1"},
    {"Lower(\"aBZ\xc3\x9c\")", "\"abz\xc3\x9c\""},
    {"Upper(\"aBz\")", "\"ABZ\""},
    {"Trim(\"  a   b \")", "\"a b\""},
    {"Trim(\"  \")", "\"\""},
    {"\"REG\" in \"a region\"", "true"},
    {"\"REG\" exactin \"a region\"", "false"},
    {"\"reg\" exactin \"a region\"", "true"},
    {"job.Region in [\"sa\", \"na\"]", "true"},
    {"job.Region exactin [\"sa\", \"na\"]", "false"},
    {"7 in [1, 7]", "true"},
    /* logic; what is not needed is not evaluated, but read */
    {"false && 1 / 0 = 1", "false"},
    {"true || 1 / 0 = 1", "true"},
    {"false Or job.Hardware_VIP", "true"},
    {"true And job.Off", "false"},
    {"Not job.Off", "true"},
    {"!job.Off && Not(false)", "true"},
    {"!!true", "true"},
    {"And(1, \"true\", true)", "true"},
    {"And(false, 1 / 0 = 1)", "false"},
    {"Or(Blank(), \"\", 0)", "false"},
    {"Or(true, 1 / 0)", "true"},
    {"If(false, 1 / 0, 2)", "2"},
    {"If(false, 1, job.Level = 7, \"seven\", \"other\")", "\"seven\""},
    {"If(false, 1, false, 2, \"other\")", "\"other\""},
    {"If(false, 1)", "null"},
    {"If(job.None, 1, 2)", "2"},
    {"Switch(job.Region, \"EU\", 1, \"NA\", 2)", "2"},
    {"Switch(job.Region, \"EU\", 1, 9)", "9"},
    {"Switch(job.Region, \"EU\", 1)", "null"},
    {"Switch(7, 7, 1, 1 / 0, 2)", "1"},
    {"Coalesce(job.None, job.Empty, job.Region, 1 / 0)", "\"NA\""},
    {"Coalesce(job.None, Blank())", "null"},
    {"IsBlank(job.None)", "true"},
    {"IsBlank(job.Empty)", "true"},
    {"IsBlank(0)", "false"},
    /* numbers */
    {"Abs(-2)", "2"},
    {"Int(-1.5)", "-2"},
    {"Mod(-5, 3)", "1"},
    {"Round(2.345, 2)", "2.35"},
    {"Round(-2.5, 0)", "-3"},
    {"Round(1234, -2)", "1200"},
    {"RoundUp(-1.1, 0)", "-2"},
    {"RoundDown(1.9, 0)", "1"},
    {"Min(3, Blank(), 1, 2)", "1"},
    {"Max(-3, Blank(), -1)", "-1"},
};

static void formulas_come_to_values(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof formulas / sizeof formulas[0]; i++) {
        char words[SIM_WORDS_SIZE], text[256];
        struct json *value = evaluate(formulas[i].formula, true, words);
        if (value == NULL) {
            fail_msg("%s: %s", formulas[i].formula, words);
        }
        print(value, text, sizeof text);
        json_free(value);
        if (strcmp(text, formulas[i].value) != 0) {
            fail_msg("%s: %s, not %s", formulas[i].formula, text, formulas[i].value);
        }
    }
}

static const struct {
    const char *formula, *words;
} mistakes[] = {
    {"", "it ends where a value should be (at character 1)"},
    {"1 +", "it ends where a value should be (at character 4)"},
    {"1 2", "\"2\" is one too many (at character 3)"},
    {"(1", "\")\" is missing"},
    {"[1", "\",\" or \"]\" is missing"},
    {"{a: 1", "\",\" or \"}\" is missing"},
    {"{1: 1}", "a name is missing"},
    {"If(true)", "If wants a condition and a value"},
    {"If(true, 1", "\",\" or \")\" is missing"},
    {"* 2", "\"*\" stands where a value should be"},
    {"\"abc", "the quotation mark has no partner"},
    {"'abc", "the quotation mark has no partner"},
    {"1 /* x", "the comment has no end"},
    {"1 # 2", "the sign \"#\" has no meaning here"},
    {"Region", "\"Region\" means nothing here: labels are job.Name"},
    {"Job.Region", "\"Job\" is not known: labels are job.Name or worker.Name"},
    {"job.", "the name of a label is missing"},
    {"job.Region = NA", "\"NA\" means nothing here"},
    {"Sqrt(4)", "no function \"Sqrt\""},
    {"StartWith(\"a\", \"b\")", "no function \"StartWith\"; is it StartsWith"},
    {"if(true, 1)", "no function \"if\"; is it If"},
    {"If(true, 1, Nonsense())", "no function \"Nonsense\""},
    {"Text(1, \"0.0\")", "Text wants 1 argument(s)"},
    {"Round(1)", "Round wants 2 argument(s)"},
    {"Min()", "Min wants 1 or more argument(s)"},
    {"1 / 0 + 2", "a division by zero (at character 3)"},
    {"1 + Mod(1, 0)", "a division by zero (at character 5)"},
    {"10 ^ 400", "no number that can be kept"},
    {"1e400", "no number that can be kept"},
    {"job.Region + 1", "the text is no number"},
    {"Value(\"0x10\")", "the text is no number"},
    {"Value(\"nan\")", "the text is no number"},
    {"job.Region && true", "the text is neither true nor false"},
    {"-[1]", "a table is no number"},
    {"{} & \"\"", "a record is no text"},
    {"Not {}", "a record is neither true nor false"},
    {"worker.Level", "worker.Level has no meaning here: no worker is judged"},
};

static void mistakes_are_named_with_their_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        char words[SIM_WORDS_SIZE];
        struct json *value = evaluate(mistakes[i].formula, false, words);
        if (value != NULL || strstr(words, mistakes[i].words) == NULL || strstr(words, "(at character ") == NULL) {
            fail_msg("%s: %s", mistakes[i].formula, words);
        }
    }
}

/* `count` times `part`, between the two ends. */
static char *repeat(const char *first, const char *part, size_t count, const char *last) {
    char *text = calloc(1, strlen(first) + strlen(part) * count + strlen(last) + 1);
    assert_non_null(text);
    char *at = stpcpy(text, first);
    for (size_t i = 0; i < count; i++) {
        at = stpcpy(at, part);
    }
    stpcpy(at, last);
    return text;
}

static void refuse(char *formula, const char *expected) {
    char words[SIM_WORDS_SIZE];
    assert_null(evaluate(formula, false, words));
    if (strstr(words, expected) == NULL) {
        fail_msg("%.60s: %s", formula, words);
    }
    free(formula);
}

static void hostile_formulas_have_bounds(void **state) {
    (void)state;
    refuse(repeat("", "(", 3000, ""), "nested deeper");
    refuse(repeat("", "!", 3000, "true"), "nested deeper");
    refuse(repeat("", "-", 3000, "1"), "nested deeper");
    refuse(repeat("", "[", 3000, ""), "nested deeper");
    refuse(repeat("2", "^2", 1500, ""), "nested deeper");
    refuse(repeat("", "If(true,", 450, "1"), "nested deeper");
    refuse(repeat("\"", "x", POWERFX_LENGTH, "\""), "longer than 4000 bytes");
    refuse(repeat("Min(1", ",1", 150, ")"), "wants");
    refuse(repeat("", "x", 3000, "(1)"), "no function \"xxx");
    refuse(repeat("1 x", "\xc3\xa4", 1500, ""), "\xc3\xa4\" is one too many (at character 3)");
    char words[SIM_WORDS_SIZE];
    char *sum = repeat("1", "+1", 1999, "");
    struct json *value = evaluate(sum, false, words);
    assert_true(json_double_of(value, 0) > 1999.5);
    json_free(value);
    free(sum);
}

static void long_labels_are_refused_and_texts_do_not_grow_without_end(void **state) {
    (void)state;
    char words[SIM_WORDS_SIZE];
    char *label = repeat("", "x", POWERFX_TEXT, "");
    struct json *labels = json_object();
    assert_int_equal(json_put(labels, "L", json_text(label)), 0);
    struct sim_rule_input input = {.job = labels};
    assert_null(sim_powerfx_value("job.L & job.L", &input, words, sizeof words));
    assert_non_null(strstr(words, "a text gets longer than 16384 bytes"));
    free(label);
    label = repeat("", "x", POWERFX_TEXT + 1, "");
    assert_int_equal(json_put(labels, "L", json_text(label)), 0);
    assert_null(sim_powerfx_value("job.L", &input, words, sizeof words));
    assert_non_null(strstr(words, "the label \"L\" is longer than 16384 bytes"));
    free(label);
    json_free(labels);
}

static const struct {
    const char *rule, *value, *words;
} rules[] = {
    {"{\"kind\":\"static\",\"value\":5}", "5", NULL},
    {"{\"kind\":\"static\",\"value\":[{\"key\":\"a\"}]}", "[{\"key\":\"a\"}]", NULL},
    {"{\"kind\":\"static\"}", "null", NULL},
    {"{\"kind\":\"expression\",\"language\":\"powerFx\",\"expression\":\"job.A + 1\"}", "2", NULL},
    {"{\"kind\":\"expression\"}", NULL, "the rule has no expression"},
    {"{\"kind\":\"directMap\"}",
     "[{\"key\":\"A\",\"labelOperator\":\"equal\",\"value\":1},"
     "{\"key\":\"B\",\"labelOperator\":\"equal\",\"value\":\"x\"}]",
     NULL},
    {"{\"kind\":\"function\",\"functionUri\":\"https://x\"}", NULL, "\"function\" calls another service"},
    {"{\"kind\":\"webhook\"}", NULL, "\"webhook\" calls another service"},
};

static void rules_of_every_kind(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        char words[SIM_WORDS_SIZE] = "", text[256];
        struct json *rule = parse(rules[i].rule), *labels = parse("{\"A\":1,\"B\":\"x\"}");
        struct sim_rule_input input = {.job = labels};
        struct json *value = sim_rule_value(rule, &input, words, sizeof words);
        if (rules[i].value == NULL) {
            assert_null(value);
            assert_non_null(strstr(words, rules[i].words));
        } else {
            print(value, text, sizeof text);
            assert_string_equal(text, rules[i].value);
        }
        json_free(value);
        json_free(rule);
        json_free(labels);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formulas_come_to_values),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(hostile_formulas_have_bounds),
        cmocka_unit_test(long_labels_are_refused_and_texts_do_not_grow_without_end),
        cmocka_unit_test(rules_of_every_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
