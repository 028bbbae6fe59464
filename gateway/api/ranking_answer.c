#include "gateway/api/ranking_answer.h"

#include "common/contract/counter_rules.h"
#include "common/contract/grpc_message.h"
#include "common/contract/limits.h"
#include "gateway/http/reply.h"
#include "gateway/json/ranking_json_write.h"
#include "tally/v1/counter.pb-c.h"

/* 9999-12-31T23:59:59.999Z: RFC 3339 has no later one. */
#define TIME_MS_MAX INT64_C(253402300799999)

static bool is_time(int64_t time_ms)
{
    return time_ms >= 0 && time_ms <= TIME_MS_MAX;
}

static bool is_sound(const Tally__V1__RankingState *ranking)
{
    return ranking != NULL && ranking->period.len <= RANKING_NAME_LEN_MAX &&
           text_is_visible_ascii(grpc_message_text(ranking->period)) && is_time(ranking->as_of_ms) &&
           is_time(ranking->since_ms) && ranking->age_ms >= 0 && ranking->max_age_ms >= 0;
}

static enum status begin(struct request_state *state, const Tally__V1__RankingState *ranking)
{
    if (!is_sound(ranking)) {
        return STATUS_DATA_DAMAGED;
    }
    const struct ranking_json_head head = {
        .counter_type = state->operations.items[0].counter_type,
        .window = {state->window, state->window_len},
        .period = grpc_message_text(ranking->period),
        .as_of_ms = ranking->as_of_ms,
        .complete = ranking->complete,
        .since_ms = ranking->since_ms,
    };
    ranking_json_begin(&state->request->reply, &head);
    reply_set_freshness(state, ranking->age_ms, ranking->max_age_ms);
    return STATUS_OK;
}

static enum status write_entries(struct buffer *out, Tally__V1__RankedResource *const *entries, size_t count)
{
    if (count > RANKING_LIMIT_MAX) {
        return STATUS_DATA_DAMAGED;
    }
    ranking_json_begin_entries(out);
    for (size_t i = 0; i < count; i++) {
        const struct ranking_json_place entry = {
            .resource_id = grpc_message_text(entries[i]->resource_id),
            .rank = entries[i]->rank,
            .score = entries[i]->score,
        };
        if (entry.rank < 1 || counter_rules_resource_id(entry.resource_id) != NULL) {
            return STATUS_DATA_DAMAGED;
        }
        ranking_json_add_entry(out, &entry, i == 0);
    }
    ranking_json_end(out);
    return STATUS_OK;
}

enum status ranking_answer_top(struct request_state *state, const ProtobufCMessage *response)
{
    const Tally__V1__TopCountersResponse *top = (const Tally__V1__TopCountersResponse *)response;
    const enum status status = begin(state, top->state);
    return status != STATUS_OK ? status : write_entries(&state->request->reply, top->entries, top->n_entries);
}

enum status ranking_answer_rank(struct request_state *state, const ProtobufCMessage *response)
{
    const Tally__V1__RankOfResponse *rank = (const Tally__V1__RankOfResponse *)response;
    struct buffer *out = &state->request->reply;
    const enum status status = begin(state, rank->state);
    if (status != STATUS_OK || rank->rank < 0) {
        return STATUS_DATA_DAMAGED;
    }
    const struct ranking_json_place place = {
        .resource_id = state->operations.items[0].resource_id,
        .rank = rank->rank,
        .score = rank->score,
    };
    ranking_json_write_place(out, &place);
    return write_entries(out, rank->entries, rank->n_entries);
}
