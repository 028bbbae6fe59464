#include "counter-service/verify/report.h"

#include <inttypes.h>
#include <stdarg.h>

static void PRINTF_LIKE(2, 0) print_line(const struct report *report, const char *format, va_list arguments)
{
    vfprintf(report->out, format, arguments);
    fputc('\n', report->out);
}

void report_line(const struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(report, format, arguments);
    va_end(arguments);
}

void report_difference(struct report *report, const char *format, ...)
{
    report->differences++;
    if (!report->shows_all && report->differences > REPORT_DIFFERENCES_SHOWN) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    print_line(report, format, arguments);
    va_end(arguments);
}

void report_end(const struct report *report)
{
    if (report->differences == 0) {
        report_line(report, "equal");
        return;
    }
    if (!report->shows_all && report->differences > REPORT_DIFFERENCES_SHOWN) {
        report_line(report, "and %" PRIu64 " more", report->differences - REPORT_DIFFERENCES_SHOWN);
    }
    report_line(report, "%" PRIu64 " difference%s", report->differences, report_plural(report->differences));
}

const char *report_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}
