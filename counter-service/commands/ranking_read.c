#include "counter-service/commands/ranking_read.h"

#include <stdlib.h>

#include "common/base/decimal.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/resp.h"

static const char not_understood[] = "Redis's answer about a ranking was not understood";
static const char damaged[] = "what Redis holds of the ranking is damaged";

void ranking_read_init(struct ranking_read *read, const struct ranking_question *question)
{
    *read = (struct ranking_read){.question = question};
    buffer_init(&read->memory);
}

void ranking_read_done(struct ranking_read *read)
{
    free(read->members);
    buffer_done(&read->memory);
}

/* ---- the request ---- */

/* An upper bound of the members that an answer has. */
static size_t members_max(const struct ranking_question *question)
{
    return (size_t)(ranking_question_is_of_one(question) ? 2 * question->neighbours + 1 : question->limit);
}

static void put_top_keys(struct buffer *out, const struct redis_key_prefix *prefix,
                         const struct ranking_question *question)
{
    const size_t last_slot = ranking_slot_count(&question->window) - 1;
    char name[RANKING_KEY_SIZE];
    const struct text type = text_of(question->config->counter_type);
    redis_key_put_single(out, prefix, ranking_top_key(name, type, &question->window, 0));
    redis_key_put_single(out, prefix, ranking_top_key(name, type, &question->window, last_slot));
}

static void put_totals_key(struct buffer *out, const struct redis_key_prefix *prefix,
                           const struct ranking_question *question)
{
    char name[RANKING_KEY_SIZE];
    if (question->window.kind == RANKING_KIND_ALL) {
        redis_key_put_counters(out, prefix, question->resource_id);
    } else {
        redis_key_put_single(out, prefix, ranking_records_key(name, text_of(question->config->counter_type)));
    }
}

static void put_fields(struct buffer *out, const struct ranking_question *question)
{
    const size_t last_slot = ranking_slot_count(&question->window) - 1;
    char field[RANKING_KEY_SIZE];
    const struct text type = text_of(question->config->counter_type);
    resp_put_string(out, ranking_board_field(field, type, &question->window));
    resp_put_string(out, ranking_top_field(field, type, &question->window, 0));
    resp_put_string(out, ranking_top_field(field, type, &question->window, last_slot));
}

static void put_places(struct buffer *out, const struct ranking_question *question)
{
    if (!ranking_question_is_of_one(question)) {
        resp_put_integer(out, question->offset);
        resp_put_integer(out, question->limit);
        return;
    }
    const bool is_all = question->window.kind == RANKING_KIND_ALL;
    resp_put_integer(out, question->neighbours);
    resp_put_string(out, question->resource_id);
    resp_put_string(out, is_all ? text_of(question->config->counter_type) : question->resource_id);
}

int ranking_read_append(struct buffer *out, const struct redis_key_prefix *prefix, const struct store_call *call)
{
    const struct ranking_question *question = call->ranking->question;
    const bool is_of_one = ranking_question_is_of_one(question);
    const size_t start = out->len;
    resp_put_array(out, is_of_one ? 3 + 5 + 7 : 3 + 4 + 6);
    resp_put_string(out, TEXT("EVAL"));
    resp_put_string(out, (struct text){ranking_read_script, ranking_read_script_len});
    resp_put_integer(out, is_of_one ? 5 : 4);
    redis_key_put_single(out, prefix, RANKING_STATE_KEY);
    redis_key_put_single(out, prefix, outbox_marks);
    put_top_keys(out, prefix, question);
    if (is_of_one) {
        put_totals_key(out, prefix, question);
    }
    put_fields(out, question);
    if (question->has_period) {
        resp_put_integer(out, question->period);
    } else {
        resp_put_string(out, TEXT(""));
    }
    put_places(out, question);
    return resp_end(out, start);
}

/* ---- the reply ---- */

/* Places in the script's answer. */
enum { BOARD, TOP, AT, T, NEXT, APPENDED, NOW, TOP_COUNT, RANK, TOTAL, MEMBERS, PARTS };

/* A number that stands as text; where there is none, it is the one for that. */
static bool take_number(const struct redis_reply *reply, size_t part, int64_t if_none, int64_t *ret_number)
{
    const struct redis_reply element = redis_reply_element(reply, part);
    *ret_number = if_none;
    return element.type == REDIS_NIL || decimal_parse(element.text, ret_number);
}

/* "<id of an entry> <number>" */
static bool take_position(const struct redis_reply *reply, int64_t *ret_number)
{
    struct text text = redis_reply_element(reply, AT).text;
    (void)text_cut(&text, ' ');
    return decimal_parse(text, ret_number);
}

