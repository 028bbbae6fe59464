/* What Redis answers: the write script's string, error texts, INFO. The first byte says how many items the batch had
 * (each third of them failed validation and was not sent), the rest is the answer. Whatever it is, the results are
 * consistent. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/commands/write_reply.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS_MAX = 8 };

static void check_items(const struct store_item *items, size_t count, struct write_reply reply)
{
    size_t values = 0;
    for (size_t i = 0; i < count; i++) {
        assert(items[i].status < STATUS_COUNT);
        assert(items[i].status == STATUS_OK || items[i].detail != NULL);
        values += items[i].status == STATUS_OK;
    }
    assert(reply.applied + reply.replayed == values);
}

static void check_reply(struct text text, size_t count)
{
    struct store_item items[ITEMS_MAX];
    memset(items, 0, sizeof(items));
    const struct write_reply reply = write_reply_parse(text, items, count);
    switch (reply.status) {
    case STATUS_OK:
        assert(text.data[0] == 'A' || text.data[0] == 'S');
        check_items(items, count, reply);
        break;
    case STATUS_NO_SESSION:
        assert(text.data[0] == 'N' || text.data[0] == 'C');
        break;
    case STATUS_KEY_REUSED:
        assert(text.data[0] == 'M');
        break;
    case STATUS_REDIS_DOWN:
    case STATUS_WRITES_REFUSED:
        assert(text.data[0] == 'X' && reply.detail != NULL);
        break;
    default:
        assert(reply.status == STATUS_REPLY_LOST && reply.detail != NULL);
        break;
    }
    assert(reply.status == STATUS_OK || (reply.applied == 0 && reply.replayed == 0));
}

static void check_error(struct text text)
{
    const struct redis_refusal write = redis_error_of_write(text);
    assert(write.detail != NULL);
    assert(write.status == STATUS_REDIS_DOWN || write.status == STATUS_WRITES_REFUSED ||
           write.status == STATUS_REPLY_LOST);
    if (memmem(text.data, text.len, " script: ", 9) != NULL) {
        assert(write.status == STATUS_REPLY_LOST);
    }
    const struct redis_refusal item = redis_error_of_refused_item(text);
    assert(status_outcome(item.status) == OUTCOME_NOT_APPLIED && item.detail != NULL);
    const struct redis_refusal read = redis_error_of_read(text);
    assert(read.status == STATUS_REDIS_DOWN || read.status == STATUS_WRITES_REFUSED ||
           read.status == STATUS_DATA_DAMAGED);
}

static void check_info(struct text text)
{
    struct error error = {.message = ""};
    unsigned untold = 0;
    assert((redis_check_version(text, &untold, &error) == 0) == (error.message[0] == '\0'));
    error.message[0] = '\0';
    assert((redis_check_policy(text, &untold, &error) == 0) == (error.message[0] == '\0'));
    assert((untold & ~(unsigned)(REDIS_UNTOLD_VERSION | REDIS_UNTOLD_POLICY)) == 0);
    assert(strlen(redis_quote(text).text) <= REDIS_QUOTE_LEN_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const struct text text = {(const char *)data + 1, size - 1};
    check_reply(text, data[0] % (ITEMS_MAX + 1));
    check_error(text);
    check_info(text);
    return 0;
}
