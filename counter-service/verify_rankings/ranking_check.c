#include "counter-service/verify_rankings/ranking_check.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/verify_rankings/ranking_view.h"

/* Redis may have applied an increment and not told the sum: then the aggregator asks for the counter, and "all" is
 * ahead of the events for a moment. So a counter is looked at again. */
enum { LOOKS = 3, LOOK_AGAIN_MS = 50 };

static bool judge_all(struct ranking_check *check, size_t type, enum ranking_scope scope, struct ranking_told *told)
{
    bool is_right = true;
    for (size_t i = 0; i < check->cut->count; i++) {
        is_right &= ranking_judge(check->cut, type, scope, &check->cut->resources[i], told);
    }
    return is_right;
}

static int check_batch(struct ranking_check *check, size_t type, enum ranking_scope scope, const struct text *ids,
                       size_t count, struct error *error)
{
    if (ranking_cut_read(check->cut, type, scope, ids, count, error) != 0) {
        return -1;
    }
    for (int i = 1;
         scope == RANKING_OF_COUNTERS && check->told != NULL && i < LOOKS && !judge_all(check, type, scope, NULL);
         i++) {
        clock_sleep_ms(LOOK_AGAIN_MS);
        if (ranking_cut_read(check->cut, type, scope, ids, count, error) != 0) {
            return -1;
        }
    }
    if (check->told != NULL) {
        ranking_judge_tops(check->cut, type, scope, check->told);
        (void)judge_all(check, type, scope, check->told);
    }
    return 0;
}

/* of_records: of the source that has them all. */
static int check_ids(struct ranking_check *check, size_t type, enum ranking_scope scope, const struct text *ids,
                     size_t count, bool of_records, struct error *error)
{
    for (size_t first = 0; first < count;) {
        const size_t room = ranking_cut_room(check->cut, type, scope);
        const size_t step = count - first < room ? count - first : room;
        if (check_batch(check, type, scope, ids + first, step, error) != 0) {
            return -1;
        }
        if (of_records && check->owner != NULL && check->take(check->owner, type, check->cut, error) != 0) {
            return -1;
        }
        first += step;
    }
    return 0;
}

