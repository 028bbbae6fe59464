#include "counter-service/repartition/repartition_scan.h"

#include <string.h>

#include "common/base/arena.h"
#include "counter-service/redis/redis_command.h"

/* Keys that Redis looks at in one SCAN: some hundred microseconds of its time. */
#define SCAN_COUNT TEXT("512")
#define SCAN_PATTERN TEXT("tally:{p*}:*")

struct step {
    const struct repartition_scan *scan;
    struct redis_conn *conn;
    struct buffer cursor;
    struct arena memory;
    struct repartition_found *found; /* in memory */
    size_t count;
};

static int out_of_memory(struct error *error)
{
    error_set(error, "out of memory");
    return -1;
}

static int keep(struct step *step, struct text key, struct error *error)
{
    struct repartition_key is;
    if (!repartition_key_read(key, &is)) {
        return 0;
    }
    char *copy = arena_alloc(&step->memory, key.len);
    if (copy == NULL) {
        return out_of_memory(error);
    }
    memcpy(copy, key.data, key.len);
    struct repartition_found *found = &step->found[step->count];
    *found = (struct repartition_found){.key = {copy, key.len}};
    if (repartition_key_read(found->key, &found->is)) {
        step->count++;
    }
    return 0;
}

static int keep_all(struct step *step, const struct redis_reply *keys, struct error *error)
{
    step->count = 0;
    arena_reset(&step->memory);
    step->found = arena_alloc(&step->memory, (keys->element_count + 1) * sizeof(*step->found));
    if (step->found == NULL) {
        return out_of_memory(error);
    }
    for (size_t i = 0; i < keys->element_count; i++) {
        if (keep(step, redis_reply_element(keys, i).text, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int find_keys(struct step *step, struct error *error)
{
    struct redis_reply reply;
    struct repartition_site *site = step->scan->site;
    redis_command_words(&site->requests, TEXT("SCAN"), (struct text){step->cursor.data, step->cursor.len},
                        TEXT("MATCH"), SCAN_PATTERN, TEXT("COUNT"), SCAN_COUNT);
    if (repartition_site_ask(site, step->conn, "SCAN", 1, &reply, error) != 0) {
        return -1;
    }
    if (reply.type != REDIS_ARRAY || reply.element_count != 2 || redis_reply_element(&reply, 1).type != REDIS_ARRAY) {
        error_set(error, "Redis's answer to SCAN was not understood");
        return -1;
    }
    buffer_clear(&step->cursor, SIZE_MAX);
    buffer_append_text(&step->cursor, redis_reply_element(&reply, 0).text);
    const struct redis_reply keys = redis_reply_element(&reply, 1);
    return step->cursor.failed ? out_of_memory(error) : keep_all(step, &keys, error);
}

static int scan_link(struct step *step, struct error *error)
{
    const struct repartition_scan *scan = step->scan;
    buffer_clear(&step->cursor, SIZE_MAX);
    buffer_append_text(&step->cursor, TEXT("0"));
    do {
        if (*scan->interrupted) {
            error_set(error, "interrupted");
            return -1;
        }
        if (find_keys(step, error) != 0 ||
            (step->count > 0 && scan->visit(scan->ctx, step->conn, step->found, step->count, error) != 0)) {
            return -1;
        }
    } while (!text_equal((struct text){step->cursor.data, step->cursor.len}, TEXT("0")));
    return 0;
}

int repartition_scan(const struct repartition_scan *scan, struct error *error)
{
    struct step step = {.scan = scan};
    int result = 0;
    buffer_init(&step.cursor);
    arena_init(&step.memory);
    for (size_t i = 0; result == 0 && i < repartition_site_links(scan->site); i++) {
        step.conn = scan->site->links[i];
        result = step.conn == NULL ? 0 : scan_link(&step, error);
    }
    arena_done(&step.memory);
    buffer_done(&step.cursor);
    return result;
}
