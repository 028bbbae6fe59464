/* What http_intake gives to libmicrohttpd: the same however the bytes are split, and nothing that a lax reader could
 * frame otherwise. The first byte says where the input is split. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/http_intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct given {
    char *data;
    size_t len;
};

/* Reads a piece in memory of just its size. */
static void read_piece(struct http_intake *intake, const uint8_t *piece, size_t len, struct given *given)
{
    char *copy = malloc(len > 0 ? len : 1);
    assert(copy != NULL);
    memcpy(copy, piece, len);
    const size_t kept = http_intake_read(intake, copy, len);
    assert(kept <= len);
    memcpy(given->data + given->len, copy, kept);
    given->len += kept;
    free(copy);
    size_t more;
    while ((more = http_intake_take_pending(intake, given->data + given->len, 1)) > 0) {
        given->len += more;
    }
}

/* Up to `split`, and then the rest. */
static struct given read_all(struct http_intake *intake, const uint8_t *data, size_t size, size_t split)
{
    struct given given = {malloc(size + 64), 0};
    assert(given.data != NULL);
    *intake = (struct http_intake){0};
    read_piece(intake, data, split, &given);
    read_piece(intake, data + split, size - split, &given);
    return given;
}

/* Without a fault and without a body, line feeds stand behind carriage returns, and there are no control characters. */
static void check_heads(const struct given *given)
{
    for (size_t i = 0; i < given->len; i++) {
        const unsigned char byte = (unsigned char)given->data[i];
        assert(byte != '\n' || (i > 0 && given->data[i - 1] == '\r'));
        assert(byte != '\r' || i + 1 == given->len || given->data[i + 1] == '\n');
        assert((byte >= 0x20 && byte != 0x7F) || strchr("\r\n\t", byte) != NULL);
        assert(byte != 0);
    }
}

static bool has_body(const struct given *given)
{
    return memmem(given->data, given->len, ":", 1) != NULL && (strcasestr(given->data, "content-length:") != NULL ||
                                                               strcasestr(given->data, "transfer-encoding:") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const size_t split = (size_t)data[0] % size;
    struct http_intake whole;
    struct http_intake pieces;
    struct given expected = read_all(&whole, data + 1, size - 1, size - 1);
    struct given given = read_all(&pieces, data + 1, size - 1, split);
    assert(given.len == expected.len && memcmp(given.data, expected.data, given.len) == 0);
    assert(whole.fault == pieces.fault && whole.request == pieces.request && whole.state == pieces.state);
    assert((whole.fault != NULL) == (whole.state == INTAKE_FAULTY));
    expected.data[expected.len] = '\0';
    if (whole.fault == NULL && !has_body(&expected)) {
        check_heads(&expected);
    }
    free(expected.data);
    free(given.data);
    return 0;
}
