#include "counter-service/commands/outbox_relieve.h"

#include "counter-service/redis/resp.h"

int outbox_relieve_append(struct buffer *out, const struct write_settings *settings)
{
    const size_t start = out->len;
    resp_put_array(out, 5);
    resp_put_string(out, TEXT("EVAL"));
    resp_put_string(out, (struct text){outbox_relieve, outbox_relieve_len});
    resp_put_integer(out, 2);
    redis_key_put_single(out, &settings->prefix, settings->outbox.stream);
    redis_key_put_single(out, &settings->prefix, settings->outbox.marks);
    return resp_end(out, start);
}
