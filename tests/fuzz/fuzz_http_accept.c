/* The header field Accept: a form that is chosen although it is not the first one is named, or a wildcard is; and a
 * range that refuses everything changes nothing. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/http_accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_form forms[] = {
        {"text/plain", "0.0.4"}, {"application/openmetrics-text", "1.0.0"}, {"a/b", ""}};
    static const char refusal[] = "*/*;q=0,";
    const size_t refusal_len = sizeof(refusal) - 1;
    /* Memory of exactly this size: a read behind it is seen. */
    char *copy = malloc(refusal_len + size);
    assert(copy != NULL);
    memcpy(copy, refusal, refusal_len);
    if (size > 0) {
        memcpy(copy + refusal_len, data, size);
    }
    const struct text accept = {copy + refusal_len, size};
    const size_t chosen = http_accept_choose(accept, forms, 3);
    assert(chosen < 3);
    assert(chosen == 0 || memchr(accept.data, '/', accept.len) != NULL);
    assert(http_accept_choose((struct text){copy, refusal_len + size}, forms, 3) == chosen);
    free(copy);
    return 0;
}
