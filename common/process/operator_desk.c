#include "common/process/operator_desk.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/contract/problem.h"
#include "common/http/http_accept.h"
#include "common/metrics/metrics.h"

/* --- answers ------------------------------------------------------------------------------------------------------ */

void operator_answer_finish(struct operator_answer *answer, int status)
{
    struct operator_desk *desk = answer->desk;
    assert(status != OPERATOR_LATER && answer->status == OPERATOR_LATER);
    answer->status = status;
    answer->next = atomic_load_explicit(&desk->finished, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&desk->finished, &answer->next, answer, memory_order_release,
                                                  memory_order_relaxed)) {
    }
    http_loop_wake(desk->http); /* not answer->desk: the loop may have freed the answer by now */
}

int operator_answer_problem(struct operator_answer *answer, int status, const char *slug, const char *title,
                            const char *detail)
{
    buffer_clear(&answer->body, SIZE_MAX);
    answer->content_type = PROBLEM_CONTENT_TYPE;
    answer->is_cacheable = false;
    problem_write(&answer->body, slug, title, status, detail, NULL);
    return status;
}

/* In the order of enum metrics_format. */
static const struct http_form metrics_forms[] = {
    [METRICS_TEXT] = {"text/plain", "0.0.4"},
    [METRICS_OPENMETRICS] = {"application/openmetrics-text", "1.0.0"},
};

static enum metrics_format wanted_format(const struct http_request *request)
{
    struct buffer accept;
    buffer_init(&accept);
    http_request_whole_field(request, "Accept", &accept);
    const struct text value = {accept.data, accept.failed ? 0 : accept.len};
    const size_t chosen = http_accept_choose(value, metrics_forms, sizeof(metrics_forms) / sizeof(metrics_forms[0]));
    buffer_done(&accept);
    return (enum metrics_format)chosen;
}

int operator_write_metrics(void *ctx, struct operator_answer *answer)
{
    (void)ctx;
    const enum metrics_format format = wanted_format(answer->request);
    answer->content_type = metrics_content_type(format);
    answer->vary = "Accept";
    return metrics_render(&answer->body, format) == 0 ? 200 : 500;
}

/* --- desk --------------------------------------------------------------------------------------------------------- */

const struct operator_endpoint *operator_desk_find(const struct operator_desk *desk, struct text path)
{
    for (size_t i = 0; i < desk->count; i++) {
        if (text_equal(text_of(desk->endpoints[i].path), path)) {
            return &desk->endpoints[i];
        }
    }
    return NULL;
}

/* Sends an answer whose status is told, if its client is still there, and frees it. */
static void close_answer(struct operator_desk *desk, struct operator_answer *answer)
{
    struct http_request *request = answer->request;
    list_remove(&desk->open, &answer->node);
    if (request != NULL) {
        if (answer->takes_long) {
            http_request_expect(request, 0);
        }
        const struct buffer emptied = request->reply;
        request->reply = answer->body;
        answer->body = emptied;
        desk->reply(request, &(struct operator_head){.status = answer->status,
                                                     .content_type = answer->content_type,
                                                     .is_cacheable = answer->is_cacheable,
                                                     .vary = answer->vary});
    }
    buffer_done(&answer->body);
    free(answer);
}

void operator_desk_answer(struct operator_desk *desk, const struct operator_endpoint *endpoint,
                          struct http_request *request)
{
    struct operator_answer *answer = calloc(1, sizeof(*answer));
    if (answer == NULL) {
        request->reply.failed = true;
        desk->reply(request, &(struct operator_head){.status = 500, .content_type = endpoint->content_type});
        return;
    }
    buffer_init(&answer->body);
    answer->content_type = endpoint->content_type;
    answer->is_cacheable = endpoint->is_cacheable;
    answer->request = request;
    answer->desk = desk;
    list_append(&desk->open, &answer->node);
    const int status = endpoint->write(desk->ctx, answer);
    if (status != OPERATOR_LATER) {
        answer->status = status;
        close_answer(desk, answer);
    }
}

void operator_desk_turn(struct operator_desk *desk)
{
    if (atomic_load_explicit(&desk->finished, memory_order_relaxed) == NULL) {
        return;
    }
    struct operator_answer *next = atomic_exchange_explicit(&desk->finished, NULL, memory_order_acquire);
    while (next != NULL) {
        struct operator_answer *answer = next;
        next = answer->next;
        close_answer(desk, answer);
    }
}

void operator_desk_gone(struct operator_desk *desk, const struct http_request *request)
{
    struct operator_answer *answer = LIST_ENTRY(desk->open.first, struct operator_answer, node);
    while (answer != NULL && answer->request != request) {
        answer = LIST_ENTRY(answer->node.next, struct operator_answer, node);
    }
    assert(answer != NULL); /* the request waits for an answer */
    answer->request = NULL;
    atomic_store_explicit(&answer->is_gone, true, memory_order_relaxed);
}

void operator_desk_done(struct operator_desk *desk)
{
    operator_desk_turn(desk);
    assert(desk->open.first == NULL);
}
