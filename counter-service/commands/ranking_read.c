#include "counter-service/commands/ranking_read.h"

#include <assert.h>

#include "common/base/decimal.h"
#include "counter-service/ranking/ranking_part.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/resp.h"

static const char not_understood[] = "Redis's answer about a ranking was not understood";
static const char damaged[] = "what Redis holds of the ranking is damaged";

void ranking_read_init(struct ranking_read *read, const struct ranking_question *question, struct ranking_wanted wanted)
{
    assert(!wanted.total || ranking_question_is_of_one(question));
    *read = (struct ranking_read){.question = question, .wanted = wanted};
    buffer_init(&read->total);
}

void ranking_read_done(struct ranking_read *read)
{
    ranking_snapshot_release(read->snapshot);
    read->snapshot = NULL;
    buffer_done(&read->total);
}

/* ---- the request ---- */

static struct text type_of(const struct ranking_question *question)
{
    return text_of(question->config->counter_type);
}

static void put_top_keys(struct buffer *out, const struct redis_key_prefix *prefix,
                         const struct ranking_question *question)
{
    const size_t last_slot = ranking_slot_count(&question->window) - 1;
    char name[RANKING_KEY_SIZE];
    const struct text type = type_of(question);
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
        redis_key_put_single(out, prefix, ranking_records_key(name, type_of(question)));
    }
}

static void put_fields(struct buffer *out, const struct ranking_question *question)
{
    const size_t last_slot = ranking_slot_count(&question->window) - 1;
    char field[RANKING_KEY_SIZE];
    const struct text type = type_of(question);
    resp_put_string(out, ranking_board_field(field, type, &question->window));
    resp_put_string(out, ranking_top_field(field, type, &question->window, 0));
    resp_put_string(out, ranking_top_field(field, type, &question->window, last_slot));
}

static void put_period(struct buffer *out, const struct ranking_question *question)
{
    if (question->has_period) {
        resp_put_integer(out, question->period);
    } else {
        resp_put_string(out, TEXT(""));
    }
}

static void put_total_field(struct buffer *out, const struct ranking_question *question)
{
    resp_put_string(out, question->window.kind == RANKING_KIND_ALL ? type_of(question) : question->resource_id);
}

int ranking_read_append(struct buffer *out, const struct redis_key_prefix *prefix, const struct store_call *call)
{
    const struct ranking_question *question = call->ranking->question;
    const struct ranking_wanted wanted = call->ranking->wanted;
    const size_t start = out->len;
    resp_put_array(out, wanted.total ? 3 + 5 + 6 : 3 + 4 + 5);
    resp_put_string(out, TEXT("EVAL"));
    resp_put_string(out, (struct text){ranking_read_script, ranking_read_script_len});
    resp_put_integer(out, wanted.total ? 5 : 4);
    redis_key_put_single(out, prefix, RANKING_STATE_KEY);
    redis_key_put_single(out, prefix, outbox_marks);
    put_top_keys(out, prefix, question);
    if (wanted.total) {
        put_totals_key(out, prefix, question);
    }
    put_fields(out, question);
    put_period(out, question);
    resp_put_integer(out, wanted.order);
    if (wanted.total) {
        put_total_field(out, question);
    }
    return resp_end(out, start);
}

/* ---- the reply ---- */

/* Places in the script's answer. */
enum { BOARD, TOP, AT, T, NEXT, FED, PART, APPENDED, NOW, PLACES, TOTAL, PARTS };

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

/* A window that the leader does not keep up is as if nobody had begun to count it. */
static bool is_counted(const struct redis_reply *reply, const struct ranking_question *question)
{
    return redis_reply_element(reply, BOARD).type == REDIS_TEXT &&
           ranking_fed_has_window(redis_reply_element(reply, FED).text, type_of(question), &question->window);
}

static bool take_state(const struct redis_reply *reply, const struct ranking_question *question,
                       struct ranking_snapshot *snapshot)
{
    snapshot->now_ms = redis_reply_element(reply, NOW).integer;
    snapshot->has_board = is_counted(reply, question);
    if (!snapshot->has_board) {
        return true;
    }
    snapshot->has_top = redis_reply_element(reply, TOP).type == REDIS_TEXT;
    return ranking_board_read(redis_reply_element(reply, BOARD).text, &snapshot->board) &&
           ranking_board_is_sane(&snapshot->board, &question->window) &&
           (!snapshot->has_top || ranking_top_read(redis_reply_element(reply, TOP).text, &snapshot->top)) &&
           take_position(reply, &snapshot->counted) && take_number(reply, T, 0, &snapshot->counted_ms) &&
           take_number(reply, NEXT, INT64_MAX, &snapshot->next_ms) &&
           take_number(reply, APPENDED, 0, &snapshot->appended);
}

/* The resource's record may have events that the top does not have yet. */
static bool take_part(const struct redis_reply *reply, const struct ranking_question *question,
                      struct ranking_snapshot *snapshot)
{
    struct ranking_part part;
    if (!ranking_part_read(redis_reply_element(reply, PART).text, &part)) {
        return false;
    }
    const bool is_ahead = question->window.kind != RANKING_KIND_ALL && ranking_part_has(&part, question->resource_id);
    snapshot->total_counted = is_ahead ? part.last_number : snapshot->counted;
    snapshot->total_counted_ms = is_ahead && part.last_ms > snapshot->counted_ms ? part.last_ms : snapshot->counted_ms;
    return true;
}

static enum status take_places(const struct redis_reply *reply, bool wants_order, struct ranking_snapshot *snapshot)
{
    const struct redis_reply places = redis_reply_element(reply, PLACES);
    if (!snapshot->has_top) {
        return STATUS_OK;
    }
    if (wants_order) {
        return ranking_snapshot_read_places(snapshot, places.text);
    }
    snapshot->is_whole = places.integer == snapshot->top.length;
    return STATUS_OK;
}

static enum status read_parts(const struct redis_reply *reply, struct ranking_read *read)
{
    assert(read->snapshot == NULL && read->total.len == 0);
    read->snapshot = ranking_snapshot_create();
    buffer_append_text(&read->total, redis_reply_element(reply, TOTAL).text);
    if (read->snapshot == NULL || read->total.failed) {
        return STATUS_OUT_OF_MEMORY;
    }
    if (!take_state(reply, read->question, read->snapshot) ||
        (read->wanted.total && !take_part(reply, read->question, read->snapshot))) {
        return STATUS_DATA_DAMAGED;
    }
    return take_places(reply, read->wanted.order, read->snapshot);
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
