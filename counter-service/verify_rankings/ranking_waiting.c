#include "counter-service/verify_rankings/ranking_waiting.h"

#include "common/base/decimal.h"
#include "common/base/wrap.h"
#include "counter-service/event/event_batch.h"
#include "counter-service/verify_rankings/ranking_view.h"

void ranking_waiting_init(struct ranking_waiting *waiting)
{
    *waiting = (struct ranking_waiting){.appended = 0};
    counter_table_init(&waiting->counters);
}

void ranking_waiting_done(struct ranking_waiting *waiting)
{
    counter_table_done(&waiting->counters);
}

static int add(struct ranking_waiting *waiting, const struct event *event, struct error *error)
{
    struct counter *counter = counter_table_take(&waiting->counters, event->resource_id, event->counter_type);
    if (counter == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    counter->sum = wrap_add(counter->sum, event->delta);
    return 0;
}

/* *next: the number of the event that should come next. An entry that is damaged holds none. */
static int take_entry(struct ranking_waiting *waiting, const struct outbox_position *at,
                      const struct outbox_raw_entry *raw, uint64_t *next, struct error *error)
{
    struct event_batch_reader reader;
    struct event event;
    uint64_t number = raw->first_number;
    uint32_t counted_place = COUNTER_WHOLE_ENTRY;
    if (event_batch_open(&reader, 0, raw->id, raw->items, raw->results) != 0) {
        return 0;
    }
    for (; event_batch_next(&reader, &event) == 1; number++) {
        if (number <= at->number) {
            counted_place = event.place;
            continue;
        }
        if (stream_id_compare(raw->id, at->id) == 0) {
            waiting->at_place = counted_place;
        }
        waiting->is_whole &= number == *next;
        *next = number + 1;
        if (add(waiting, &event, error) != 0) {
            return -1;
        }
    }
    return 0;
}

int ranking_waiting_read(struct ranking_waiting *waiting, const struct outbox_position *at,
                         const struct redis_reply *marks, const struct redis_reply *entries, struct error *error)
{
    const struct outbox_step step = {.entries = *entries};
    uint64_t next = at->number + 1;
    ranking_waiting_done(waiting);
    ranking_waiting_init(waiting);
    if (marks->type != REDIS_ARRAY || marks->element_count != 1 || entries->type != REDIS_ARRAY ||
        (redis_reply_element(marks, 0).type != REDIS_NIL &&
         !decimal_parse_unsigned(redis_reply_element(marks, 0).text, UINT64_MAX, &waiting->appended))) {
        error_set(error, "a key of the outbox in Redis is damaged");
        return -1;
    }
    waiting->at_place = COUNTER_WHOLE_ENTRY;
    waiting->is_whole = true;
    waiting->knows_place = entries->element_count < RANKING_WAITING_MAX;
    for (size_t i = 0; i < entries->element_count; i++) {
        struct outbox_raw_entry raw;
        if (outbox_step_entry(&step, i, &raw) == 0 && take_entry(waiting, at, &raw, &next, error) != 0) {
            return -1;
        }
        waiting->knows_place |= stream_id_compare(raw.id, at->id) > 0;
    }
    waiting->is_whole &= next == waiting->appended + 1;
    return 0;
}

int64_t ranking_waiting_of(const struct ranking_waiting *waiting, struct text resource_id, struct text counter_type)
{
    const struct counter *counter = counter_table_find(&waiting->counters, resource_id, counter_type);
    return counter == NULL ? 0 : counter->sum;
}
