#include "counter-service/redis/redis_error.h"

#include <stddef.h>

const char redis_not_a_counter[] = "what Redis holds under the counter is not a counter";

/* start: the words that an error's text begins with. */
static const struct {
    struct text start;
    struct redis_refusal refusal;
} refusals[] = {
    {TEXT("NOSCRIPT"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis does not know the write script", .unknown_script = true}},
    {TEXT("OOM"), {.status = STATUS_WRITES_REFUSED, .detail = "Redis is out of memory", .out_of_memory = true}},
    {TEXT("READONLY"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis is a read-only replica", .closes_connection = true}},
    {TEXT("MISCONF"), {.status = STATUS_WRITES_REFUSED, .detail = "Redis cannot save its data and refuses writes"}},
    {TEXT("LOADING"), {.status = STATUS_REDIS_DOWN, .detail = "Redis is loading its data"}},
    {TEXT("BUSY"), {.status = STATUS_REDIS_DOWN, .detail = "Redis is busy with another script"}},
    {TEXT("NOREPLICAS"), {.status = STATUS_WRITES_REFUSED, .detail = "Redis has too few replicas and refuses writes"}},
    {TEXT("MASTERDOWN"), {.status = STATUS_REDIS_DOWN, .detail = "Redis is a replica without its master"}},
    {TEXT("NOAUTH"), {.status = STATUS_REDIS_DOWN, .detail = "Redis wants a password", .closes_connection = true}},
    {TEXT("NOPERM"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis does not permit a command", .closes_connection = true}},
    {TEXT("ERR The user executing the script can't run this command or subcommand"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis does not permit a command", .closes_connection = true}},
    {TEXT("ERR unknown command"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis does not know a command", .closes_connection = true}},
    {TEXT("ERR Unknown Redis command called from script"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis does not know a command", .closes_connection = true}},
    {TEXT("MOVED"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis is a cluster node without these keys", .closes_connection = true}},
    {TEXT("ASK"), {.status = STATUS_REDIS_DOWN, .detail = "Redis Cluster is moving these keys"}},
    {TEXT("TRYAGAIN"), {.status = STATUS_REDIS_DOWN, .detail = "Redis Cluster is moving these keys"}},
    {TEXT("CLUSTERDOWN"), {.status = STATUS_REDIS_DOWN, .detail = "Redis Cluster is down", .closes_connection = true}},
    {TEXT("CROSSSLOT"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis Cluster keeps these keys apart", .closes_connection = true}},
};

static const struct redis_refusal wrong_type = {.status = STATUS_DATA_DAMAGED, .detail = redis_not_a_counter};
static const struct redis_refusal write_unknown = {.status = STATUS_REPLY_LOST,
                                                   .detail = "Redis answered the write with an error"};
static const struct redis_refusal item_refused = {.status = STATUS_REDIS_DOWN, .detail = "Redis refused the increment"};
static const struct redis_refusal read_failed = {.status = STATUS_REDIS_DOWN,
                                                 .detail = "Redis answered the read with an error"};

static bool contains(struct text text, struct text piece)
{
    return memmem(text.data, text.len, piece.data, piece.len) != NULL;
}

static bool has_first_words(struct text text, struct text words)
{
    return text_starts_with(text, words) && (text.len == words.len || text.data[words.len] == ' ');
}

static const struct redis_refusal *find(struct text error)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (has_first_words(error, refusals[i].start)) {
            return &refusals[i].refusal;
        }
    }
    return NULL;
}

struct redis_refusal redis_error_of_write(struct text error)
{
    if (contains(error, TEXT(" script: "))) {
        return write_unknown;
    }
    const struct redis_refusal *refusal = find(error);
    return refusal != NULL ? *refusal : write_unknown;
}

bool redis_error_refuses_writes(struct text error)
{
    const struct redis_refusal *refusal = find(error);
    return refusal != NULL && refusal->status == STATUS_WRITES_REFUSED;
}

struct redis_refusal redis_error_of_refused_item(struct text error)
{
    const struct redis_refusal *refusal = find(error);
    return refusal != NULL ? *refusal : item_refused;
}

struct redis_refusal redis_error_of_read(struct text error)
{
    if (has_first_words(error, TEXT("WRONGTYPE"))) {
        return wrong_type;
    }
    const struct redis_refusal *refusal = find(error);
    return refusal != NULL ? *refusal : read_failed;
}

bool redis_error_refuses_command(struct text error)
{
    return has_first_words(error, TEXT("NOPERM")) || has_first_words(error, TEXT("ERR"));
}
