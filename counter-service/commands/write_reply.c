#include "counter-service/commands/write_reply.h"

#include "common/base/decimal.h"
#include "common/contract/limits.h"
#include "counter-service/redis/redis_error.h"

/* A sentence below says this number. */
_Static_assert(COUNTER_TYPES_MAX == 1000, "change the sentence too");

static const char not_understood[] = "Redis's answer to a write was not understood";

static const char outbox_full[] = "the outbox of events is full, and events.when_full is refuse";

struct refusal {
    enum status status;
    const char *detail;
};

/* refused: what 'X' means here. */
static bool parse_refusal(char letter, struct refusal refused, struct refusal *ret_refusal)
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
    case 'X':
        *ret_refusal = refused;
        return true;
    case 'U':
        *ret_refusal = (struct refusal){STATUS_REPLY_LOST, "the increment was applied but its value could not be read"};
        return true;
    case 'W':
        *ret_refusal =
            (struct refusal){STATUS_REPLY_LOST, "the increment was applied but its idempotency_key could not be kept"};
        return true;
    default:
        return false;
    }
}

/* False if the token is none of the script's. */
static bool parse_token(struct text token, struct refusal refused, struct store_item *item)
{
    struct refusal refusal;
    const bool is_letter = token.len == 1 || (token.len > 1 && token.data[0] == 'W');
    if (is_letter && parse_refusal(token.data[0], refused, &refusal)) {
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

/* One token for each item, and nothing after them. */
static bool parse_tokens(struct text rest, struct refusal refused, struct store_item *items, size_t item_count,
                         struct write_reply *reply)
{
    if (rest.len == 0 || rest.data[0] != ' ') {
        return false;
    }
    rest = (struct text){rest.data + 1, rest.len - 1};
    for (size_t i = 0; i < item_count; i++) {
        if (!parse_token(text_cut(&rest, ' '), refused, &items[i])) {
            return false;
        }
        items[i].is_decided = true;
        if (items[i].status == STATUS_OK) {
            reply->applied += !items[i].replayed;
            reply->replayed += items[i].replayed;
        }
    }
    return rest.len == 0;
}

/* What may stand between the letter and the first blank. */
static int64_t cut_dropped(struct text *rest)
{
    int64_t number = 0;
    if (rest->len > 0 && rest->data[0] == '-') {
        const char *blank = memchr(rest->data, ' ', rest->len);
        const size_t len = blank != NULL ? (size_t)(blank - rest->data) : rest->len;
        if (decimal_parse((struct text){rest->data + 1, len - 1}, &number)) {
            *rest = (struct text){rest->data + len, rest->len - len};
        }
    }
    return number;
}

/* The call's items were answered one by one: A or S. */
static struct write_reply read_results(char letter, struct text rest, struct store_item *items, size_t item_count)
{
    struct write_reply reply = {.status = STATUS_OK};
    reply.events_dropped = cut_dropped(&rest);
    const struct text tokens = text_cut(&rest, '\n');
    reply.trouble = rest;
    const struct redis_refusal cause = redis_error_of_refused_item(reply.trouble);
    const struct refusal refused = {cause.status, cause.detail};
    reply.closes_connection = reply.trouble.len > 0 && cause.closes_connection;
    if (!parse_tokens(tokens, refused, items, item_count, &reply)) {
        return (struct write_reply){.status = STATUS_REPLY_LOST, .detail = not_understood, .trouble = tokens};
    }
    if (letter == 'S') {
        reply.replayed += reply.applied;
        reply.applied = 0;
    }
    return reply;
}

static struct write_reply refused_whole(struct text words)
{
    const struct redis_refusal cause = redis_error_of_refused_item(words);
    return (struct write_reply){
        .status = cause.status, .detail = cause.detail, .trouble = words, .closes_connection = cause.closes_connection};
}

struct write_reply write_reply_parse(struct text text, struct store_item *items, size_t item_count)
{
    const char letter = text.len > 0 ? text.data[0] : '\0';
    const struct text rest = {text.data + 1, text.len > 0 ? text.len - 1 : 0};
    switch (letter) {
    case 'A':
    case 'S':
        return read_results(letter, rest, items, item_count);
    case 'N':
        return (struct write_reply){.status = STATUS_NO_SESSION};
    case 'C':
        return (struct write_reply){.status = STATUS_NO_SESSION,
                                    .detail = "sequence is lower than that of the lane's last call"};
    case 'M':
        return (struct write_reply){.status = STATUS_KEY_REUSED, .detail = "sequence was used for other items"};
    case 'F':
        return (struct write_reply){.status = STATUS_WRITES_REFUSED, .detail = outbox_full, .outbox_full = true};
    case 'X':
        return refused_whole(rest);
    case 'L':
        return (struct write_reply){.status = STATUS_REPLY_LOST,
                                    .detail = "the increments were applied but their results could not be kept",
                                    .trouble = rest};
    default:
        return (struct write_reply){.status = STATUS_REPLY_LOST, .detail = not_understood, .trouble = text};
    }
}
