/* Steps of http_intake: the request line and the fields. */
#include <string.h>
#include <strings.h>

#include "common/http/http_intake_step.h"

enum {
    /* 18 digits are far over every limit, and with the one that request_end may append still a number for
     * libmicrohttpd. */
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
    if (intake->count == 0 && bytes->end - bytes->next > VERSION_LEN &&
        memcmp(bytes->next, "HTTP/1.1", VERSION_LEN) == 0) {
        bytes->next += VERSION_LEN; /* as nearly all say */
        intake->count = VERSION_LEN;
    }
    for (; bytes->next < bytes->end && intake->count < VERSION_LEN; bytes->next++, intake->count++) {
        const char byte = *bytes->next;
        const char wanted = pattern[intake->count];
        if (wanted == 'd' ? byte < '0' || byte > '9' : byte != wanted) {
            return intake_fail(intake, request_line_sentence);
        }
        intake->is_http_1_0 = byte == '0'; /* the last digit is the one that counts */
    }
    if (bytes->next == bytes->end) {
        return STEP_KEEP;
    }
    return intake_take_line_end(intake, bytes, INTAKE_VERSION_LF, INTAKE_LINE, request_line_sentence);
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
        return intake_name(intake, bytes);
    }
    if (*bytes->next == '\r') {
        bytes->next++;
        intake->state = INTAKE_HEAD_LF;
        return STEP_KEEP;
    }
    return intake_fail(intake, intake_is(*bytes->next, CLASS_BLANK) ? "a field must not be folded over lines"
                                                                    : "a field must begin with its name");
}

static bool name_is(struct text name, struct text wanted)
{
    return name.len == wanted.len && strncasecmp(name.data, wanted.data, wanted.len) == 0;
}

static enum http_intake_field field_of(struct text name)
{
    if (name_is(name, TEXT("Content-Length"))) {
        return INTAKE_CONTENT_LENGTH;
    }
    return name_is(name, TEXT("Transfer-Encoding")) ? INTAKE_TRANSFER_ENCODING : INTAKE_OTHER_FIELD;
}

/* The name is complete. Returns the sentence of the rule that is broken by having such a field, or NULL. */
static const char *begin_value(struct http_intake *intake, struct text name)
{
    static const char both[] = "Content-Length and Transfer-Encoding must not be sent together";
    intake->field = field_of(name);
    intake->count = 0;
    if (intake->field == INTAKE_CONTENT_LENGTH) {
        if (intake->has_content_length) {
            return "Content-Length must not be repeated";
        }
        intake->has_content_length = true;
        return intake->has_transfer_encoding ? both : NULL;
    }
    if (intake->field == INTAKE_TRANSFER_ENCODING) {
        if (intake->has_transfer_encoding) {
            return "Transfer-Encoding must not be repeated";
        }
        intake->has_transfer_encoding = true;
        /* RFC 9112, section 6.1: an HTTP/1.0 message with it has a faulty framing. */
        return intake->has_content_length ? both : intake->is_http_1_0 ? "HTTP/1.0 has no Transfer-Encoding" : NULL;
    }
    return NULL;
}

/* A name that comes in pieces is put together, as far as it is looked at. */
static struct text put_together(struct http_intake *intake, struct text piece)
{
    const size_t room = INTAKE_NAME_SIZE - intake->name_len;
    const size_t len = piece.len < room ? piece.len : room;
    memcpy(intake->name + intake->name_len, piece.data, len);
    intake->name_len += (unsigned)len;
    return (struct text){intake->name, intake->name_len};
}

enum intake_step intake_name(struct http_intake *intake, struct intake_bytes *bytes)
{
    const char *first = bytes->next;
    const bool is_complete = intake_skip(bytes, CLASS_TOKEN);
    struct text name = {first, (size_t)(bytes->next - first)};
    if (!is_complete || intake->name_len > 0) {
        name = put_together(intake, name);
    }
    if (!is_complete) {
        return STEP_KEEP;
    }
    if (*bytes->next != ':') {
        return intake_fail(intake, intake_is(*bytes->next, CLASS_BLANK)
                                       ? "a field must not have white space before its colon"
                                       : "a field must be a name of token characters, a colon and a value");
    }
    const char *broken = begin_value(intake, name);
    if (broken != NULL) {
        return intake_fail(intake, broken);
    }
    bytes->next++;
    intake->state = INTAKE_BEFORE_VALUE;
    return intake_before_value(intake, bytes);
}

enum intake_step intake_before_value(struct http_intake *intake, struct intake_bytes *bytes)
{
    if (!intake_skip(bytes, CLASS_BLANK)) {
        return STEP_KEEP;
    }
    switch (intake->field) {
    case INTAKE_CONTENT_LENGTH:
        intake->state = INTAKE_LENGTH;
        return intake_length(intake, bytes);
    case INTAKE_TRANSFER_ENCODING:
        intake->state = INTAKE_CODING;
        return intake_coding(intake, bytes);
    case INTAKE_OTHER_FIELD:
    default:
        intake->state = INTAKE_VALUE;
        return intake_value(intake, bytes);
    }
}

/* Whether one of eight bytes is a control character: below 0x20, or 0x7F (also a tab, which a value may have). The
 * well-known trick: subtracting borrows into the top bit of a byte that is too small. */
static bool has_control(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t deleted = word ^ (ones * 0x7F);
    return ((((word - ones * 0x20) & ~word) | ((deleted - ones) & ~deleted)) & (ones * 0x80)) != 0;
}

/* Skips eight bytes at a time while none is a control character: values are most of a head. */
static void skip_plain_words(struct intake_bytes *bytes)
{
    uint64_t word;
    while (bytes->end - bytes->next >= (ptrdiff_t)sizeof(word)) {
        memcpy(&word, bytes->next, sizeof(word));
        if (has_control(word)) {
            return;
        }
        bytes->next += sizeof(word);
    }
}

enum intake_step intake_value(struct http_intake *intake, struct intake_bytes *bytes)
{
    skip_plain_words(bytes);
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
    return intake_take_line_end(intake, bytes, INTAKE_VALUE_LF, INTAKE_LINE, sentence);
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
