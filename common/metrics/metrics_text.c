#include "common/metrics/metrics_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {"counter", "gauge", "histogram"};

static void append_string(struct buffer *out, const char *string)
{
    buffer_append_text(out, text_of(string));
}

/* special: the characters to escape. A backslash and a line feed everywhere, a quote in label values only. */
static void append_escaped(struct buffer *out, const char *string, const char *special)
{
    for (;;) {
        const size_t plain = strcspn(string, special);
        buffer_append(out, string, plain);
        string += plain;
        if (*string == '\0') {
            return;
        }
        buffer_append(out, (const char[]){'\\', *string == '\n' ? 'n' : *string}, 2);
        string++;
    }
}

/* A number that reads back as the same double, in its shortest of two forms. */
static void append_double(struct buffer *out, double value)
{
    if (isnan(value)) {
        append_string(out, "NaN");
    } else if (isinf(value)) {
        append_string(out, value > 0 ? "+Inf" : "-Inf");
    } else {
        char digits[32];
        snprintf(digits, sizeof(digits), "%.15g", value);
        if (strtod(digits, NULL) != value) {
            snprintf(digits, sizeof(digits), "%.17g", value);
        }
        append_string(out, digits);
    }
}

void metrics_text_family(struct buffer *out, const struct metric_family *family)
{
    append_string(out, "# HELP ");
    append_string(out, family->name);
    append_string(out, " ");
    append_escaped(out, family->help, "\\\n");
    append_string(out, "\n# TYPE ");
    append_string(out, family->name);
    append_string(out, " ");
    append_string(out, type_names[family->type]);
    append_string(out, "\n");
}

static void append_label(struct buffer *out, const char *separator, const char *name, const char *value)
{
    append_string(out, separator);
    append_string(out, name);
    append_string(out, "=\"");
    append_escaped(out, value, "\\\n\"");
    append_string(out, "\"");
}

/* `name_suffix{labels}` and a space. bound: the value of `le`, NULL for none. */
static void append_sample_name(struct buffer *out, const struct metric_family *family, const char *suffix,
                               const char *const *values, const char *bound)
{
    append_string(out, family->name);
    append_string(out, suffix);
    const char *separator = "{";
    for (size_t i = 0; i < METRIC_LABELS_MAX && family->labels[i] != NULL; i++) {
        append_label(out, separator, family->labels[i], values[i]);
        separator = ",";
    }
    if (bound != NULL) {
        append_label(out, separator, "le", bound);
        separator = ",";
    }
    append_string(out, separator[0] == '{' ? " " : "} ");
}

void metrics_text_integer(struct buffer *out, const struct metric_family *family, const char *const *values,
                          int64_t value)
{
    append_sample_name(out, family, "", values, NULL);
    buffer_append_int64(out, value);
    append_string(out, "\n");
}

void metrics_text_double(struct buffer *out, const struct metric_family *family, const char *const *values,
                         double value)
{
    append_sample_name(out, family, "", values, NULL);
    append_double(out, value);
    append_string(out, "\n");
}

static void append_bucket(struct buffer *out, const struct metric_family *family, const char *const *values,
                          const char *bound, uint64_t cumulative)
{
    append_sample_name(out, family, "_bucket", values, bound);
    buffer_append_int64(out, (int64_t)cumulative);
    append_string(out, "\n");
}

void metrics_text_histogram(struct buffer *out, const struct metric_family *family, const char *const *values,
                            const uint64_t *counts, double sum)
{
    uint64_t cumulative = 0;
    for (size_t i = 0; i < family->bucket_count; i++) {
        char bound[32];
        snprintf(bound, sizeof(bound), "%g", family->buckets[i]);
        cumulative += counts[i];
        append_bucket(out, family, values, bound, cumulative);
    }
    cumulative += counts[family->bucket_count];
    append_bucket(out, family, values, "+Inf", cumulative);
    append_sample_name(out, family, "_sum", values, NULL);
    append_double(out, sum);
    append_string(out, "\n");
    append_sample_name(out, family, "_count", values, NULL);
    buffer_append_int64(out, (int64_t)cumulative);
    append_string(out, "\n");
}
