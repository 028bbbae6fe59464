#include "common/metrics/metrics_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOUND_SIZE = 32, US_PER_SECOND = 1000 * 1000 };

static const char *const type_names[] = {"counter", "gauge", "histogram"};

static void append_string(struct buffer *out, const char *string)
{
    buffer_append_text(out, text_of(string));
}

/* special: the characters to escape. A backslash and a line feed everywhere, a quote in label values, and in the help
 * text of OpenMetrics. */
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

/* The name in the lines about the family. */
static struct text family_name(enum metrics_format format, const struct metric_family *family)
{
    struct text name = text_of(family->name);
    if (format == METRICS_OPENMETRICS && family->type == METRIC_COUNTER) {
        name.len -= sizeof(METRIC_COUNTER_SUFFIX) - 1;
    }
    return name;
}

/* "# HELP name " */
static void append_about(struct buffer *out, const char *what, struct text name)
{
    append_string(out, "# ");
    append_string(out, what);
    append_string(out, " ");
    buffer_append_text(out, name);
    append_string(out, " ");
}

/* The base units that our names end with; a unit must stand there. */
static void append_unit(struct buffer *out, struct text name)
{
    static const char *const units[] = {"_seconds", "_bytes"};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text_ends_with(name, text_of(units[i]))) {
            append_about(out, "UNIT", name);
            append_string(out, units[i] + 1);
            append_string(out, "\n");
        }
    }
}

void metrics_text_family(struct buffer *out, enum metrics_format format, const struct metric_family *family)
{
    const bool is_open = format == METRICS_OPENMETRICS;
    const struct text name = family_name(format, family);
    append_about(out, "HELP", name);
    append_escaped(out, family->help, is_open ? "\\\n\"" : "\\\n");
    append_string(out, "\n");
    append_about(out, "TYPE", name);
    append_string(out, type_names[family->type]);
    append_string(out, "\n");
    if (is_open) {
        append_unit(out, name);
    }
}

void metrics_text_end(struct buffer *out, enum metrics_format format)
{
    if (format == METRICS_OPENMETRICS) {
        append_string(out, "# EOF\n");
    }
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

/* Its labels have 63 of the 128 characters that there may be. */
static void append_exemplar(struct buffer *out, const struct kept_exemplar *exemplar)
{
    char trace_id[TRACE_ID_SIZE];
    char span_id[TRACE_SPAN_ID_SIZE];
    trace_context_write_id(&exemplar->of, trace_id);
    trace_context_write_span_id(&exemplar->of, span_id);
    buffer_append_format(out, " # {trace_id=\"%s\",span_id=\"%s\"} ", trace_id, span_id);
    append_double(out, exemplar->value);
    buffer_append_format(out, " %lld.%06d", (long long)(exemplar->time_us / US_PER_SECOND),
                         (int)(exemplar->time_us % US_PER_SECOND));
}

/* A bucket of a histogram, all of it. */
struct bucket {
    const char *bound;
    uint64_t count;                       /* of this one alone */
    uint64_t cumulative;                  /* with those below it */
    const struct kept_exemplar *exemplar; /* NULL: none */
};

/* An exemplar may be younger than the counts: then a bucket without observations is shown without it. */
static void append_bucket(struct buffer *out, const struct metric_family *family, const char *const *values,
                          const struct bucket *bucket)
{
    append_sample_name(out, family, "_bucket", values, bucket->bound);
    buffer_append_int64(out, (int64_t)bucket->cumulative);
    if (bucket->exemplar != NULL && bucket->exemplar->time_us != 0 && bucket->count > 0) {
        append_exemplar(out, bucket->exemplar);
    }
    append_string(out, "\n");
}

/* The bound of a bucket. OpenMetrics wants the floats of labels alike everywhere: as Go's %g writes them, and with a
 * point ("Canonical Numbers"). */
static void write_bound(char out[BOUND_SIZE], enum metrics_format format, const struct metric_family *family,
                        size_t index)
{
    if (index == family->bucket_count) {
        memcpy(out, "+Inf", sizeof("+Inf"));
        return;
    }
    const double bound = family->buckets[index];
    snprintf(out, BOUND_SIZE, "%g", bound);
    if (format == METRICS_OPENMETRICS && strpbrk(out, ".e") == NULL) {
        snprintf(out, BOUND_SIZE, "%g.0", bound);
    }
}

void metrics_text_histogram(struct buffer *out, enum metrics_format format, const struct metric_family *family,
                            const char *const *values, const uint64_t *counts, double sum,
                            const struct kept_exemplar *exemplars)
{
    uint64_t cumulative = 0;
    for (size_t i = 0; i <= family->bucket_count; i++) {
        char bound[BOUND_SIZE];
        write_bound(bound, format, family, i);
        cumulative += counts[i];
        append_bucket(out, family, values,
                      &(struct bucket){bound, counts[i], cumulative, exemplars != NULL ? &exemplars[i] : NULL});
    }
    append_sample_name(out, family, "_sum", values, NULL);
    append_double(out, sum);
    append_string(out, "\n");
    append_sample_name(out, family, "_count", values, NULL);
    buffer_append_int64(out, (int64_t)cumulative);
    append_string(out, "\n");
}
