#include "counter-service/redis/redis_script.h"

#include <string.h>

#include "common/base/buffer.h"
#include "counter-service/redis/redis_command.h"

static int load(struct redis_conn *conn, const struct buffer *request, int timeout_ms, char *ret_sha,
                struct error *error)
{
    struct redis_reply reply;
    if (redis_command_begin(conn, request, timeout_ms, error) != 0 ||
        redis_command_expect(conn, "SCRIPT LOAD", &reply, error) != 0) {
        return -1;
    }
    if (reply.text.len != REDIS_SCRIPT_SHA_LEN) {
        error_set(error, "Redis's answer to SCRIPT LOAD was not understood");
        return -1;
    }
    memcpy(ret_sha, reply.text.data, REDIS_SCRIPT_SHA_LEN);
    return 0;
}

int redis_script_load(struct redis_conn *conn, struct text script, int timeout_ms, char ret_sha[REDIS_SCRIPT_SHA_LEN],
                      struct error *error)
{
    struct buffer request;
    buffer_init(&request);
    redis_command_words(&request, TEXT("SCRIPT"), TEXT("LOAD"), script);
    const int result = load(conn, &request, timeout_ms, ret_sha, error);
    buffer_done(&request);
    return result;
}