/* Leaves those of the source that have no record. */
static int leave_recordless(struct ranking_check *check, struct text records, struct ranking_source *source,
                            struct error *error)
{
    struct redis_reply reply;
    struct buffer *out = &check->reader->requests;
    size_t left = 0;
    if (source->count == 0) {
        return 0;
    }
    buffer_clear(out, SIZE_MAX);
    resp_put_array(out, 2 + source->count);
    resp_put_string(out, TEXT("HMGET"));
    redis_key_put_single(out, &check->reader->prefix, records);
    for (size_t i = 0; i < source->count; i++) {
        resp_put_string(out, source->ids[i]);
    }
    if (redis_command_begin(check->reader->conn, out, check->reader->timeout_ms, error) != 0 ||
        redis_command_expect(check->reader->conn, "HMGET", &reply, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < source->count && i < reply.element_count; i++) {
        if (redis_reply_element(&reply, i).type == REDIS_NIL) {
            source->ids[left++] = source->ids[i];
        }
    }
    source->count = left;
    return 0;
}

/* ---- the sources ---- */

static int run_source(struct ranking_check *check, size_t type, enum ranking_scope scope, struct ranking_source *source,
                      bool is_bucket, uint64_t *count, struct error *error)
{
    char key[RANKING_KEY_SIZE];
    const struct text records = ranking_records_key(key, check->cut->state->types[type].counter_type);
    const bool of_records = source->kind == RANKING_SOURCE_HASH && !is_bucket;
    while (!source->at_end) {
        if (ranking_source_step(source, error) != 0 ||
            (is_bucket && leave_recordless(check, records, source, error) != 0)) {
            return -1;
        }
        *count += source->count;
        if (check_ids(check, type, scope, source->ids, source->count, of_records, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check_source(struct ranking_check *check, size_t type, enum ranking_scope scope,
                        enum ranking_source_kind kind, struct text key, bool is_bucket, uint64_t *count,
                        struct error *error)
{
    struct ranking_source source;
    ranking_source_begin(&source, check->reader, check->shard, kind, key);
    const int result = run_source(check, type, scope, &source, is_bucket, count, error);
    if (source.strange > 0 && check->told != NULL && kind != RANKING_SOURCE_COUNTERS) {
        report_difference(check->told->report, "%s%s has %" PRIu64 " name%s that no resource can have", source.key,
                          check->reader->where, source.strange, report_plural(source.strange));
    }
    ranking_source_done(&source);
    return result;
}

/* ---- the tops ---- */

/* Reads them. Any resource will do to ask for it. */
static int copy_tops(struct ranking_check *check, size_t type, enum ranking_scope scope, struct error *error)
{
    const struct text any = TEXT("-");
    return check_batch(check, type, scope, &any, 1, error);
}

/* The members as they are copied now: the cuts change the copy. */
static int check_top(struct ranking_check *check, size_t type, size_t window, size_t slot, enum ranking_scope scope,
                     struct error *error)
{
    struct ranking_members members;
    const struct ranking_copy *copy = ranking_cut_copy(check->cut, type, window, slot);
    if (ranking_members_init(&members, &copy->table, check->shard, error) != 0) {
        return -1;
    }
    check->members += members.count;
    const int result = check_ids(check, type, scope, members.ids, members.count, false, error);
    ranking_members_done(&members);
    return result;
}

static int check_buckets(struct ranking_check *check, size_t type, const struct ranked_window *ranked,
                         struct error *error)
{
    char key[RANKING_KEY_SIZE];
    uint64_t recordless = 0;
    for (int64_t bucket = ranked->board.oldest; bucket <= ranked->board.newest; bucket++) {
        const struct text hash = ranking_bucket_key(key, ranked->counter_type, &ranked->window, bucket);
        if (check_source(check, type, RANKING_OF_RECORDS, RANKING_SOURCE_HASH, hash, true, &recordless, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check_window(struct ranking_check *check, size_t type, size_t window, struct error *error)
{
    /* As it was: the cuts read the state anew. */
    const struct ranked_window ranked = check->cut->state->types[type].windows[window];
    const enum ranking_scope scope = ranked.window.kind == RANKING_KIND_ALL ? RANKING_OF_COUNTERS : RANKING_OF_RECORDS;
    if (copy_tops(check, type, scope, error) != 0) {
        return -1;
    }
    for (size_t slot = 0; slot < ranking_slot_count(&ranked.window); slot++) {
        if (check_top(check, type, window, slot, scope, error) != 0) {
            return -1;
        }
    }
    return ranked.window.kind == RANKING_KIND_ROLLING ? check_buckets(check, type, &ranked, error) : 0;
}

static bool has_all(const struct ranked_type *type)
{
    for (size_t i = 0; i < type->window_count; i++) {
        if (type->windows[i].window.kind == RANKING_KIND_ALL) {
            return true;
        }
    }
    return false;
}

static int check_records(struct ranking_check *check, size_t type, struct error *error)
{
    char key[RANKING_KEY_SIZE];
    const struct ranked_type *ranked_type = &check->cut->state->types[type];
    return !ranked_type_has_records(ranked_type)
               ? 0
               : check_source(check, type, RANKING_OF_RECORDS, RANKING_SOURCE_HASH,
                              ranking_records_key(key, ranked_type->counter_type), false, &check->records, error);
}

static int check_type(struct ranking_check *check, size_t type, struct error *error)
{
    for (size_t i = 0; i < check->cut->state->types[type].window_count; i++) {
        if (check_window(check, type, i, error) != 0) {
            return -1;
        }
    }
    if (check_records(check, type, error) != 0) {
        return -1;
    }
    return !has_all(&check->cut->state->types[type])
               ? 0
               : check_source(check, type, RANKING_OF_COUNTERS, RANKING_SOURCE_COUNTERS, (struct text){NULL, 0}, false,
                              &check->counters, error);
}

int ranking_check_run(struct ranking_check *check, struct error *error)
{
    for (size_t i = 0; i < check->cut->state->type_count; i++) {
        if (check_type(check, i, error) != 0) {
            return -1;
        }
    }
    return 0;
}

int ranking_check_records(struct ranking_check *check, struct error *error)
{
    for (size_t i = 0; i < check->cut->state->type_count; i++) {
        if (check_records(check, i, error) != 0) {
            return -1;
        }
    }
    return 0;
}
