#include "counter-service/write_reply.h"

#include "common/limits.h"
#include "counter-service/decimal.h"
#include "counter-service/redis_clock.h"
#include "counter-service/redis_error.h"

/* A sentence below says this number. */
_Static_assert(COUNTER_TYPES_MAX == 1000, "change the sentence too");

static const char not_understood[] = "Redis's answer to a write was not understood";

/* Cuts the piece before the next blank off *rest, and the blank. */
static struct text next_word(struct text *rest)
{
    if (rest->len == 0) {
        return (struct text){"", 0};
    }
    const char *blank = memchr(rest->data, ' ', rest->len);
    size_t len = blank != NULL ? (size_t)(blank - rest->data) : rest->len;
    struct text word = {rest->data, len};
    size_t cut = blank != NULL ? len + 1 : len;
    *rest = (struct text){rest->data + cut, rest->len - cut};
    return word;
}

struct refusal {
    enum status status;
    const char *detail;
};

static bool parse_refusal(char letter, struct refusal *ret_refusal)
{
    switch (letter) {
    case 'O':
        *ret_refusal = (struct refusal){STATUS_OVERFLOW, "the increment would overflow the counter's 64 bits"};
        return true;
    case 'K':
        *ret_refusal = (struct refusal){STATUS_KEY_REUSED, "idempotency_key was used for another increment"};
        return true;
    case 'T':
        *ret_refusal = (struct refusal){STATUS_TOO_MANY_COUNTER_TYPES, "the resource already has 1000 counter types"};
        return true;
    case 'D':
        *ret_refusal = (struct refusal){STATUS_DATA_DAMAGED, redis_not_a_counter};
        return true;
    case 'U':
        *ret_refusal = (struct refusal){STATUS_REPLY_LOST, "the increment was applied but its value could not be read"};
        return true;
    default:
        return false;
    }
}

/* False if the token is none of the script's. */
static bool parse_token(struct text token, struct store_item *item)
{
    struct refusal refusal;
    if (token.len == 1 && parse_refusal(token.data[0], &refusal)) {
        item->status = refusal.status;
        item->detail = refusal.detail;
        return true;
    }
    bool replayed = token.len > 0 && token.data[0] == 'r';
    struct text digits = replayed ? (struct text){token.data + 1, token.len - 1} : token;
    if (!decimal_parse(digits, &item->value)) {
        if (!replayed) {
            return false;
        }
        /* An idempotency record whose value is none. Nothing was added now. */
        item->status = STATUS_DATA_DAMAGED;
        item->detail = "the record of idempotency_key in Redis is damaged";
        return true;
    }
    item->replayed = replayed;
    return true;
}

/* One token for each item that was sent, and nothing after them. */
static bool parse_tokens(struct text rest, struct store_item *items, size_t item_count, struct write_reply *reply)
{
    for (size_t i = 0; i < item_count; i++) {
        if (items[i].status != STATUS_OK) {
            continue;
        }
        if (!parse_token(next_word(&rest), &items[i])) {
            return false;
        }
        if (items[i].status == STATUS_OK) {
            reply->applied += !items[i].replayed;
            reply->replayed += items[i].replayed;
        }
    }
    return rest.len == 0;
}

struct write_reply write_reply_parse(struct text text, struct store_item *items, size_t item_count)
{
    const struct write_reply lost = {.status = STATUS_REPLY_LOST, .detail = not_understood};
    if (text.len == 0) {
        return lost;
    }
    char kind = text.data[0];
    struct text rest = {text.data + 1, text.len - 1};
    struct text seconds = next_word(&rest);
    struct text microseconds = next_word(&rest);
    struct write_reply reply = {.status = STATUS_OK};
    if (!redis_time_parse(seconds, microseconds, &reply.redis_time_us)) {
        return lost;
    }
    switch (kind) {
    case 'A':
        return parse_tokens(rest, items, item_count, &reply) ? reply : lost;
    case 'S':
        if (!parse_tokens(rest, items, item_count, &reply)) {
            return lost;
        }
        reply.replayed += reply.applied;
        reply.applied = 0;
        return reply;
    case 'E':
        reply.status = STATUS_EXPIRED;
        return reply;
    case 'M':
        reply.status = STATUS_KEY_REUSED;
        reply.detail = "batch_id was used for other items";
        return reply;
    default:
        return lost;
    }
}
