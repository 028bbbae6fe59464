/* How instances come to lead about as many partitions each: one that leads fewer asks for a partition of another one,
 * which hands it over if it leads more even then. */
#include "common/base/clock.h"
#include "common/log/log.h"
#include "counter-service/outbox/outbox_set_step.h"

enum {
    /* Between two questions: so long while they are heard, and longer and longer while they are not. */
    ASK_MIN_MS = 500,
    ASK_MAX_MS = 8000,
    LEAVE_MAX_MS = 5000,
};

static bool is_anothers(const struct outbox_set *set, size_t i)
{
    const struct outbox_member *member = &set->members[i];
    return outbox_set_conn(set, i) != NULL && member->retry_us == 0 && !member->follower.owns &&
           !member->follower.is_free && member->step_us != 0;
}

/* Any of them, since nobody knows which instance has how many. */
static size_t choose(struct outbox_set *set)
{
    const size_t start = prng_up_to(&set->pace.prng, (uint32_t)set->count - 1);
    for (size_t k = 0; k < set->count; k++) {
        const size_t i = (start + k) % set->count;
        if (is_anothers(set, i)) {
            return i;
        }
    }
    return set->count;
}

void outbox_set_ask(struct outbox_set *set, int64_t now_us)
{
    if (set->count <= 1 || now_us < set->ask_us) {
        return;
    }
    const bool was_heard = set->asked < set->count && set->members[set->asked].follower.owns;
    const int longer_ms = 2 * set->ask_ms < ASK_MAX_MS ? 2 * set->ask_ms : ASK_MAX_MS;
    set->ask_ms = was_heard || set->ask_ms == 0 ? ASK_MIN_MS : longer_ms;
    set->ask_us = now_us + (int64_t)set->ask_ms * 1000;
    set->asked = set->has_free ? set->count : choose(set);
    set->asks = set->asked < set->count;
    if (set->asks) {
        set->members[set->asked].step_us = 0;
    }
}

void outbox_set_hear(struct outbox_set *set, size_t i, int64_t now_us)
{
    const struct outbox_follower *follower = &set->members[i].follower;
    if (follower->owns && follower->asker.is_there && set->leaving == set->count &&
        set->led > follower->asker.led + 1) {
        set->leaving = i;
        set->leave_us = now_us + (int64_t)LEAVE_MAX_MS * 1000;
    }
}

bool outbox_set_is_leaving(const struct outbox_set *set, size_t i)
{
    return i == set->leaving;
}

void outbox_set_leave(struct outbox_set *set, int64_t now_us)
{
    struct error error;
    const size_t i = set->leaving;
    if (i == set->count) {
        return;
    }
    struct outbox_member *member = &set->members[i];
    const struct outbox_conn *conn = outbox_set_conn(set, i);
    if (conn == NULL || !member->follower.owns || !member->follower.asker.is_there || now_us > set->leave_us) {
        set->leaving = set->count;
        return;
    }
    if (!set->consumer.may_leave(set->consumer.ctx, i)) {
        return;
    }
    set->leaving = set->count;
    if (outbox_follower_hand_over(&member->follower, conn, &error) != 0) {
        outbox_set_fail_node(set, member->node, &error);
        return;
    }
    outbox_set_lose(set, i);
    member->step_us = now_us; /* the other one begins with it */
    log_info(set->consumer.component, "handed over to another instance", LOG_INT("partition", i));
}
