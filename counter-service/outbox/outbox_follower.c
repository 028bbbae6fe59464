#include "counter-service/outbox/outbox_follower.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/random_hex.h"
#include "common/log/log.h"
#include "counter-service/outbox/outbox_entry.h"
#include "counter-service/outbox/outbox_script.h"
#include "counter-service/redis/redis_error.h"

enum {
    /* At most so many entries a step; the script bounds their bytes. */
    STEP_ENTRIES_MAX = 128,
    REQUESTS_KEEP_BYTES = 16 * 1024,
};

static struct outbox_entry *first_entry(const struct outbox_follower *follower)
{
    return LIST_ENTRY(follower->entries.first, struct outbox_entry, node);
}

int outbox_follower_init(struct outbox_follower *follower, unsigned partition, struct text consumer, int lease_ms,
                         struct error *error)
{
    *follower = (struct outbox_follower){
        .partition = partition,
        .prefix = redis_key_prefix_of((int)partition),
        .consumer = consumer,
        .lease_ms = lease_ms,
        .entry_events_mean = 1,
    };
    if (random_hex(follower->token, OUTBOX_TOKEN_LEN) != 0) {
        error_set(error, "the kernel has no random numbers");
        return -1;
    }
    buffer_init(&follower->requests);
    return 0;
}

void outbox_follower_done(struct outbox_follower *follower)
{
    outbox_follower_restart(follower);
    buffer_done(&follower->requests);
}

void outbox_follower_restart(struct outbox_follower *follower)
{
    struct outbox_entry *entry;
    while ((entry = first_entry(follower)) != NULL) {
        list_remove(&follower->entries, &entry->node);
        if (follower->orphans != NULL && entry->events_open > 0) {
            entry->follower = NULL;
            list_append(follower->orphans, &entry->node);
        } else {
            free(entry);
        }
    }
    follower->waiting = NULL;
    follower->events_open = 0;
    follower->holds = false;
    follower->owns = false;
}

/* ---- reading ---- */

/* Numbers that are missing before the entry are events that were dropped while the outbox was full. */
static void number(struct outbox_follower *follower, struct outbox_entry *entry, uint64_t first_number)
{
    if (first_number > follower->next_number) {
        follower->next_number = first_number;
    }
    const uint64_t events = outbox_entry_count(entry);
    entry->next_number = follower->next_number;
    follower->next_number += events;
    entry->last_number = follower->next_number - 1;
    follower->entry_events_mean = (3 * follower->entry_events_mean + events + 3) / 4;
}

/* Past the entries that have nothing more to hand out. */
static void skip_handed_out(struct outbox_follower *follower)
{
    while (follower->waiting != NULL && !follower->waiting->has_next) {
        follower->waiting = LIST_ENTRY(follower->waiting->node.next, struct outbox_entry, node);
    }
}

/* Forgets the entries from the oldest on of which nothing is open any more. */
static void settle(struct outbox_follower *follower)
{
    struct outbox_entry *entry;
    while ((entry = first_entry(follower)) != NULL && !entry->has_next && entry->events_open == 0) {
        assert(follower->waiting != entry);
        follower->done = (struct outbox_position){entry->id, entry->last_number};
        list_remove(&follower->entries, &entry->node);
        free(entry);
    }
}

static int read_entries(struct outbox_follower *follower, const struct outbox_step *step, struct error *error)
{
    for (size_t i = 0; i < step->entries.element_count; i++) {
        struct outbox_raw_entry raw;
        if (outbox_step_entry(step, i, &raw) != 0) {
            follower->damaged++;
            follower->read_after = raw.id;
            continue;
        }
        struct outbox_entry *entry = outbox_entry_copy(&raw, follower->partition);
        if (entry == NULL) {
            error_set(error, "out of memory");
            return -1;
        }
        follower->damaged += entry->is_damaged;
        entry->follower = follower;
        number(follower, entry, raw.first_number);
        list_append(&follower->entries, &entry->node);
        follower->waiting = follower->waiting == NULL ? entry : follower->waiting;
        follower->read_after = raw.id;
    }
    skip_handed_out(follower);
    settle(follower); /* those that are damaged hold nothing to be done */
    return 0;
}

/* ---- steps ---- */

static size_t entries_wanted(const struct outbox_follower *follower, size_t events_max)
{
    if (!follower->owns || follower->waiting != NULL || events_max == 0) {
        return 0;
    }
    const size_t wanted = events_max / (size_t)follower->entry_events_mean;
    return wanted < 1 ? 1 : wanted > STEP_ENTRIES_MAX ? STEP_ENTRIES_MAX : wanted;
}

static bool has_moved(const struct outbox_follower *follower)
{
    return follower->owns && stream_id_compare(follower->done.id, follower->stored.id) > 0;
}

