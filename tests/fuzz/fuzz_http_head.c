/* A head as libmicrohttpd gives it: the first line is the target, the others are fields. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/http_head.h"
#include "gateway/api/media_type.h"
#include "gateway/http/request_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether part is nothing, or lies in whole. */
static bool is_part(struct text part, const char *whole, size_t len)
{
    return part.data == NULL || (part.data >= whole && part.data + part.len <= whole + len);
}

static const struct http_application application = {
    .wanted_fields = request_fields,
    .wanted_count = REQUEST_FIELDS,
    .is_notable = request_field_is_misnamed_key,
};

static void check(const struct http_request *request, const char *whole, size_t len)
{
    for (size_t i = 0; i < REQUEST_FIELDS; i++) {
        assert(is_part(request->fields[i].value, whole, len));
        assert((request->fields[i].value.data != NULL) == (request->fields[i].count > 0));
    }
    assert(is_part(request->notable_name, whole, len));
    const struct text content_type = http_request_field(request, FIELD_CONTENT_TYPE);
    const char *broken = media_type_check_json(content_type, http_request_field(request, FIELD_CONTENT_ENCODING));
    assert(broken == NULL || strstr(broken, "Content-") != NULL);
    assert(broken != NULL || content_type.len >= strlen("application/json"));
}

static void take_line(struct http_head *head, char *line, char *end)
{
    char *colon = memchr(line, ':', (size_t)(end - line));
    if (colon != NULL) {
        const struct text name = {line, (size_t)(colon - line)};
        /* A length has only digits: http_intake lets no other in. */
        const bool is_length = name.len == strlen("content-length");
        http_head_field(head, name, is_length ? TEXT("12") : (struct text){colon + 1, (size_t)(end - colon - 1)});
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    struct http_request request = {0};
    struct http_head head;
    assert(copy != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    char *line = copy;
    char *end = copy + strcspn(copy, "\n");
    const bool is_last = *end == '\0';
    *end = '\0';
    http_head_begin(&head, &application, &request, size % 2 == 0 ? "GET" : "OPTIONS", line);
    while (!is_last && end < copy + size) {
        line = end + 1;
        char *next = memchr(line, '\n', (size_t)(copy + size - line));
        end = next != NULL ? next : copy + size;
        take_line(&head, line, end);
    }
    const char *fault = http_head_end(&head, "HTTP/1.1");
    assert(fault != NULL || head.host_count == 1);
    assert(fault != NULL || request.path.data[0] == '/' || text_equal(request.path, TEXT("*")));
    check(&request, copy, size);
    free(copy);
    return 0;
}
