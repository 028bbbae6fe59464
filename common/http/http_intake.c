#include "common/http/http_intake.h"

#include <assert.h>

#include "common/http/http_intake_step.h"

enum {
    /* Of chunk extensions and trailer fields of one request. */
    DROPPED_MAX = 8 * 1024,
};

#define TOKEN (CLASS_TOKEN | CLASS_VALUE | CLASS_TARGET)
#define VISIBLE (CLASS_VALUE | CLASS_TARGET)

const unsigned char intake_classes[256] = {
    ['\t'] = CLASS_VALUE | CLASS_BLANK,
    [' '] = CLASS_VALUE | CLASS_BLANK,
    ['!'] = TOKEN,
    ['"'] = VISIBLE,
    ['#'] = CLASS_TOKEN | CLASS_VALUE,
    ['$' ... '\''] = TOKEN,
    ['('] = VISIBLE,
    [')'] = VISIBLE,
    ['*'] = TOKEN,
    ['+'] = TOKEN,
    [','] = VISIBLE,
    ['-'] = TOKEN,
    ['.'] = TOKEN,
    ['/'] = VISIBLE,
    ['0' ... '9'] = TOKEN,
    [':' ... '@'] = VISIBLE,
    ['A' ... 'Z'] = TOKEN,
    ['[' ... ']'] = VISIBLE,
    ['^' ... 'z'] = TOKEN,
    ['{'] = VISIBLE,
    ['|'] = TOKEN,
    ['}'] = VISIBLE,
    ['~'] = TOKEN,
    [0x80 ... 0xFF] = CLASS_VALUE,
};

static intake_step_fn drop_all;

static intake_step_fn *const steps[] = {
    [INTAKE_START] = intake_start,
    [INTAKE_EMPTY_LF] = intake_empty_lf,
    [INTAKE_METHOD] = intake_method,
    [INTAKE_TARGET] = intake_target,
    [INTAKE_VERSION] = intake_version,
    [INTAKE_VERSION_LF] = intake_version_lf,
    [INTAKE_LINE] = intake_line,
    [INTAKE_NAME] = intake_name,
    [INTAKE_BEFORE_VALUE] = intake_before_value,
    [INTAKE_VALUE] = intake_value,
    [INTAKE_LENGTH] = intake_length,
    [INTAKE_CODING] = intake_coding,
    [INTAKE_AFTER_VALUE] = intake_after_value,
    [INTAKE_VALUE_LF] = intake_value_lf,
    [INTAKE_HEAD_LF] = intake_head_lf,
    [INTAKE_BODY] = intake_body,
    [INTAKE_CHUNK_SIZE] = intake_chunk_size,
    [INTAKE_CHUNK_BLANK] = intake_chunk_blank,
    [INTAKE_CHUNK_EXTENSION] = intake_chunk_extension,
    [INTAKE_CHUNK_SIZE_LF] = intake_chunk_size_lf,
    [INTAKE_CHUNK_DATA] = intake_chunk_data,
    [INTAKE_CHUNK_DATA_CR] = intake_chunk_data_cr,
    [INTAKE_CHUNK_DATA_LF] = intake_chunk_data_lf,
    [INTAKE_TRAILER] = intake_trailer,
    [INTAKE_TRAILER_NAME] = intake_trailer_name,
    [INTAKE_TRAILER_VALUE] = intake_trailer_value,
    [INTAKE_TRAILER_VALUE_LF] = intake_trailer_value_lf,
    [INTAKE_TRAILERS_LF] = intake_trailers_lf,
    [INTAKE_FAULTY] = drop_all,
};

static enum intake_step drop_all(struct http_intake *intake, struct intake_bytes *bytes)
{
    (void)intake;
    bytes->next = bytes->end;
    return STEP_DROP;
}

enum intake_step intake_drop(struct http_intake *intake, struct intake_bytes *bytes, const char *first)
{
    intake->dropped += (unsigned)(bytes->next - first);
    if (intake->dropped > DROPPED_MAX) {
        bytes->next = first;
        return intake_fail(intake, "chunk extensions and trailer fields must be at most 8 KiB");
    }
    return STEP_DROP;
}

/* What completes the part of a faulty request that libmicrohttpd has been given, so that the library asks http_server
 * for the answer, and http_server finds the fault. Appending to the name or value of a field is harmless, since no
 * field of a refused request is acted upon; but a Content-Length without a digit would be answered by the library. */
static struct text request_end(const struct http_intake *intake)
{
    static const char version_end[] = "HTTP/1.1\r\n\r\n";
    switch (intake->state) {
    case INTAKE_START:
    case INTAKE_EMPTY_LF:
        return TEXT("GET / HTTP/1.1\r\n\r\n");
    case INTAKE_METHOD:
        return TEXT(" / HTTP/1.1\r\n\r\n");
    case INTAKE_TARGET:
        return intake->count == 0 ? TEXT("/ HTTP/1.1\r\n\r\n") : TEXT(" HTTP/1.1\r\n\r\n");
    case INTAKE_VERSION:
        return text_of(version_end + intake->count);
    case INTAKE_NAME:
        return TEXT("x:\r\n\r\n");
    case INTAKE_BEFORE_VALUE:
    case INTAKE_VALUE:
    case INTAKE_LENGTH:
    case INTAKE_CODING:
    case INTAKE_AFTER_VALUE:
        return TEXT("0\r\n\r\n");
    case INTAKE_VERSION_LF:
    case INTAKE_VALUE_LF:
        return TEXT("\n\r\n");
    case INTAKE_HEAD_LF:
    case INTAKE_TRAILERS_LF:
        return TEXT("\n");
    case INTAKE_CHUNK_SIZE_LF:
        return intake->left == 0 ? TEXT("\n\r\n") : TEXT("x\r\n");
    case INTAKE_CHUNK_SIZE:
        if (intake->count == 0) {
            return TEXT("0\r\n\r\n");
        } /* fall through */
    case INTAKE_CHUNK_BLANK:
    case INTAKE_CHUNK_EXTENSION:
        return TEXT("x\r\n"); /* there is no end for half a size: the library's own 400 */
    case INTAKE_CHUNK_DATA_CR:
        return TEXT("\r\n0\r\n\r\n");
    case INTAKE_CHUNK_DATA_LF:
        return TEXT("\n0\r\n\r\n");
    default:
        return TEXT("\r\n"); /* the start of a field line; trailer lines, which are left out */
    }
}

static void refuse(struct http_intake *intake)
{
    assert(intake->fault != NULL && intake->state != INTAKE_BODY && intake->state != INTAKE_CHUNK_DATA);
    intake->pending = request_end(intake);
    intake->state = INTAKE_FAULTY;
}

size_t http_intake_read(struct http_intake *intake, char *data, size_t len)
{
    struct intake_bytes bytes = {data, data + len};
    size_t kept = 0;
    while (bytes.next < bytes.end) {
        const char *first = bytes.next;
        const enum intake_step step = steps[intake->state](intake, &bytes);
        if (step != STEP_DROP) {
            const size_t count = (size_t)(bytes.next - first);
            if (data + kept != first) {
                memmove(data + kept, first, count);
            }
            kept += count;
        }
        if (step == STEP_FAULT) {
            refuse(intake);
            break;
        }
    }
    return kept;
}

size_t http_intake_take_pending(struct http_intake *intake, char *out, size_t room)
{
    struct text *pending = &intake->pending;
    const size_t len = pending->len < room ? pending->len : room;
    if (len > 0) {
        memcpy(out, pending->data, len);
        *pending = (struct text){pending->data + len, pending->len - len};
    }
    return len;
}