static int exchange(struct outbox_follower *follower, const struct outbox_conn *conn,
                    const struct outbox_step_request *request, struct redis_reply *ret_reply, struct error *error)
{
    buffer_clear(&follower->requests, REQUESTS_KEEP_BYTES);
    if (outbox_step_append(&follower->requests, request) != 0) {
        error_set(error, "out of memory");
        return -1;
    }
    redis_conn_begin(conn->redis, (struct text){follower->requests.data, follower->requests.len}, conn->timeout_ms);
    if (redis_conn_next(conn->redis, ret_reply) != 0) {
        error_set(error, "%s", redis_conn_error(conn->redis));
        return -1;
    }
    return 0;
}

static bool is_unknown_script(const struct redis_reply *reply)
{
    return reply->type == REDIS_ERROR && redis_error_of_write(reply->text).unknown_script;
}

/* By the script's hash, and by its text where Redis has forgotten that. */
static int ask(struct outbox_follower *follower, const struct outbox_conn *conn, struct outbox_step_request *request,
               struct redis_reply *ret_reply, struct error *error)
{
    request->verb = TEXT("EVALSHA");
    request->script = (struct text){conn->step_sha, REDIS_SCRIPT_SHA_LEN};
    if (exchange(follower, conn, request, ret_reply, error) != 0) {
        return -1;
    }
    if (is_unknown_script(ret_reply)) {
        request->verb = TEXT("EVAL");
        request->script = (struct text){outbox_step, outbox_step_len};
        return exchange(follower, conn, request, ret_reply, error);
    }
    return 0;
}

static void begin_at(struct outbox_follower *follower, const struct outbox_position *position)
{
    outbox_follower_restart(follower);
    follower->owns = true;
    follower->done = *position;
    follower->read_after = position->id;
    follower->next_number = position->number + 1;
    follower->at_end = false;
}

static void note(struct outbox_follower *follower, const struct outbox_step *step, bool *ret_restarted)
{
    const bool owned = follower->owns;
    follower->appended = step->appended;
    follower->trimmed = step->trimmed;
    follower->stored = step->position;
    follower->clock_ms = step->now_ms;
    follower->is_free = step->lease == OUTBOX_FREE;
    follower->asker = step->asker;
    *ret_restarted = false;
    if ((step->lease == OUTBOX_HELD || step->lease == OUTBOX_FREE) && owned) {
        outbox_follower_restart(follower);
        *ret_restarted = true;
    } else if (step->lease == OUTBOX_TAKEN || (step->lease == OUTBOX_OWNED && !owned)) {
        begin_at(follower, &step->position);
        *ret_restarted = true;
    }
}

static struct outbox_step_request request_of(const struct outbox_follower *follower,
                                             const struct outbox_follower_wish *wish)
{
    return (struct outbox_step_request){
        .prefix = &follower->prefix,
        .consumer = follower->consumer,
        .configured = follower->configured,
        .token = follower->token,
        .lease_ms = follower->lease_ms,
        .move_to = has_moved(follower) ? &follower->done : NULL,
        .read_after = follower->read_after,
        .count = entries_wanted(follower, wish->events_max),
        .leaves_free = wish->leaves_free && !follower->owns,
        .asks = wish->asks && !follower->owns,
        .led = wish->led,
    };
}

int outbox_follower_append(struct outbox_follower *follower, const struct outbox_conn *conn,
                           const struct outbox_follower_wish *wish, struct buffer *out)
{
    struct outbox_step_request request = request_of(follower, wish);
    request.verb = TEXT("EVALSHA");
    request.script = (struct text){conn->step_sha, REDIS_SCRIPT_SHA_LEN};
    follower->asked = request.count;
    return outbox_step_append(out, &request);
}

enum outbox_answer outbox_follower_answer(struct outbox_follower *follower, const struct redis_reply *reply,
                                          bool *ret_restarted, struct error *error)
{
    struct outbox_step step;
    if (is_unknown_script(reply)) {
        return OUTBOX_ASK_AGAIN;
    }
    if (outbox_step_read(reply, &step, error) != 0) {
        return OUTBOX_ANSWER_BAD;
    }
    note(follower, &step, ret_restarted);
    follower->at_end = follower->asked > 0 && !*ret_restarted && !step.has_more;
    if (*ret_restarted || follower->asked == 0) {
        return OUTBOX_ANSWERED;
    }
    return read_entries(follower, &step, error) == 0 ? OUTBOX_ANSWERED : OUTBOX_ANSWER_BAD;
}

