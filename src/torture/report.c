#include "torture/private.h"
#include <inttypes.h>

static void print_finding(const struct torture_report *report, const struct finding *finding, FILE *out);
static const char *kind_words(const struct finding *finding);
static void print_totals(const struct torture_report *report, FILE *out);

void torture_print(const struct torture_report *report, FILE *out) {
    bool has_harm = torture_has_harm(report), has_more = false;
    if (has_harm) {
        fprintf(out, "\nFound:\n");
    }
    for (size_t i = 0; i < report->count; i++) {
        if (!report->findings[i].is_harm && !has_more) {
            fprintf(out, "\nHarmless, or for you to judge:\n");
            has_more = true;
        }
        print_finding(report, &report->findings[i], out);
    }
    print_totals(report, out);
    fprintf(out, "%s\n",
            has_harm ? "There is harm: see above."
                     : "No harm: nothing was done twice that must not be, and nothing was parked that "
                       "should not be.");
}

static void print_finding(const struct torture_report *report, const struct finding *finding, FILE *out) {
    if (finding->kind == FINDING_HOST) {
        fprintf(out, "the host: %s, in %u case%s\n", finding->words == NULL ? "" : finding->words, finding->count,
                finding->count == 1 ? "" : "s");
        return;
    }
    bool is_parked = finding->kind == FINDING_PARKED;
    fprintf(out, "%s/%s: %s %s, in %u case%s\n", report->scripts,
            finding->place[0] == '\0' ? finding->handler : finding->place,
            is_parked ? "its run" : finding->operation, kind_words(finding), finding->count,
            finding->count == 1 ? "" : "s");
    fprintf(out, "    handler %s; the first one: ", finding->handler);
    for (const char *c = finding->words == NULL ? "" : finding->words; *c != '\0'; c++) {
        fputs(*c == '\n' ? "\n    " : (char[]){*c, '\0'}, out);
    }
    fputc('\n', out);
}

static const char *kind_words(const struct finding *finding) {
    switch (finding->kind) {
    case FINDING_FORGOTTEN: return "was done again by the host";
    case FINDING_TWICE:
        if (!finding->is_harm && !slice_starts_with(slice_of(finding->operation), "router.") &&
            !slice_starts_with(slice_of(finding->operation), "http.")) {
            return "was done twice; what that does, its C helper knows";
        }
        return finding->is_harm ? "was done twice" : "was done twice, which changed nothing";
    case FINDING_PARKED: return "was parked";
    case FINDING_EVENTS: return "was done for two events alike";
    default: return "";
    }
}

static void print_totals(const struct torture_report *report, FILE *out) {
    const struct totals *totals = &report->totals;
    unsigned crashes = totals->crashes[CRASH_BEFORE] + totals->crashes[CRASH_LOST] + totals->crashes[CRASH_AFTER];
    fprintf(out,
            "\n%u deliveries (%u duplicates, %u out of order, %u late), %" PRIu64 " runs, %u steps, %" PRIu64
            " events without a handler\n",
            totals->deliveries, totals->duplicates, totals->reordered, totals->late, totals->runs, totals->steps,
            totals->unhandled);
    fprintf(out,
            "%u crashes (%u before a step was done, %u between its request and its answer, %u after it was "
            "journaled), %u calls refused, %u answers lost, %" PRIu64 " retries, %" PRIu64 " parked\n",
            crashes, totals->crashes[CRASH_BEFORE], totals->crashes[CRASH_LOST], totals->crashes[CRASH_AFTER],
            totals->refused, totals->lost, totals->waiting, totals->parked);
    if (report->idle != NULL) {
        fprintf(out, "Not looked at, since no event came for them: %s\n", report->idle);
    }
    if (totals->steps == 0) {
        fprintf(out, "No handler took a step: a scenario in which they have something to do says more.\n");
    }
}
