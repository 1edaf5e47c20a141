/* Formulas: the part of Microsoft Power Fx that routing rules use, read and evaluated in one pass.
 *
 * Values are JSON: null is blank, and there are booleans, numbers (doubles), texts, records and tables.
 *   literals   12, 1.5e3, "say ""hi""", true, false, {key: "Id", value: 3}, ["a", "b"]
 *   names      job.Region, job.'Two words', worker.Level; a label that is not there is blank
 *   operators  ^, then - ! Not before a value, then % after it; * /; + -; &; = <> < <= > >=; in exactin;
 *              && And; || Or
 *   functions  If Switch Coalesce And Or Not IsBlank Blank Text Value StartsWith EndsWith Len Lower Upper Trim Abs
 *              Int Mod Round RoundUp RoundDown Min Max
 *
 * As in Power Fx: `=` compares texts with their case and values of different kinds are not equal, blank is equal
 * to blank only; `in`, StartsWith and EndsWith ignore case (here: of ASCII letters); a blank is 0, "" and false
 * where one of those is wanted, true is 1, texts that spell a number or a boolean are taken for it; And, Or, If,
 * Switch and Coalesce evaluate no more than they need. Names keep their case. Sources: learn.microsoft.com,
 * "Operators and Identifiers", "Blank, Coalesce, IsBlank, and IsEmpty functions", "EndsWith and StartsWith
 * functions"; "Power Fx Expression Grammar" and the test cases of github.com/microsoft/Power-Fx.
 *
 * Hostile formulas: the length, the nesting and every text that is made are bounded, and the time with them.
 */
#ifndef SIM_POWERFX_H
#define SIM_POWERFX_H

#include "sim/rule.h"

enum {
    POWERFX_LENGTH = 4000,    /* bytes of a formula */
    POWERFX_DEPTH = 50,       /* of nesting */
    POWERFX_TEXT = 16 * 1024, /* bytes of a text, a label's too */
    POWERFX_ARGUMENTS = 100,  /* of one call */
};

/* As sim_rule_value; the words say where in the formula, by the character counted from 1. */
struct json *sim_powerfx_value(const char *formula, const struct sim_rule_input *input, char *words, size_t size);

#endif
