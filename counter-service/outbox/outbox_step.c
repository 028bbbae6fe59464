#include "counter-service/outbox/outbox_step.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/decimal.h"
#include "counter-service/event/stream_id.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/resp.h"

enum {
    ARGUMENTS = 9,
    OWN_KEYS = 5,
    STREAM_ID_SIZE = 20 + 1 + 20 + 1,
    POSITION_SIZE = STREAM_ID_SIZE + 1 + 20,
    ANSWER_ELEMENTS = 8,
    ENTRY_FIELDS = 3,
};

/* Every consumer that there may be: the stream is trimmed behind the slowest that has a position. */
static const struct {
    const struct text *name;
    unsigned bit;
} consumers[] = {{&outbox_consumer_kafka, OUTBOX_HAS_KAFKA}, {&outbox_consumer_rankings, OUTBOX_HAS_RANKINGS}};
enum { CONSUMERS = sizeof(consumers) / sizeof(consumers[0]) };

const struct text outbox_consumer_kafka = {"kafka", 5};
const struct text outbox_consumer_rankings = {"rankings", 8};

unsigned outbox_consumers_of(const struct config *config)
{
    return (config->kafka.broker_count > 0 ? OUTBOX_HAS_KAFKA : 0U) |
           (config->ranking_count > 0 ? OUTBOX_HAS_RANKINGS : 0U);
}

/* ---- the request ---- */

static void put_consumer_key(struct buffer *out, const struct redis_key_prefix *prefix, const char *kind,
                             struct text consumer)
{
    char name[32];
    const int len = snprintf(name, sizeof(name), "%s:%.*s", kind, (int)consumer.len, consumer.data);
    redis_key_put_single(out, prefix, (struct text){name, (size_t)len});
}

static void put_keys(struct buffer *out, const struct outbox_step_request *request)
{
    put_consumer_key(out, request->prefix, "lease", request->consumer);
    put_consumer_key(out, request->prefix, "pos", request->consumer);
    redis_key_put_single(out, request->prefix, outbox_stream);
    redis_key_put_single(out, request->prefix, outbox_marks);
    put_consumer_key(out, request->prefix, "ask", request->consumer);
    for (size_t i = 0; i < CONSUMERS; i++) {
        if (!text_equal(*consumers[i].name, request->consumer)) {
            put_consumer_key(out, request->prefix, "pos", *consumers[i].name);
        }
    }
}

/* For the consumers whose keys are there. */
static void put_configured(struct buffer *out, const struct outbox_step_request *request)
{
    char flags[CONSUMERS];
    size_t count = 0;
    for (size_t i = 0; i < CONSUMERS; i++) {
        if (!text_equal(*consumers[i].name, request->consumer)) {
            flags[count++] = (request->configured & consumers[i].bit) != 0 ? '1' : '0';
        }
    }
    resp_put_string(out, (struct text){flags, count});
}

static void put_id(struct buffer *out, struct stream_id id)
{
    char text[STREAM_ID_SIZE];
    const int len = snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
    resp_put_string(out, (struct text){text, (size_t)len});
}

static void put_position(struct buffer *out, const struct outbox_position *position)
{
    char text[POSITION_SIZE] = "";
    int len = 0;
    if (position != NULL) {
        len = snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64 " %" PRIu64, position->id.ms, position->id.seq,
                       position->number);
    }
    resp_put_string(out, (struct text){text, (size_t)len});
}

int outbox_step_append(struct buffer *out, const struct outbox_step_request *request)
{
    const size_t start = out->len;
    const size_t key_count = OWN_KEYS + CONSUMERS - 1;
    resp_put_array(out, 3 + key_count + ARGUMENTS);
    resp_put_string(out, request->verb);
    resp_put_string(out, request->script);
    resp_put_integer(out, (int64_t)key_count);
    put_keys(out, request);
    resp_put_string(out, (struct text){request->token, OUTBOX_TOKEN_LEN});
    resp_put_integer(out, request->lease_ms);
    put_position(out, request->move_to);
    put_id(out, request->read_after);
    resp_put_integer(out, (int64_t)request->count);
    put_configured(out, request);
    resp_put_string(out, request->leaves_free ? TEXT("1") : TEXT("0"));
    if (request->asks) {
        resp_put_integer(out, (int64_t)request->led);
    } else {
        resp_put_string(out, TEXT(""));
    }
    resp_put_string(out, request->hand_to != NULL ? (struct text){request->hand_to, OUTBOX_TOKEN_LEN} : TEXT(""));
    return resp_end(out, start);
}

