#include "common/contract/problem.h"

void problem_write(struct buffer *out, const char *slug, const char *title, int http_status, const char *detail,
                   const char *outcome)
{
    buffer_append_text(out, TEXT("{\"type\":\"/problems/"));
    buffer_append_text(out, text_of(slug));
    buffer_append_text(out, TEXT("\",\"title\":"));
    buffer_append_json_string(out, text_of(title));
    buffer_append_text(out, TEXT(",\"status\":"));
    buffer_append_int64(out, http_status);
    buffer_append_text(out, TEXT(",\"detail\":"));
    buffer_append_json_string(out, text_of(detail));
    if (outcome != NULL) {
        buffer_append_text(out, TEXT(",\"outcome\":"));
        buffer_append_json_string(out, text_of(outcome));
    }
    buffer_append_text(out, TEXT("}"));
}
