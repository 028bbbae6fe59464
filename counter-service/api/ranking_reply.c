#include "counter-service/api/ranking_reply.h"

#include "common/contract/grpc_message.h"
#include "tally/v1/counter.pb-c.h"

static Tally__V1__RankingState state_of(const struct ranking_answer *answer, struct ranking_age age)
{
    Tally__V1__RankingState state = TALLY__V1__RANKING_STATE__INIT;
    state.period = grpc_message_bytes(text_of(answer->period));
    state.as_of_ms = answer->as_of_ms;
    state.complete = answer->is_complete;
    state.since_ms = answer->since_ms;
    state.age_ms = age.age_ms;
    state.max_age_ms = age.max_age_ms;
    return state;
}

static void fill_entry(const struct ranking_answer *answer, size_t place, Tally__V1__RankedResource *entry)
{
    const struct ranking_entry *from = &answer->entries[place];
    tally__v1__ranked_resource__init(entry);
    entry->rank = answer->first_rank + (int64_t)place;
    entry->resource_id = grpc_message_bytes(from->resource_id);
    entry->score = from->score;
}

/* NULL when out of memory. */
static Tally__V1__RankedResource **entries_of(const struct ranking_answer *answer, struct arena *arena)
{
    Tally__V1__RankedResource *entries = arena_alloc(arena, answer->entry_count * sizeof(*entries));
    Tally__V1__RankedResource **list = arena_alloc(arena, answer->entry_count * sizeof(Tally__V1__RankedResource *));
    if (entries == NULL || list == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < answer->entry_count; i++) {
        fill_entry(answer, i, &entries[i]);
        list[i] = &entries[i];
    }
    return list;
}

static grpc_byte_buffer *top_counters_reply(const struct ranking_answer *answer, Tally__V1__RankingState *state,
                                            Tally__V1__RankedResource **entries)
{
    Tally__V1__TopCountersResponse response = TALLY__V1__TOP_COUNTERS_RESPONSE__INIT;
    response.state = state;
    response.n_entries = answer->entry_count;
    response.entries = entries;
    return grpc_message_pack(&response.base);
}

static grpc_byte_buffer *rank_of_reply(const struct ranking_answer *answer, Tally__V1__RankingState *state,
                                       Tally__V1__RankedResource **entries)
{
    Tally__V1__RankOfResponse response = TALLY__V1__RANK_OF_RESPONSE__INIT;
    response.state = state;
    response.rank = answer->rank;
    response.score = answer->score;
    response.n_entries = answer->entry_count;
    response.entries = entries;
    return grpc_message_pack(&response.base);
}

grpc_byte_buffer *ranking_reply_make(enum ranking_method method, const struct ranking_answer *answer,
                                     struct ranking_age age, struct arena *arena)
{
    Tally__V1__RankingState state = state_of(answer, age);
    Tally__V1__RankedResource **entries = entries_of(answer, arena);
    if (entries == NULL) {
        return NULL;
    }
    return method == RANKING_TOP_COUNTERS ? top_counters_reply(answer, &state, entries)
                                          : rank_of_reply(answer, &state, entries);
}