int outbox_follower_ask(struct outbox_follower *follower, const struct outbox_conn *conn,
                        const struct outbox_follower_wish *wish, struct redis_reply *ret_reply, struct error *error)
{
    struct outbox_step_request request = request_of(follower, wish);
    follower->asked = request.count;
    return ask(follower, conn, &request, ret_reply, error);
}

int outbox_follower_step(struct outbox_follower *follower, const struct outbox_conn *conn, size_t events_max,
                         bool *ret_restarted, struct error *error)
{
    struct redis_reply reply;
    const struct outbox_follower_wish wish = {.events_max = events_max};
    if (outbox_follower_ask(follower, conn, &wish, &reply, error) != 0) {
        return -1;
    }
    switch (outbox_follower_answer(follower, &reply, ret_restarted, error)) {
    case OUTBOX_ANSWERED:
        return 0;
    case OUTBOX_ASK_AGAIN:
        error_set(error, "Redis does not know the script that it was sent");
        return -1;
    case OUTBOX_ANSWER_BAD:
        break;
    }
    return -1;
}

void outbox_follower_release(struct outbox_follower *follower, const struct outbox_conn *conn)
{
    struct outbox_step step;
    struct redis_reply reply;
    struct error error;
    struct outbox_step_request request = {
        .prefix = &follower->prefix,
        .consumer = follower->consumer,
        .token = follower->token,
        .move_to = has_moved(follower) ? &follower->done : NULL,
    };
    if (follower->owns &&
        (ask(follower, conn, &request, &reply, &error) != 0 || outbox_step_read(&reply, &step, &error) != 0)) {
        log_debug("events", "the lease was not given up", LOG_STR("error", error.message));
    }
    outbox_follower_restart(follower);
}

int outbox_follower_hand_over(struct outbox_follower *follower, const struct outbox_conn *conn, struct error *error)
{
    struct outbox_step step;
    struct redis_reply reply;
    struct outbox_step_request request = request_of(follower, &(struct outbox_follower_wish){.events_max = 0});
    assert(follower->owns && follower->asker.is_there);
    request.hand_to = follower->asker.token;
    const int result = ask(follower, conn, &request, &reply, error) != 0 ? -1 : outbox_step_read(&reply, &step, error);
    outbox_follower_restart(follower);
    return result;
}

/* ---- the consumer's side ---- */

bool outbox_follower_peek(const struct outbox_follower *follower, struct event *ret_event,
                          struct outbox_entry **ret_entry)
{
    if (follower->waiting == NULL || follower->holds) {
        return false;
    }
    assert(follower->waiting->has_next);
    *ret_event = follower->waiting->next;
    *ret_entry = follower->waiting;
    return true;
}

uint64_t outbox_follower_peek_number(const struct outbox_follower *follower)
{
    assert(follower->waiting != NULL);
    return follower->waiting->next_number;
}

void outbox_follower_take(struct outbox_follower *follower)
{
    struct outbox_entry *entry = follower->waiting;
    assert(entry != NULL && entry->has_next);
    entry->events_open++;
    follower->events_open++;
    outbox_entry_advance(entry);
    follower->damaged += entry->is_damaged;
    skip_handed_out(follower);
}

void outbox_follower_event_done(struct outbox_follower *follower, struct outbox_entry *entry)
{
    assert(entry->events_open > 0 && follower->events_open > 0);
    entry->events_open--;
    follower->events_open--;
    settle(follower);
}

void outbox_entry_event_done(struct outbox_entry *entry, struct list *orphans)
{
    if (entry->follower != NULL) {
        outbox_follower_event_done(entry->follower, entry);
        return;
    }
    assert(entry->events_open > 0);
    if (--entry->events_open == 0) {
        list_remove(orphans, &entry->node);
        free(entry);
    }
}

void outbox_orphans_free(struct list *orphans)
{
    struct outbox_entry *entry;
    while ((entry = LIST_ENTRY(orphans->first, struct outbox_entry, node)) != NULL) {
        list_remove(orphans, &entry->node);
        free(entry);
    }
}

void outbox_follower_all_done(struct outbox_follower *follower)
{
    LIST_EACH (struct outbox_entry, entry, &follower->entries, node) {
        follower->events_open -= entry->events_open;
        entry->events_open = 0;
    }
    assert(follower->events_open == 0);
    settle(follower);
}

uint64_t outbox_follower_waiting(const struct outbox_follower *follower)
{
    const uint64_t gone = follower->stored.number > follower->trimmed ? follower->stored.number : follower->trimmed;
    return follower->appended > gone ? follower->appended - gone : 0;
}

int64_t outbox_follower_oldest_ms(const struct outbox_follower *follower)
{
    const struct outbox_entry *entry = first_entry(follower);
    return entry != NULL ? (int64_t)entry->id.ms : 0;
}
