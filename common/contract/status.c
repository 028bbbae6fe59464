#include "common/contract/status.h"

#include <assert.h>

static const struct {
    const char *name;
    int grpc_code;
    int http_code;
    bool retriable;
    enum outcome outcome;
    const char *slug;
    const char *title;
} statuses[STATUS_COUNT] = {
#define STATUS_ROW(name, grpc, http, retriable, outcome, slug, title) \
    {#name, grpc, http, retriable, OUTCOME_##outcome, slug, title},
    STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

const char *status_name(enum status status)
{
    assert(status < STATUS_COUNT);
    return statuses[status].name;
}

int status_grpc_code(enum status status)
{
    assert(status < STATUS_COUNT);
    return statuses[status].grpc_code;
}

int status_http_code(enum status status)
{
    assert(status < STATUS_COUNT);
    return statuses[status].http_code;
}

bool status_is_retriable(enum status status)
{
    assert(status < STATUS_COUNT);
    return statuses[status].retriable;
}

enum outcome status_outcome(enum status status)
{
    assert(status < STATUS_COUNT);
    return statuses[status].outcome;
}

const char *status_slug(enum status status)
{
    assert(status < STATUS_COUNT);
    return statuses[status].slug;
}

const char *status_title(enum status status)
{
    assert(status < STATUS_COUNT);
    return statuses[status].title;
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {"applied", "not_applied", "unknown"};
    assert(outcome <= OUTCOME_UNKNOWN);
    return names[outcome];
}
