#include "gateway/json/counter_json_write.h"

#include "gateway/json/status_problem.h"

static void write_members(struct buffer *out, const struct operation *operation)
{
    buffer_append_text(out, TEXT("\"resource_id\":"));
    buffer_append_json_string(out, operation->resource_id);
    buffer_append_text(out, TEXT(",\"counter_type\":"));
    buffer_append_json_string(out, operation->counter_type);
    buffer_append_text(out, TEXT(",\"value\":"));
    buffer_append_int64(out, operation->value);
}

void counter_json_write_counter(struct buffer *out, const struct operation *operation)
{
    buffer_append_text(out, TEXT("{"));
    write_members(out, operation);
    buffer_append_text(out, TEXT("}"));
}

static void write_error(struct buffer *out, const struct operation *operation, bool is_write)
{
    if (operation->resource_id.len > 0) {
        buffer_append_text(out, TEXT("\"resource_id\":"));
        buffer_append_json_string(out, operation->resource_id);
        buffer_append_text(out, TEXT(","));
    }
    if (operation->counter_type.len > 0) {
        buffer_append_text(out, TEXT("\"counter_type\":"));
        buffer_append_json_string(out, operation->counter_type);
        buffer_append_text(out, TEXT(","));
    }
    buffer_append_text(out, TEXT("\"error\":"));
    status_problem_write(out, operation->status, operation->detail, is_write);
}

static void write_result(struct buffer *out, const struct operation *operation, bool is_write)
{
    if (operation->status != STATUS_OK) {
        write_error(out, operation, is_write);
        return;
    }
    write_members(out, operation);
    if (operation->replayed) {
        buffer_append_text(out, TEXT(",\"replayed\":true"));
    }
}

void counter_json_write_results(struct buffer *out, const struct operation *operations, size_t count, bool is_write)
{
    buffer_append_text(out, TEXT("{\"results\":["));
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(out, i > 0 ? TEXT(",{") : TEXT("{"));
        write_result(out, &operations[i], is_write);
        buffer_append_text(out, TEXT("}"));
    }
    buffer_append_text(out, TEXT("]}"));
}

void counter_json_begin_list(struct buffer *out, struct text resource_id)
{
    buffer_append_text(out, TEXT("{\"resource_id\":"));
    buffer_append_json_string(out, resource_id);
    buffer_append_text(out, TEXT(",\"counters\":{"));
}

void counter_json_add_to_list(struct buffer *out, struct text counter_type, int64_t value, bool is_first)
{
    if (!is_first) {
        buffer_append_text(out, TEXT(","));
    }
    buffer_append_json_string(out, counter_type);
    buffer_append_text(out, TEXT(":"));
    buffer_append_int64(out, value);
}

void counter_json_end_list(struct buffer *out)
{
    buffer_append_text(out, TEXT("}}"));
}
