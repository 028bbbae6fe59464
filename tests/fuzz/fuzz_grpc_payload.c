/* What a gRPC client sends as a request message. The first byte says to which method (255: reflection; 254 and 253:
 * TopCounters and RankOf; otherwise tally.v1.CounterService in the order of enum counter_method), the rest is the
 * message. Unpacked and validated; then answered as if the store had done what was asked. */
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/contract/counter_rules.h"
#include "common/contract/limits.h"
#include "counter-service/api/counter_reply.h"
#include "counter-service/api/counter_request.h"
#include "counter-service/api/ranking_reply.h"
#include "counter-service/api/ranking_request.h"
#include "counter-service/reflection/descriptor_set.h"
#include "counter-service/reflection/reflection_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REFLECTION = 255, TOP_COUNTERS = 254, RANK_OF = 253 };

static const uint8_t new_session[SESSION_LEN];

static void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

static void check_item(enum counter_method method, const struct store_item *item)
{
    require(item->status == STATUS_OK, "an item for the store broke no rule");
    require(counter_rules_resource_id(item->resource_id) == NULL, "a good item has a resource_id");
    if (method != COUNTER_LIST_COUNTERS) {
        require(counter_rules_counter_type(item->counter_type) == NULL, "a good item has a counter_type");
    }
    if (method == COUNTER_INCREMENT || method == COUNTER_BATCH_INCREMENT || method == COUNTER_SESSION_INCREMENT) {
        require(item->delta != 0, "a good increment has a delta");
        require(item->user_id.len <= USER_ID_LEN_MAX, "a good increment has a short user_id");
        require(item->idempotency_key.len <= IDEMPOTENCY_KEY_LEN_MAX, "a good increment has a short key");
    }
}

static void check_counter_call(enum counter_method method, grpc_byte_buffer *payload, struct arena *arena)
{
    struct counter_request request;
    const char *detail = NULL;
    const enum status status = counter_request_read(method, payload, arena, &request, &detail);
    if (status != STATUS_OK) {
        require((status == STATUS_INVALID_ARGUMENT || status == STATUS_NO_SERVICE) && detail != NULL,
                "a refusal says why");
        return;
    }
    struct store_call *call = &request.call;
    if (call->operation == STORE_OPEN_SESSION || call->operation == STORE_KEEP_SESSION) {
        require(call->item_count == 0, "a call about a session has no items");
        call->session.id = call->session.id != NULL ? call->session.id : new_session;
    } else {
        require(request.asked_count >= 1 && request.asked_count <= BATCH_ITEMS_MAX, "a call asks for 1-1000 items");
        require(call->item_count + request.refused_count == request.asked_count, "an item is good or refused");
    }
    for (size_t i = 0; i < call->item_count; i++) {
        check_item(method, &call->items[i]);
    }
    require(call->session.lane < SESSION_LANES && call->session.sequence >= 0, "a place in a session is one");
    grpc_byte_buffer *reply = counter_reply_make(method, &request, arena);
    require(reply != NULL, "a reply is made");
    grpc_byte_buffer_destroy(reply);
}

static void check_question(const struct ranking_question *question, enum ranking_method method)
{
    char key[RANKING_QUESTION_KEY_SIZE];
    require(ranking_question_key(question, key).len < sizeof(key), "a question's key has room");
    if (method == RANKING_TOP_COUNTERS) {
        require(question->limit >= 1 && question->limit <= RANKING_LIMIT_MAX, "a page has 1-1000 places");
        require(question->offset >= 0 && question->offset <= RANKING_OFFSET_MAX, "a page begins at 0-100000");
    } else {
        require(counter_rules_resource_id(question->resource_id) == NULL, "a good question has a resource_id");
        require(question->neighbours >= 0 && question->neighbours <= RANKING_NEIGHBOURS_MAX, "neighbours are 0-100");
    }
}

static void check_ranking_call(enum ranking_method method, grpc_byte_buffer *payload, struct arena *arena)
{
    static char like[] = "like";
    static struct ranking_config ranking = {
        .counter_type = like,
        .calendar = {true, true, true, true, true},
        .rolling = {{.name = "24h", .length_ms = 86400000}},
        .rolling_count = 1,
        .keep = 1000,
    };
    static const struct config config = {.rankings = &ranking, .ranking_count = 1};
    const struct ranking_entry member = {-3, TEXT("post-17")};
    struct ranking_question question;
    struct ranking_answer answer;
    struct error error = {""};
    enum status status = ranking_request_read(method, &config, payload, arena, &question, &error);
    if (status == STATUS_OK) {
        check_question(&question, method);
        const struct ranking_snapshot snapshot = {.has_board = true,
                                                  .board.period = question.period,
                                                  .has_top = true,
                                                  .order = {.entries = &member, .count = 1}};
        status = ranking_answer_make(&question, &snapshot, TEXT(""), &answer, &error);
        require(status == STATUS_OK, "a period that is kept is answered");
        grpc_byte_buffer *reply = ranking_reply_make(method, &answer, (struct ranking_age){1, 2}, arena);
        require(reply != NULL, "a reply is made");
        grpc_byte_buffer_destroy(reply);
        return;
    }
    require(status == STATUS_INVALID_ARGUMENT || status == STATUS_NO_SUCH_RANKING, "a refusal is one of these");
    for (const char *at = error.message; *at != '\0'; at++) {
        require(*at >= 0x20 && *at < 0x7F, "a sentence is printable ASCII");
    }
    require(error.message[0] != '\0', "a refusal says why");
}

static void check_reflection(grpc_byte_buffer *payload, struct arena *arena)
{
    struct proto_index *index =
        proto_index_create((struct text){(const char *)descriptor_set, descriptor_set_len}, NULL);
    require(index != NULL, "the own descriptors are fine");
    grpc_byte_buffer_destroy(reflection_answer(index, payload, arena));
    proto_index_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    /* Memory of exactly this size: a read behind it is seen. */
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)data + 1, size - 1);
    grpc_byte_buffer *payload = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    struct arena arena;
    arena_init(&arena);
    if (data[0] == REFLECTION) {
        check_reflection(payload, &arena);
    } else if (data[0] == TOP_COUNTERS || data[0] == RANK_OF) {
        check_ranking_call(data[0] == RANK_OF ? RANKING_RANK_OF : RANKING_TOP_COUNTERS, payload, &arena);
    } else {
        check_counter_call((enum counter_method)(data[0] % COUNTER_METHODS), payload, &arena);
    }
    arena_done(&arena);
    grpc_byte_buffer_destroy(payload);
    return 0;
}
