/* A path segment as a client sends it: decoding and the rules of the two values that travel in paths. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/percent.h"
#include "common/base/utf8.h"
#include "common/contract/counter_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

/* Every byte encoded: decoding that must give the bytes back. */
static void check_round_trip(struct text decoded)
{
    char *encoded = malloc(decoded.len * 3 + 1);
    char *again = malloc(decoded.len * 3 + 1);
    require(encoded != NULL && again != NULL, "there is memory");
    for (size_t i = 0; i < decoded.len; i++) {
        snprintf(encoded + i * 3, 4, i % 2 == 0 ? "%%%02x" : "%%%02X", (unsigned char)decoded.data[i]);
    }
    size_t len = 0;
    require(percent_decode((struct text){encoded, decoded.len * 3}, again, &len) == 0, "what is encoded is decoded");
    require(text_equal((struct text){again, len}, decoded), "decoding gives back what was encoded");
    free(encoded);
    free(again);
}

static void check_rules(struct text decoded)
{
    if (counter_rules_resource_id(decoded) == NULL) {
        require(decoded.len >= 1 && decoded.len <= 256, "a resource_id has 1-256 bytes");
        require(utf8_is_valid(decoded), "a resource_id is UTF-8");
        for (size_t i = 0; i < decoded.len; i++) {
            const unsigned char byte = (unsigned char)decoded.data[i];
            require(byte >= 0x20 && byte != 0x7F && byte != '{' && byte != '}', "a resource_id has no such byte");
        }
    }
    if (counter_rules_counter_type(decoded) == NULL) {
        require(counter_rules_resource_id(decoded) == NULL, "what can be a counter_type can be a resource_id");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Memory of exactly this size: a read or write behind it is seen. */
    char *segment = malloc(size > 0 ? size : 1);
    require(segment != NULL, "there is memory");
    if (size > 0) {
        memcpy(segment, data, size);
    }
    size_t len = 0;
    if (percent_decode((struct text){segment, size}, segment, &len) == 0) {
        const struct text decoded = {segment, len};
        require(len <= size, "decoding never makes longer");
        require(len == 0 || memchr(segment, 0, len) == NULL, "no NUL byte comes out");
        check_round_trip(decoded);
        check_rules(decoded);
    }
    free(segment);
    return 0;
}
