#include "counter-service/verify_rankings/ranking_source.h"

#include <assert.h>
#include <stdio.h>

#include "common/contract/counter_rules.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

enum { STEP = 500 };

#define COUNTERS_PREFIX "c:"

void ranking_source_begin(struct ranking_source *source, struct redis_reader *reader, struct shard shard,
                          enum ranking_source_kind kind, struct text key)
{
    assert(key.len < sizeof(source->key));
    *source = (struct ranking_source){.reader = reader, .shard = shard, .kind = kind};
    snprintf(source->key, sizeof(source->key), "%.*s", (int)key.len, key.len == 0 ? "" : key.data);
    arena_init(&source->memory);
}

void ranking_source_done(struct ranking_source *source)
{
    arena_done(&source->memory);
}

static void put_question(const struct ranking_source *source, struct buffer *out)
{
    char pattern[REDIS_KEY_PREFIX_MAX + sizeof(COUNTERS_PREFIX) + 1];
    const struct redis_key_prefix *prefix = &source->reader->prefix;
    switch (source->kind) {
    case RANKING_SOURCE_HASH:
        scan_cursor_append_hash(&source->cursor, out, prefix, text_of(source->key), STEP);
        break;
    case RANKING_SOURCE_COUNTERS:
        snprintf(pattern, sizeof(pattern), "%.*s" COUNTERS_PREFIX "*", (int)prefix->len, prefix->data);
        scan_cursor_append_keys(&source->cursor, out, text_of(pattern), STEP);
        break;
    }
}

static int out_of_memory(struct error *error)
{
    error_set(error, "out of memory");
    return -1;
}

static int keep(struct ranking_source *source, struct text id, struct error *error)
{
    if (counter_rules_resource_id(id) != NULL) {
        source->strange++;
        return 0;
    }
    if (!shard_has(source->shard, id)) {
        return 0;
    }
    char *copy = arena_alloc(&source->memory, id.len);
    if (copy == NULL) {
        return out_of_memory(error);
    }
    memcpy(copy, id.data, id.len);
    source->ids[source->count++] = (struct text){copy, id.len};
    return 0;
}

/* Fields come with their values; keys have the prefix. */
static int keep_all(struct ranking_source *source, const struct redis_reply *found, struct error *error)
{
    const bool of_keys = source->kind == RANKING_SOURCE_COUNTERS;
    const size_t prefix_len = of_keys ? source->reader->prefix.len + sizeof(COUNTERS_PREFIX) - 1 : 0;
    arena_reset(&source->memory);
    source->count = 0;
    source->ids = arena_alloc(&source->memory, (found->element_count + 1) * sizeof(*source->ids));
    if (source->ids == NULL) {
        return out_of_memory(error);
    }
    for (size_t i = 0; i < found->element_count; i += of_keys ? 1 : 2) {
        const struct text name = redis_reply_element(found, i).text;
        if (name.len >= prefix_len &&
            keep(source, (struct text){name.data + prefix_len, name.len - prefix_len}, error) != 0) {
            return -1;
        }
    }
    return 0;
}

int ranking_source_step(struct ranking_source *source, struct error *error)
{
    struct redis_reply reply;
    struct redis_reply found;
    struct redis_reader *reader = source->reader;
    buffer_clear(&reader->requests, SIZE_MAX);
    put_question(source, &reader->requests);
    if (redis_command_begin(reader->conn, &reader->requests, reader->timeout_ms, error) != 0 ||
        redis_command_expect(reader->conn, "a scan", &reply, error) != 0 ||
        scan_cursor_read(&source->cursor, &reply, &found, &source->at_end, error) != 0) {
        return -1;
    }
    return keep_all(source, &found, error);
}
