#include "counter-service/board/ranking_fed.h"

#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

void ranking_fed_print(struct buffer *out, const struct ranking_state *state)
{
    char name[RANKING_KEY_SIZE];
    RANKED_EACH (state, ranked) {
        buffer_append_text(out, ranking_fed_name(name, ranked->counter_type, &ranked->window));
    }
}

static void compare(const struct ranking_state *state, struct text fed, struct error *ret_difference)
{
    struct buffer own;
    buffer_init(&own);
    ranking_fed_print(&own, state);
    if (!own.failed && fed.len > 0 && !text_equal(fed, (struct text){own.data, own.len})) {
        error_set(ret_difference, "the instance that keeps the rankings keeps%.*sand this one is configured for%.*s",
                  (int)fed.len, fed.data, (int)own.len, own.data);
    }
    buffer_done(&own);
}

int ranking_fed_compare(const struct ranking_state *state, const struct outbox_conn *conn, struct error *ret_difference,
                        struct error *error)
{
    struct buffer request;
    struct redis_reply reply;
    buffer_init(&request);
    resp_put_array(&request, 3);
    resp_put_string(&request, TEXT("HGET"));
    redis_key_put_single(&request, &state->prefix, RANKING_STATE_KEY);
    resp_put_string(&request, RANKING_FIELD_FED);
    int result = redis_command_begin(conn->redis, &request, conn->timeout_ms, error);
    if (result == 0) {
        result = redis_command_expect(conn->redis, "HGET", &reply, error);
    }
    if (result == 0) {
        ret_difference->message[0] = '\0';
        compare(state, reply.text, ret_difference);
    }
    buffer_done(&request);
    return result;
}
