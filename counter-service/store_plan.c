#include "counter-service/store_plan.h"

#include <stdlib.h>

#include "counter-service/read_command.h"
#include "counter-service/session_command.h"
#include "counter-service/store_call.h"

/* Requests of one pipeline are usually some KiB; the memory of a rare large one is given back. */
enum { REQUESTS_KEEP_BYTES = 1024 * 1024 };

void store_plan_init(struct store_plan *plan, const struct config *config)
{
    *plan = (struct store_plan){
        .settings =
            {
                .prefix = redis_key_prefix_of(0), /* the only partition, until Redis Cluster is supported */
                .idempotency_ttl_ms = config->idempotency.ttl_ms,
            },
        .session_ttl_ms = config->session.ttl_ms,
        .max_deadline_us = (int64_t)config->counter_service.max_deadline_ms * 1000,
    };
    buffer_init(&plan->requests);
    store_plan_clear(plan);
}

void store_plan_done(struct store_plan *plan)
{
    buffer_done(&plan->requests);
    free(plan->calls);
    plan->calls = NULL;
}

void store_plan_clear(struct store_plan *plan)
{
    buffer_clear(&plan->requests, REQUESTS_KEEP_BYTES);
    plan->call_count = 0;
    plan->item_count = 0;
    plan->kind = EXCHANGE_HEARTBEAT;
}

/* No call lives longer in the service than counter_service.max_deadline. */
static int64_t deadline_of(const struct store_plan *plan, const struct store_call *call)
{
    const int64_t latest_us = call->submitted_us + plan->max_deadline_us;
    return call->deadline_us < latest_us ? call->deadline_us : latest_us;
}

static size_t items_to_send(const struct store_call *call)
{
    size_t count = 0;
    for (size_t i = 0; i < call->item_count; i++) {
        count += call->items[i].status == STATUS_OK;
    }
    return count;
}

static int make_room(struct store_plan *plan)
{
    if (plan->call_count < plan->call_capacity) {
        return 0;
    }
    const size_t capacity = plan->call_capacity > 0 ? 2 * plan->call_capacity : 64;
    struct planned_call *calls = realloc(plan->calls, capacity * sizeof(*calls));
    if (calls == NULL) {
        return -1;
    }
    plan->calls = calls;
    plan->call_capacity = capacity;
    return 0;
}

/* Returns 0, or -1 when out of memory: the plan is as before. */
static int append_requests(struct store_plan *plan, const struct store_call *call, struct write_script_name script)
{
    const struct redis_key_prefix *prefix = &plan->settings.prefix;
    enum exchange_kind kind = EXCHANGE_HEARTBEAT;
    int result = -1;
    switch (call->operation) {
    case STORE_INCREMENT:
        kind = EXCHANGE_WRITE;
        result = write_command_append(&plan->requests, &plan->settings, script, call);
        break;
    case STORE_OPEN_SESSION:
    case STORE_KEEP_SESSION:
        kind = EXCHANGE_SESSION;
        result = session_command_append(&plan->requests, prefix, plan->session_ttl_ms, call);
        break;
    case STORE_GET:
        kind = EXCHANGE_READ;
        result = read_command_append_get(&plan->requests, prefix, call);
        break;
    case STORE_LIST:
        kind = EXCHANGE_LIST;
        result = read_command_append_list(&plan->requests, prefix, call);
        break;
    }
    /* What is in the buffer is still whole: only this call goes without. */
    plan->requests.failed = false;
    if (result == 0) {
        plan->kind = kind < plan->kind ? kind : plan->kind;
    }
    return result;
}

void store_plan_add(struct store_plan *plan, struct store_call *call, struct write_script_name script, int64_t now_us)
{
    const size_t items = items_to_send(call);
    const size_t start = plan->requests.len;
    if (items == 0) {
        store_call_finish(call, STATUS_OK, NULL);
        return;
    }
    if (now_us >= deadline_of(plan, call)) {
        store_call_finish(call, STATUS_EXPIRED, NULL);
        return;
    }
    if (make_room(plan) != 0 || append_requests(plan, call, script) != 0) {
        store_call_finish(call, STATUS_SHED, "out of memory");
        return;
    }
    call->status = STATUS_OK;
    call->detail = NULL;
    plan->calls[plan->call_count++] = (struct planned_call){call, start};
    plan->item_count += items;
}
