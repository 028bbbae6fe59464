/* Between the files of http_intake: its steps. A step reads bytes of one kind, at most to where the kind ends. */
#ifndef TALLY_COMMON_HTTP_HTTP_INTAKE_STEP_H
#define TALLY_COMMON_HTTP_HTTP_INTAKE_STEP_H

#include "common/http/http_intake.h"

/* What becomes of the bytes that a step has read. */
enum intake_step {
    STEP_KEEP,
    STEP_DROP,
    STEP_FAULT, /* intake->fault was set: the bytes before `next` are kept */
};

struct intake_bytes {
    const char *next; /* the next byte to be read; there is one when a step begins */
    const char *end;
};

typedef enum intake_step intake_step_fn(struct http_intake *intake, struct intake_bytes *bytes);

/* Character classes. */
enum {
    CLASS_TOKEN = 1,  /* RFC 9110, section 5.6.2: tchar */
    CLASS_VALUE = 2,  /* RFC 9110, section 5.5: field-vchar, SP and HTAB */
    CLASS_TARGET = 4, /* visible ASCII, but not '#': a fragment is never sent (RFC 9112, section 3.2) */
    CLASS_BLANK = 8,  /* SP and HTAB */
};
extern const unsigned char intake_classes[256];

static inline bool intake_is(char byte, unsigned class_bits)
{
    return (intake_classes[(unsigned char)byte] & class_bits) != 0;
}

/* Steps over the bytes of a class. Returns whether a byte of another class follows: then that is the next. */
static inline bool intake_skip(struct intake_bytes *bytes, unsigned class_bits)
{
    while (bytes->next < bytes->end && intake_is(*bytes->next, class_bits)) {
        bytes->next++;
    }
    return bytes->next < bytes->end;
}

static inline enum intake_step intake_fail(struct http_intake *intake, const char *sentence)
{
    intake->fault = sentence;
    return STEP_FAULT;
}

/* Reads one byte, which must be `wanted`, and goes on in another state. */
static inline enum intake_step intake_take(struct http_intake *intake, struct intake_bytes *bytes, char wanted,
                                           enum http_intake_state state, const char *sentence)
{
    if (*bytes->next != wanted) {
        return intake_fail(intake, sentence);
    }
    bytes->next++;
    intake->state = state;
    return STEP_KEEP;
}

/* Reads the CR LF of a line: both and on to `state` if both are there, else only the CR and on to `lf_state`. */
static inline enum intake_step intake_take_line_end(struct http_intake *intake, struct intake_bytes *bytes,
                                                    enum http_intake_state lf_state, enum http_intake_state state,
                                                    const char *sentence)
{
    if (bytes->end - bytes->next >= 2 && bytes->next[0] == '\r' && bytes->next[1] == '\n') {
        bytes->next += 2;
        intake->state = state;
        return STEP_KEEP;
    }
    return intake_take(intake, bytes, '\r', lf_state, sentence);
}

/* Leaves out the bytes from `first` to bytes->next, and counts them: they are bounded, since a client may send them for
 * nothing. */
enum intake_step intake_drop(struct http_intake *intake, struct intake_bytes *bytes, const char *first);

/* http_intake_head.c */
intake_step_fn intake_start, intake_empty_lf, intake_method, intake_target, intake_version, intake_version_lf,
    intake_line, intake_name, intake_before_value, intake_value, intake_length, intake_coding, intake_after_value,
    intake_value_lf, intake_head_lf;
/* http_intake_body.c */
intake_step_fn intake_body, intake_chunk_size, intake_chunk_blank, intake_chunk_extension, intake_chunk_size_lf,
    intake_chunk_data, intake_chunk_data_cr, intake_chunk_data_lf, intake_trailer, intake_trailer_name,
    intake_trailer_value, intake_trailer_value_lf, intake_trailers_lf;

#endif
