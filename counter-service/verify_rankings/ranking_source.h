/* The resources that something in Redis names, a step at a time: the fields of a hash, or all keys of counters. What is
 * there from the first step to the last comes at least once. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_SOURCE_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "counter-service/aggregator/scan_cursor.h"
#include "counter-service/ranking/ranking_board.h"
#include "counter-service/verify/counter_table.h"
#include "counter-service/verify/redis_reader.h"

enum ranking_source_kind { RANKING_SOURCE_HASH, RANKING_SOURCE_COUNTERS };

struct ranking_source {
    /* immutable after begin */
    struct redis_reader *reader;
    struct shard shard;
    enum ranking_source_kind kind;
    char key[RANKING_KEY_SIZE]; /* behind the prefix; "": none */
    /* of the last step */
    struct scan_cursor cursor;
    bool at_end;
    struct arena memory;
    struct text *ids; /* in memory */
    size_t count;
    uint64_t strange; /* of all steps: they are no resource_ids */
};

/* key: {NULL, 0} of counters. */
void ranking_source_begin(struct ranking_source *source, struct redis_reader *reader, struct shard shard,
                          enum ranking_source_kind kind, struct text key);
void ranking_source_done(struct ranking_source *source);
/* Reads the next ones of the shard, until at_end. Returns 0, or -1 with error filled. */
int ranking_source_step(struct ranking_source *source, struct error *error) MUST_CHECK;

#endif
