#include "counter-service/store/store_later.h"

#include <stdio.h>

#include "common/base/clock.h"

enum {
    WAIT_US = 10 * 1000,
    /* How long a call may look for its partition: a part of what a gateway's attempt waits. */
    LOOK_FOR_US = 400 * 1000,
    /* So many redirections are followed at once: two nodes may each take the other for the owner. */
    AT_ONCE_MAX = 4,
};

/* Why nobody takes the call. */
static const char *reason_of(const struct store_call *call)
{
    return call->asking_refused ? "the partition is on its way to another Redis, and Redis refuses ASKING"
                                : "the partition is on its way to another Redis, or none has it";
}

void store_later_init(struct store_later *later, const struct store_owner *owner, const struct redis_address *asked,
                      size_t max)
{
    *later = (struct store_later){.owner = owner, .asked = asked, .max = max, .next_us = INT64_MAX};
    later->last = &later->first;
}

/* Or ends it, if it has waited for too long, or too many wait. */
static void wait_or_end(struct store_later *later, struct store_call *call, int64_t now_us)
{
    const size_t places = store_call_places(call);
    call->next = NULL;
    if (now_us - call->redirected_us >= LOOK_FOR_US || now_us >= call->deadline_us ||
        (later->first != NULL && later->length + places > later->max)) {
        store_call_finish(call, STATUS_REDIS_DOWN, reason_of(call));
        return;
    }
    if (later->first == NULL) {
        later->next_us = now_us + WAIT_US;
    }
    *later->last = call;
    later->last = &call->next;
    later->length += places;
}

/* Returns whether somebody has taken the call. */
static bool follow(struct store_later *later, struct store_call *call, const struct redis_redirect *redirect)
{
    const struct store_owner *owner = later->owner;
    struct redis_address address = redirect->address;
    if (address.tcp.host[0] == '\0') {
        snprintf(address.tcp.host, sizeof(address.tcp.host), "%s", later->asked->tcp.host);
    }
    call->next = NULL;
    if (redirect->kind == REDIS_REDIRECT_MOVED) {
        owner->moved(owner->ctx, call->partition, &address);
        return owner->put(owner->ctx, call) == STATUS_OK;
    }
    call->asking = true;
    if (owner->put_at(owner->ctx, &address, call) == STATUS_OK) {
        return true;
    }
    call->asking = false;
    return false;
}

void store_later_take(struct store_later *later, struct store_call *call, const struct redis_redirect *redirect)
{
    const int64_t now_us = clock_monotonic_us();
    if (call->redirects++ == 0) {
        call->redirected_us = now_us;
    }
    call->asking = false;
    if (redirect->kind == REDIS_REDIRECT_AGAIN || redirect->kind == REDIS_REDIRECT_DOWN) {
        later->owner->suspect(later->owner->ctx);
    } else if (call->redirects <= AT_ONCE_MAX && follow(later, call, redirect)) {
        return;
    }
    wait_or_end(later, call, now_us);
}

void store_later_send_on(struct store_later *later, struct store_call *call)
{
    const int64_t now_us = clock_monotonic_us();
    if (call->redirects++ == 0) {
        call->redirected_us = now_us;
    }
    call->next = NULL;
    if (call->redirects > AT_ONCE_MAX || later->owner->put(later->owner->ctx, call) != STATUS_OK) {
        wait_or_end(later, call, now_us);
    }
}

void store_later_put_again(struct store_later *later, bool may_wait)
{
    struct store_call *calls = later->first;
    const int64_t now_us = clock_monotonic_us();
    store_later_init(later, later->owner, later->asked, later->max);
    while (calls != NULL) {
        struct store_call *call = calls;
        calls = calls->next;
        call->next = NULL;
        call->redirects = 1;
        if (later->owner->put(later->owner->ctx, call) == STATUS_OK) {
            continue;
        }
        if (may_wait) {
            wait_or_end(later, call, now_us);
        } else {
            store_call_finish(call, STATUS_REDIS_DOWN, reason_of(call));
        }
    }
}
