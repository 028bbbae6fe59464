#include "common/log/log_ring.h"

#include <assert.h>
#include <string.h>

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool log_ring_push(struct log_ring *ring, const char *line, size_t len)
{
    if (len > LOG_RING_BYTES - ring->len) {
        return false;
    }
    const size_t end = (ring->start + ring->len) % LOG_RING_BYTES;
    const size_t until_wrap = min_size(len, LOG_RING_BYTES - end);
    memcpy(ring->data + end, line, until_wrap);
    memcpy(ring->data, line + until_wrap, len - until_wrap);
    ring->len += len;
    return true;
}

size_t log_ring_pop(struct log_ring *ring, char *out, size_t capacity)
{
    size_t len = min_size(ring->len, capacity);
    const size_t until_wrap = min_size(len, LOG_RING_BYTES - ring->start);
    memcpy(out, ring->data + ring->start, until_wrap);
    memcpy(out + until_wrap, ring->data, len - until_wrap);
    while (len > 0 && out[len - 1] != '\n') {
        len--;
    }
    assert(len > 0 || ring->len == 0);
    ring->start = (ring->start + len) % LOG_RING_BYTES;
    ring->len -= len;
    return len;
}
