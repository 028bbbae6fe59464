#include "gateway/json/ranking_json_write.h"

#include "common/base/timestamp.h"

enum { US_PER_MS = 1000 };

static void write_time(struct buffer *out, int64_t time_ms)
{
    char timestamp[TIMESTAMP_SIZE];
    timestamp_write(time_ms * US_PER_MS, timestamp);
    buffer_append_json_string(out, text_of(timestamp));
}

void ranking_json_begin(struct buffer *out, const struct ranking_json_head *head)
{
    buffer_append_text(out, TEXT("{\"counter_type\":"));
    buffer_append_json_string(out, head->counter_type);
    buffer_append_text(out, TEXT(",\"window\":"));
    buffer_append_json_string(out, head->window);
    buffer_append_text(out, TEXT(",\"period\":"));
    if (head->period.len > 0) {
        buffer_append_json_string(out, head->period);
    } else {
        buffer_append_text(out, TEXT("null"));
    }
    buffer_append_text(out, TEXT(",\"as_of\":"));
    write_time(out, head->as_of_ms);
    buffer_append_text(out, head->complete ? TEXT(",\"complete\":true") : TEXT(",\"complete\":false"));
    if (head->since_ms != 0) {
        buffer_append_text(out, TEXT(",\"since\":"));
        write_time(out, head->since_ms);
    }
}

static void write_resource_id(struct buffer *out, const struct ranking_json_place *place)
{
    buffer_append_text(out, TEXT("\"resource_id\":"));
    buffer_append_json_string(out, place->resource_id);
}

static void write_rank(struct buffer *out, const struct ranking_json_place *place)
{
    buffer_append_text(out, TEXT("\"rank\":"));
    if (place->rank > 0) {
        buffer_append_int64(out, place->rank);
    } else {
        buffer_append_text(out, TEXT("null"));
    }
}

static void write_score(struct buffer *out, const struct ranking_json_place *place)
{
    buffer_append_text(out, TEXT("\"score\":"));
    buffer_append_int64(out, place->score);
}

void ranking_json_write_place(struct buffer *out, const struct ranking_json_place *place)
{
    buffer_append_text(out, TEXT(","));
    write_resource_id(out, place);
    buffer_append_text(out, TEXT(","));
    write_rank(out, place);
    buffer_append_text(out, TEXT(","));
    write_score(out, place);
}

void ranking_json_begin_entries(struct buffer *out)
{
    buffer_append_text(out, TEXT(",\"entries\":["));
}

void ranking_json_add_entry(struct buffer *out, const struct ranking_json_place *entry, bool is_first)
{
    buffer_append_text(out, is_first ? TEXT("{") : TEXT(",{"));
    write_rank(out, entry);
    buffer_append_text(out, TEXT(","));
    write_resource_id(out, entry);
    buffer_append_text(out, TEXT(","));
    write_score(out, entry);
    buffer_append_text(out, TEXT("}"));
}

void ranking_json_end(struct buffer *out)
{
    buffer_append_text(out, TEXT("]}"));
}
