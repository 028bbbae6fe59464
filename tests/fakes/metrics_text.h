/* What /metrics says now. Functions fail the test when it cannot be had. */
#ifndef TALLY_TESTS_FAKES_METRICS_TEXT_H
#define TALLY_TESTS_FAKES_METRICS_TEXT_H

#include <stdbool.h>

/* The exposition, NUL-terminated; free it. */
char *metrics_text(void);
/* The same as OpenMetrics. */
char *metrics_openmetrics(void);
/* Whether it has this piece. */
bool metrics_text_has(const char *piece);
/* The value of a series, by its name and labels: "tally_channels{state=\"ready\"}". */
double metrics_text_value(const char *series, double if_missing);

#endif
