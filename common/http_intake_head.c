/* Steps of http_intake: the request line and the fields. */
#include <string.h>

#include "common/http_intake_step.h"

enum {
    /* What 18 digits say is far over every limit, and with one more still a number for libmicrohttpd. */
    LENGTH_DIGITS_MAX = 18,
    VERSION_LEN = 8,
    /* Before one request. */
    EMPTY_LINES_MAX = 16,
};

static const char request_line_sentence[] =
    "the request line must be a method, a target and HTTP/1.1, one space between";
static const char line_end_sentence[] = "a line must end with CR LF";
static const char value_sentence[] = "the value of a field must not have control characters";

static void begin_request(struct http_intake *intake)
{
    *intake = (struct http_intake){.state = INTAKE_METHOD, .request = intake->request + 1};
}

/* RFC 9112, section 2.2: an empty line before a request is ignored. */
enum intake_step intake_start(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (*bytes->next == '\r' && intake->count < EMPTY_LINES_MAX) {
        bytes->next++;
        intake->count++;
        intake->state = INTAKE_EMPTY_LF;
        return STEP_DROP;
    }
    begin_request(intake);
    if (!intake_is(*bytes->next, CLASS_TOKEN)) {
        intake->state = INTAKE_START;
        return intake_fail(intake, request_line_sentence);
    }
    return STEP_KEEP;
}

enum intake_step intake_empty_lf(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (*bytes->next != '\n') {
        begin_request(intake);
        intake->state = INTAKE_START;
        return intake_fail(intake, line_end_sentence);
    }
    bytes->next++;
    intake->state = INTAKE_START;
    return STEP_DROP;
}

enum intake_step intake_method(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (!intake_skip(bytes, CLASS_TOKEN)) {
        return STEP_KEEP;
    }
    return intake_take(intake, bytes, ' ', INTAKE_TARGET, request_line_sentence);
}

enum intake_step intake_target(struct http_intake *intake, struct intake_bytes *bytes)
{
    const char *first = bytes->next;
    const bool is_at_end = intake_skip(bytes, CLASS_TARGET);
    intake->count += (unsigned)(bytes->next - first);
    if (!is_at_end) {
        return STEP_KEEP;
    }
    if (intake->count == 0 || *bytes->next != ' ') {
        return intake_fail(intake, *bytes->next == ' ' ? request_line_sentence
                                                       : "the target must be visible ASCII without a fragment");
    }
    bytes->next++;
    intake->count = 0;
    intake->state = INTAKE_VERSION;
    return STEP_KEEP;
}

/* RFC 9112, section 2.3: "HTTP/" DIGIT "." DIGIT. Which of them are served is libmicrohttpd's to say: 505. */
enum intake_step intake_version(struct http_intake *intake, struct intake_bytes *bytes)
{
    static const char pattern[] = "HTTP/d.d";
    for (; bytes->next < bytes->end && intake->count < VERSION_LEN; bytes->next++, intake->count++) {
        const char byte = *bytes->next;
        const char wanted = pattern[intake->count];
        if (wanted == 'd' ? byte < '0' || byte > '9' : byte != wanted) {
            return intake_fail(intake, request_line_sentence);
        }
        intake->is_http_1_0 = byte == '0'; /* so does the last one say */
    }
    if (bytes->next == bytes->end) {
        return STEP_KEEP;
    }
    return intake_take(intake, bytes, '\r', INTAKE_VERSION_LF, request_line_sentence);
}

enum intake_step intake_version_lf(struct http_intake *intake, struct intake_bytes *bytes)
{
    return intake_take(intake, bytes, '\n', INTAKE_LINE, line_end_sentence);
}

enum intake_step intake_line(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (intake_is(*bytes->next, CLASS_TOKEN)) {
        intake->name_len = 0;
        intake->state = INTAKE_NAME;
        return STEP_KEEP;
    }
    if (*bytes->next == '\r') {
        bytes->next++;
        intake->state = INTAKE_HEAD_LF;
        return STEP_KEEP;
    }
    return intake_fail(intake, intake_is(*bytes->next, CLASS_BLANK) ? "a field must not be folded over lines"
                                                                    : "a field must begin with its name");
}

static bool name_is(const struct http_intake *intake, struct text lower)
{
    return intake->name_len == lower.len && memcmp(intake->name, lower.data, lower.len) == 0;
}

/* The name is complete. Returns the sentence of the rule that is broken by having such a field, or NULL. */
static const char *begin_value(struct http_intake *intake)
{
    static const char both[] = "Content-Length and Transfer-Encoding must not be sent together";
    intake->state = INTAKE_BEFORE_VALUE;
    intake->count = 0;
    if (name_is(intake, TEXT("content-length"))) {
        if (intake->has_content_length) {
            return "Content-Length must not be repeated";
        }
        intake->has_content_length = true;
        return intake->has_transfer_encoding ? both : NULL;
    }
    if (name_is(intake, TEXT("transfer-encoding"))) {
        if (intake->has_transfer_encoding) {
            return "Transfer-Encoding must not be repeated";
        }
        intake->has_transfer_encoding = true;
        /* RFC 9112, section 6.1: an HTTP/1.0 message with it has a faulty framing. */
        return intake->has_content_length ? both : intake->is_http_1_0 ? "HTTP/1.0 has no Transfer-Encoding" : NULL;
    }
    return NULL;
}

