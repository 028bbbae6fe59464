#include "counter-service/topology/redis_alone.h"

#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/topology/redis_redirect.h"

void redis_alone_put(struct buffer *requests)
{
    redis_command_words(requests, TEXT("EVAL"), TEXT("#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])"),
                        TEXT("2"), redis_meta_key, redis_store_id_key);
}

bool redis_alone_is_denied(const struct redis_reply *reply)
{
    return reply->type == REDIS_ERROR && (text_starts_with(reply->text, TEXT("CROSSSLOT")) ||
                                          redis_redirect_read(reply->text).kind != REDIS_REDIRECT_NONE);
}
