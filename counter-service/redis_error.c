#include "counter-service/redis_error.h"

#include <stddef.h>

const char redis_not_a_counter[] = "what Redis holds under the counter is not a counter";

static const struct {
    struct text word;
    struct redis_refusal refusal;
} refusals[] = {
    {TEXT("NOSCRIPT"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis does not know the write script", .unknown_script = true}},
    {TEXT("OOM"), {.status = STATUS_REDIS_DOWN, .detail = "Redis is out of memory"}},
    {TEXT("READONLY"),
     {.status = STATUS_REDIS_DOWN, .detail = "Redis is a read-only replica", .closes_connection = true}},
    {TEXT("MISCONF"), {.status = STATUS_REDIS_DOWN, .detail = "Redis cannot save its data and refuses writes"}},
    {TEXT("LOADING"), {.status = STATUS_REDIS_DOWN, .detail = "Redis is loading its data"}},
    {TEXT("BUSY"), {.status = STATUS_REDIS_DOWN, .detail = "Redis is busy with another script"}},
    {TEXT("NOREPLICAS"), {.status = STATUS_REDIS_DOWN, .detail = "Redis has too few replicas and refuses writes"}},
    {TEXT("MASTERDOWN"), {.status = STATUS_REDIS_DOWN, .detail = "Redis is a replica without its master"}},
    {TEXT("NOAUTH"), {.status = STATUS_REDIS_DOWN, .detail = "Redis wants a password"}},
    {TEXT("NOPERM"), {.status = STATUS_REDIS_DOWN, .detail = "Redis does not permit the command"}},
};

static const struct redis_refusal wrong_type = {.status = STATUS_DATA_DAMAGED, .detail = redis_not_a_counter};
static const struct redis_refusal write_unknown = {.status = STATUS_REPLY_LOST,
                                                   .detail = "Redis answered the write with an error"};
static const struct redis_refusal read_failed = {.status = STATUS_REDIS_DOWN,
                                                 .detail = "Redis answered the read with an error"};

static bool contains(struct text text, struct text piece)
{
    return memmem(text.data, text.len, piece.data, piece.len) != NULL;
}

static struct text first_word(struct text text)
{
    size_t len = 0;
    while (len < text.len && text.data[len] != ' ') {
        len++;
    }
    return (struct text){text.data, len};
}

static const struct redis_refusal *find(struct text word)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (text_equal(refusals[i].word, word)) {
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
    const struct redis_refusal *refusal = find(first_word(error));
    return refusal != NULL ? *refusal : write_unknown;
}

struct redis_refusal redis_error_of_read(struct text error)
{
    struct text word = first_word(error);
    if (text_equal(word, TEXT("WRONGTYPE"))) {
        return wrong_type;
    }
    const struct redis_refusal *refusal = find(word);
    return refusal != NULL ? *refusal : read_failed;
}