enum intake_step intake_name(struct http_intake *intake, struct intake_bytes *bytes)
{
    for (; bytes->next < bytes->end && intake_is(*bytes->next, CLASS_TOKEN); bytes->next++) {
        if (intake->name_len < INTAKE_NAME_SIZE) {
            const char byte = *bytes->next;
            intake->name[intake->name_len++] = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
        }
    }
    if (bytes->next == bytes->end) {
        return STEP_KEEP;
    }
    if (*bytes->next != ':') {
        return intake_fail(intake, intake_is(*bytes->next, CLASS_BLANK)
                                       ? "a field must not have white space before its colon"
                                       : "a field must be a name of token characters, a colon and a value");
    }
    const char *broken = begin_value(intake);
    if (broken != NULL) {
        intake->state = INTAKE_NAME;
        return intake_fail(intake, broken);
    }
    bytes->next++;
    return STEP_KEEP;
}

enum intake_step intake_before_value(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (!intake_skip(bytes, CLASS_BLANK)) {
        return STEP_KEEP;
    }
    if (name_is(intake, TEXT("content-length"))) {
        intake->state = INTAKE_LENGTH;
    } else if (name_is(intake, TEXT("transfer-encoding"))) {
        intake->state = INTAKE_CODING;
    } else {
        intake->state = INTAKE_VALUE;
    }
    return STEP_KEEP;
}

enum intake_step intake_value(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (!intake_skip(bytes, CLASS_VALUE)) {
        return STEP_KEEP;
    }
    return intake_take(intake, bytes, '\r', INTAKE_VALUE_LF, *bytes->next == '\n' ? line_end_sentence : value_sentence);
}

/* Behind the last character of a length or coding: white space or the line's end. */
static enum intake_step end_value(struct http_intake *intake, struct intake_bytes *bytes, const char *sentence)
{
    if (intake_is(*bytes->next, CLASS_BLANK)) {
        intake->state = INTAKE_AFTER_VALUE;
        return STEP_KEEP;
    }
    return intake_take(intake, bytes, '\r', INTAKE_VALUE_LF, sentence);
}

/* Content-Length = 1*DIGIT (RFC 9110, section 8.6). */
enum intake_step intake_length(struct http_intake *intake, struct intake_bytes *bytes)
{
    static const char sentence[] = "Content-Length must be a decimal number";
    for (; bytes->next < bytes->end && *bytes->next >= '0' && *bytes->next <= '9'; bytes->next++, intake->count++) {
        if (intake->count == LENGTH_DIGITS_MAX) {
            return intake_fail(intake, "Content-Length must have at most 18 digits");
        }
        intake->left = intake->left * 10 + (uint64_t)(*bytes->next - '0');
    }
    if (bytes->next == bytes->end) {
        return STEP_KEEP;
    }
    return intake->count == 0 ? intake_fail(intake, sentence) : end_value(intake, bytes, sentence);
}

/* "chunked" is the one coding that is understood. */
enum intake_step intake_coding(struct http_intake *intake, struct intake_bytes *bytes)
{
    static const char sentence[] = "Transfer-Encoding must be exactly chunked";
    static const char coding[] = "chunked";
    while (bytes->next < bytes->end && intake->count < sizeof(coding) - 1) {
        if ((*bytes->next | 0x20) != coding[intake->count]) {
            return intake_fail(intake, sentence);
        }
        bytes->next++;
        intake->count++;
    }
    return bytes->next == bytes->end ? STEP_KEEP : end_value(intake, bytes, sentence);
}

/* Optional white space is no part of a value (RFC 9110, section 5.5), but for libmicrohttpd it is. */
enum intake_step intake_after_value(struct http_intake *intake, struct intake_bytes *bytes)
{
    const char *first = bytes->next;
    intake_skip(bytes, CLASS_BLANK);
    if (bytes->next > first) {
        return STEP_DROP;
    }
    return intake_take(intake, bytes, '\r', INTAKE_VALUE_LF,
                       "Content-Length and Transfer-Encoding must have one value");
}

enum intake_step intake_value_lf(struct http_intake *intake, struct intake_bytes *bytes)
{
    return intake_take(intake, bytes, '\n', INTAKE_LINE, value_sentence);
}

static enum http_intake_state state_after_head(const struct http_intake *intake)
{
    if (intake->has_transfer_encoding) {
        return INTAKE_CHUNK_SIZE;
    }
    return intake->left > 0 ? INTAKE_BODY : INTAKE_START;
}

enum intake_step intake_head_lf(struct http_intake *intake, struct intake_bytes *bytes)
{
    intake->count = 0;
    return intake_take(intake, bytes, '\n', state_after_head(intake), line_end_sentence);
}
