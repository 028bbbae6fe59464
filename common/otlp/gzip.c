#include "common/otlp/gzip.h"

#include <zlib.h>

/* 15 bits of window, and zlib's mark for gzip's format (zlib.h, deflateInit2). */
enum { GZIP_WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 8 };

/* The quickest level: spans repeat so much that the others gain little, and the CPU time is the requests'. */
static int start(z_stream *stream)
{
    *stream = (z_stream){.zalloc = Z_NULL};
    return deflateInit2(stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
}

int gzip_compress(struct text data, struct buffer *out)
{
    z_stream stream;
    if (start(&stream) != Z_OK) {
        return -1;
    }
    const size_t bound = deflateBound(&stream, data.len);
    int result = -1;
    if (buffer_reserve(out, bound) == 0) {
        stream.next_in = (Bytef *)(uintptr_t)data.data;
        stream.avail_in = (uInt)data.len;
        stream.next_out = (Bytef *)(out->data + out->len);
        stream.avail_out = (uInt)bound;
        result = deflate(&stream, Z_FINISH) == Z_STREAM_END ? 0 : -1;
        out->len += result == 0 ? stream.total_out : 0;
    }
    deflateEnd(&stream);
    return result;
}