/* ---- the answer ---- */

static bool read_number(struct text text, uint64_t *ret_number)
{
    return decimal_parse_unsigned(text, UINT64_MAX, ret_number);
}

static bool read_position(struct text text, struct outbox_position *ret_position)
{
    const struct text id = text_cut(&text, ' ');
    return stream_id_parse(id, &ret_position->id) && read_number(text, &ret_position->number);
}

static bool read_lease(struct text text, enum outbox_lease *ret_lease)
{
    const char letter = text.len == 1 ? text.data[0] : '\0';
    *ret_lease = letter == 'O'   ? OUTBOX_OWNED
                 : letter == 'T' ? OUTBOX_TAKEN
                 : letter == 'F' ? OUTBOX_FREE
                                 : OUTBOX_HELD;
    return letter == 'O' || letter == 'T' || letter == 'F' || letter == 'H';
}

/* Entries of a stream have; what they hold may be anybody's. */
static bool have_ids(const struct redis_reply *entries)
{
    struct stream_id id;
    for (size_t i = 0; i < entries->element_count; i++) {
        const struct redis_reply entry = redis_reply_element(entries, i);
        if (entry.type != REDIS_ARRAY || entry.element_count != 2 ||
            !stream_id_parse(redis_reply_element(&entry, 0).text, &id)) {
            return false;
        }
    }
    return true;
}

/* What somebody else has put there is as nothing. */
static void read_asker(struct text text, struct outbox_asker *ret_asker)
{
    uint64_t led;
    const struct text number = text_cut(&text, ' ');
    *ret_asker = (struct outbox_asker){.is_there = false};
    if (text.len == OUTBOX_TOKEN_LEN && read_number(number, &led)) {
        ret_asker->is_there = true;
        ret_asker->led = (size_t)led;
        memcpy(ret_asker->token, text.data, text.len);
    }
}

static bool understand(const struct redis_reply *reply, struct outbox_step *step)
{
    if (reply->type != REDIS_ARRAY || reply->element_count != ANSWER_ELEMENTS) {
        return false;
    }
    uint64_t now_ms = 0;
    step->entries = redis_reply_element(reply, 5);
    const bool is_understood = read_lease(redis_reply_element(reply, 0).text, &step->lease) &&
                               read_number(redis_reply_element(reply, 1).text, &step->appended) &&
                               read_number(redis_reply_element(reply, 2).text, &step->trimmed) &&
                               read_position(redis_reply_element(reply, 3).text, &step->position) &&
                               read_number(redis_reply_element(reply, 4).text, &now_ms) &&
                               step->entries.type == REDIS_ARRAY && have_ids(&step->entries);
    step->has_more = redis_reply_element(reply, 6).integer == 1;
    read_asker(redis_reply_element(reply, 7).text, &step->asker);
    step->now_ms = (int64_t)now_ms;
    return is_understood;
}

int outbox_step_read(const struct redis_reply *reply, struct outbox_step *ret_step, struct error *error)
{
    if (reply->type == REDIS_ERROR) {
        error_set(error, "Redis refuses to read the outbox: %s", redis_quote(reply->text).text);
        return -1;
    }
    if (!understand(reply, ret_step)) {
        error_set(error, "Redis's answer about the outbox was not understood: a key of the outbox is damaged");
        return -1;
    }
    return 0;
}

int outbox_step_entry(const struct outbox_step *step, size_t index, struct outbox_raw_entry *ret_entry)
{
    const struct redis_reply entry = redis_reply_element(&step->entries, index);
    *ret_entry = (struct outbox_raw_entry){.first_number = 0};
    const bool has_id = stream_id_parse(redis_reply_element(&entry, 0).text, &ret_entry->id);
    assert(has_id); /* outbox_step_read has looked */
    (void)has_id;
    const struct redis_reply fields = redis_reply_element(&entry, 1);
    if (fields.type != REDIS_ARRAY || fields.element_count != 2 * ENTRY_FIELDS ||
        !text_equal(redis_reply_element(&fields, 0).text, TEXT("n")) ||
        !read_number(redis_reply_element(&fields, 1).text, &ret_entry->first_number) ||
        !text_equal(redis_reply_element(&fields, 2).text, TEXT("i")) ||
        !text_equal(redis_reply_element(&fields, 4).text, TEXT("r"))) {
        return -1;
    }
    ret_entry->items = redis_reply_element(&fields, 3).text;
    ret_entry->results = redis_reply_element(&fields, 5).text;
    return 0;
}
