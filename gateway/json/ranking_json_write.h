/* Bodies of the rankings' answers (proto/openapi.yaml says what they look like), in steps:
 *
 *     begin ─> (place) ─> begin_entries ─> add_entry, each ─> end
 *
 * place is for the rank of one resource only. Pure. */
#ifndef TALLY_GATEWAY_JSON_RANKING_JSON_WRITE_H
#define TALLY_GATEWAY_JSON_RANKING_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"

/* What all answers begin with. Times: milliseconds since 1970, not before it. */
struct ranking_json_head {
    struct text counter_type;
    struct text window;
    struct text period; /* empty: null */
    int64_t as_of_ms;
    bool complete;
    int64_t since_ms; /* 0: left out */
};

struct ranking_json_place {
    struct text resource_id;
    int64_t rank; /* 0: null */
    int64_t score;
};

void ranking_json_begin(struct buffer *out, const struct ranking_json_head *head);
void ranking_json_write_place(struct buffer *out, const struct ranking_json_place *place);
void ranking_json_begin_entries(struct buffer *out);
void ranking_json_add_entry(struct buffer *out, const struct ranking_json_place *entry, bool is_first);
void ranking_json_end(struct buffer *out);

#endif
