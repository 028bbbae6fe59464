#include "counter-service/redis_error.h"

#include <stddef.h>

const char redis_not_a_counter[] = "what Redis holds under the counter is not a counter";

static const struct {
    struct text word;
    struct redis_refusal refusal;
} refusals[] = {
    {TEXT("NOSCRIPT"), {STATUS_REDIS_DOWN, "Redis does not know the write script", .unknown_script = true}},
    {TEXT("OOM"), {STATUS_REDIS_DOWN, "Redis is out of memory", false, false}},
    {TEXT("READONLY"), {STATUS_REDIS_DOWN, "Redis is a read-only replica", .closes_connection = true}},
    {TEXT("MISCONF"), {STATUS_REDIS_DOWN, "Redis cannot save its data and refuses writes", false, false}},
    {TEXT("LOADING"), {STATUS_REDIS_DOWN, "Redis is loading its data", false, false}},
    {TEXT("BUSY"), {STATUS_REDIS_DOWN, "Redis is busy with another script", false, false}},
    {TEXT("NOREPLICAS"), {STATUS_REDIS_DOWN, "Redis has too few replicas and refuses writes", false, false}},
    {TEXT("MASTERDOWN"), {STATUS_REDIS_DOWN, "Redis is a replica without its master", false, false}},
    {TEXT("NOAUTH"), {STATUS_REDIS_DOWN, "Redis wants a password", false, false}},
    {TEXT("NOPERM"), {STATUS_REDIS_DOWN, "Redis does not permit the command", false, false}},
};

static const struct redis_refusal wrong_type = {STATUS_DATA_DAMAGED, redis_not_a_counter, false, false};
static const struct redis_refusal write_unknown = {STATUS_REPLY_LOST, "Redis answered the write with an error", false,
                                                   false};
static const struct redis_refusal read_failed = {STATUS_REDIS_DOWN, "Redis answered the read with an error", false,
                                                 false};

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