static bool take_state(const struct redis_reply *reply, struct ranking_read *read)
{
    struct ranking_snapshot *snapshot = &read->snapshot;
    snapshot->has_board = redis_reply_element(reply, BOARD).type == REDIS_TEXT;
    snapshot->has_top = redis_reply_element(reply, TOP).type == REDIS_TEXT;
    if (!snapshot->has_board) {
        return true;
    }
    return ranking_board_read(redis_reply_element(reply, BOARD).text, &snapshot->board) &&
           ranking_board_is_sane(&snapshot->board, &read->question->window) &&
           (!snapshot->has_top || ranking_top_read(redis_reply_element(reply, TOP).text, &snapshot->top)) &&
           take_position(reply, &snapshot->counted) && take_number(reply, T, 0, &snapshot->counted_ms) &&
           take_number(reply, NEXT, INT64_MAX, &snapshot->next_ms) &&
           take_number(reply, APPENDED, 0, &snapshot->appended);
}

/* Copies a text, for which there is room in memory: those copied before do not move. */
static struct text keep(struct ranking_read *read, struct text text)
{
    char *const at = read->memory.data + read->memory.len;
    buffer_append_text(&read->memory, text);
    return (struct text){at, text.len};
}

/* Room for the texts, and for a place for each member. */
static bool make_room(struct ranking_read *read, const struct redis_reply *members, struct text total)
{
    size_t bytes = total.len + 1;
    for (size_t i = 0; i < members->element_count; i += 2) {
        bytes += redis_reply_element(members, i).text.len;
    }
    read->members = calloc(members->element_count / 2 + 1, sizeof(*read->members));
    return read->members != NULL && buffer_reserve(&read->memory, bytes) == 0;
}

static enum status take_members(struct ranking_read *read, const struct redis_reply *members, struct text total)
{
    const size_t count = members->element_count / 2;
    if (!make_room(read, members, total)) {
        return STATUS_OUT_OF_MEMORY;
    }
    read->snapshot.total = keep(read, total);
    for (size_t i = 0; i < count; i++) {
        const struct text resource_id = redis_reply_element(members, 2 * i).text;
        double set_score;
        if (resource_id.len > RESOURCE_ID_LEN_MAX ||
            !ranking_score_read(redis_reply_element(members, 2 * i + 1).text, &set_score)) {
            return STATUS_DATA_DAMAGED;
        }
        read->members[i] = (struct ranking_entry){-set_score, keep(read, resource_id)};
    }
    read->snapshot.members = (struct ranking_list){read->members, count};
    return STATUS_OK;
}

static enum status read_parts(const struct redis_reply *reply, struct ranking_read *read)
{
    struct ranking_snapshot *snapshot = &read->snapshot;
    const struct redis_reply members = redis_reply_element(reply, MEMBERS);
    if (members.type != REDIS_ARRAY || members.element_count > 2 * members_max(read->question)) {
        return STATUS_REDIS_DOWN;
    }
    if (!take_state(reply, read)) {
        return STATUS_DATA_DAMAGED;
    }
    snapshot->now_ms = redis_reply_element(reply, NOW).integer;
    snapshot->top_count = redis_reply_element(reply, TOP_COUNT).integer;
    snapshot->rank = redis_reply_element(reply, RANK).integer;
    return take_members(read, &members, redis_reply_element(reply, TOTAL).text);
}

/* A key of another type stops the script, in Redis's words for it. */
static enum status status_of_error(struct text error, const char **ret_detail)
{
    const struct redis_refusal refusal = redis_error_of_read(error);
    *ret_detail = refusal.status == STATUS_DATA_DAMAGED ? damaged : refusal.detail;
    return refusal.status;
}

void ranking_read_reply(const struct redis_reply *reply, struct store_call *call)
{
    if (reply->type == REDIS_ERROR) {
        call->status = status_of_error(reply->text, &call->detail);
        return;
    }
    call->status = STATUS_REDIS_DOWN;
    if (reply->type == REDIS_ARRAY && reply->element_count == PARTS) {
        call->status = read_parts(reply, call->ranking);
    }
    switch (call->status) {
    case STATUS_OK:
        call->detail = NULL;
        return;
    case STATUS_DATA_DAMAGED:
        call->detail = damaged;
        return;
    case STATUS_OUT_OF_MEMORY:
        call->detail = "The service is out of memory";
        return;
    default:
        call->detail = not_understood;
        return;
    }
}
