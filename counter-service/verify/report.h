/* What a run prints for people: lines, of which those that tell a difference are counted, and bounded. Owned by one
 * thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_REPORT_H
#define TALLY_COUNTER_SERVICE_VERIFY_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/compiler.h"

enum { REPORT_DIFFERENCES_SHOWN = 100 };

struct report {
    FILE *out;
    bool shows_all;
    uint64_t differences;
};

void report_line(const struct report *report, const char *format, ...) PRINTF_LIKE(2, 3);
/* A line for a difference, shown if it is one of the first, or all are. */
void report_difference(struct report *report, const char *format, ...) PRINTF_LIKE(2, 3);
/* The last lines: how many differences were not shown, and whether there were any. */
void report_end(const struct report *report);

/* "1 event", "2 events": the s of count things. */
const char *report_plural(uint64_t count);

#endif
