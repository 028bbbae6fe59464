/* Steps of http_intake: bodies by length, and in chunks (RFC 9112, section 7.1). */
#include "common/http/http_intake_step.h"

#include "common/base/percent.h"

enum {
    /* Fifteen say more than any limit. */
    SIZE_DIGITS_MAX = 15,
};

static const char size_sentence[] = "a chunk must have its size in hexadecimal digits and CR LF";
static const char data_sentence[] = "a chunk must have as many bytes as it says, and CR LF";
static const char trailer_sentence[] = "a trailer field must be a name of token characters, a colon and a value";

/* Reads what has come of the `left` bytes still to come. Returns whether that was all of them. */
static bool take_left(struct http_intake *intake, struct intake_bytes *bytes)
{
    const uint64_t there = (uint64_t)(bytes->end - bytes->next);
    const uint64_t taken = there < intake->left ? there : intake->left;
    bytes->next += taken;
    intake->left -= taken;
    return intake->left == 0;
}

enum intake_step intake_body(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (take_left(intake, bytes)) {
        intake->state = INTAKE_START;
    }
    return STEP_KEEP;
}

/* Behind the digits. */
static enum intake_step end_size(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (intake->count == 0) {
        return intake_fail(intake, size_sentence);
    }
    if (*bytes->next == ';' || intake_is(*bytes->next, CLASS_BLANK)) {
        intake->state = INTAKE_CHUNK_BLANK;
        return STEP_KEEP;
    }
    return intake_take(intake, bytes, '\r', INTAKE_CHUNK_SIZE_LF, size_sentence);
}

enum intake_step intake_chunk_size(struct http_intake *intake, struct intake_bytes *bytes)
{
    for (; bytes->next < bytes->end && hex_value(*bytes->next) >= 0; bytes->next++, intake->count++) {
        if (intake->count == SIZE_DIGITS_MAX) {
            return intake_fail(intake, "the size of a chunk must have at most 15 digits");
        }
        intake->left = intake->left * 16 + (uint64_t)hex_value(*bytes->next);
    }
    return bytes->next == bytes->end ? STEP_KEEP : end_size(intake, bytes);
}

/* White space is read where an extension follows (RFC 9112, section 7.1.1: BWS), and nowhere else. */
enum intake_step intake_chunk_blank(struct http_intake *intake, struct intake_bytes *bytes)
{
    const char *first = bytes->next;
    if (*first == ';') {
        intake->state = INTAKE_CHUNK_EXTENSION;
        return STEP_KEEP;
    }
    intake_skip(bytes, CLASS_BLANK);
    return bytes->next > first ? intake_drop(intake, bytes, first) : intake_fail(intake, size_sentence);
}

/* A chunk extension is ignored, as every unknown one (RFC 9112, section 7.1.1). A line feed in it is refused: some
 * readers end the extension there, others do not. */
enum intake_step intake_chunk_extension(struct http_intake *intake, struct intake_bytes *bytes)
{
    const char *first = bytes->next;
    intake_skip(bytes, CLASS_VALUE);
    if (bytes->next > first) {
        return intake_drop(intake, bytes, first);
    }
    return intake_take(intake, bytes, '\r', INTAKE_CHUNK_SIZE_LF, size_sentence);
}

enum intake_step intake_chunk_size_lf(struct http_intake *intake, struct intake_bytes *bytes)
{
    return intake_take(intake, bytes, '\n', intake->left > 0 ? INTAKE_CHUNK_DATA : INTAKE_TRAILER, size_sentence);
}

enum intake_step intake_chunk_data(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (take_left(intake, bytes)) {
        intake->state = INTAKE_CHUNK_DATA_CR;
    }
    return STEP_KEEP;
}

enum intake_step intake_chunk_data_cr(struct http_intake *intake, struct intake_bytes *bytes)
{
    return intake_take(intake, bytes, '\r', INTAKE_CHUNK_DATA_LF, data_sentence);
}

enum intake_step intake_chunk_data_lf(struct http_intake *intake, struct intake_bytes *bytes)
{
    intake->count = 0;
    return intake_take(intake, bytes, '\n', INTAKE_CHUNK_SIZE, data_sentence);
}

/* --- trailer fields: checked like others, and left out ------------------------------------------------------------ */

enum intake_step intake_trailer(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (*bytes->next == '\r') {
        bytes->next++;
        intake->state = INTAKE_TRAILERS_LF;
        return STEP_KEEP;
    }
    intake->state = INTAKE_TRAILER_NAME;
    return intake_is(*bytes->next, CLASS_TOKEN) ? STEP_DROP : intake_fail(intake, trailer_sentence);
}

enum intake_step intake_trailer_name(struct http_intake *intake, struct intake_bytes *bytes)
{
    const char *first = bytes->next;
    intake_skip(bytes, CLASS_TOKEN);
    if (bytes->next > first) {
        return intake_drop(intake, bytes, first);
    }
    if (*first != ':') {
        return intake_fail(intake, trailer_sentence);
    }
    bytes->next++;
    intake->state = INTAKE_TRAILER_VALUE;
    return intake_drop(intake, bytes, first);
}

enum intake_step intake_trailer_value(struct http_intake *intake, struct intake_bytes *bytes)
{
    const char *first = bytes->next;
    intake_skip(bytes, CLASS_VALUE);
    if (bytes->next == first) {
        if (*first != '\r') {
            return intake_fail(intake, trailer_sentence);
        }
        bytes->next++;
        intake->state = INTAKE_TRAILER_VALUE_LF;
    }
    return intake_drop(intake, bytes, first);
}

enum intake_step intake_trailer_value_lf(struct http_intake *intake, struct intake_bytes *bytes)
{
    const char *first = bytes->next;
    if (*first != '\n') {
        return intake_fail(intake, trailer_sentence);
    }
    bytes->next++;
    intake->state = INTAKE_TRAILER;
    return intake_drop(intake, bytes, first);
}

enum intake_step intake_trailers_lf(struct http_intake *intake, struct intake_bytes *bytes)
{
    return intake_take(intake, bytes, '\n', INTAKE_START, trailer_sentence);
}
