#include "tests/fakes/metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "common/metrics/metrics.h"

static char *rendered(enum metrics_format format)
{
    struct buffer text;
    buffer_init(&text);
    assert_int_equal(metrics_render(&text, format), 0);
    buffer_append(&text, "", 1);
    assert_false(text.failed);
    return text.data;
}

char *metrics_text(void)
{
    return rendered(METRICS_TEXT);
}

char *metrics_openmetrics(void)
{
    return rendered(METRICS_OPENMETRICS);
}

bool metrics_text_has(const char *piece)
{
    char *text = metrics_text();
    const bool has = strstr(text, piece) != NULL;
    free(text);
    return has;
}

double metrics_text_value(const char *series, double if_missing)
{
    char line[256];
    const int len = snprintf(line, sizeof(line), "\n%s ", series);
    assert_in_range(len, 1, sizeof(line) - 1);
    char *text = metrics_text();
    const char *found = strstr(text, line);
    const double value = found != NULL ? strtod(found + len, NULL) : if_missing;
    free(text);
    return value;
}
