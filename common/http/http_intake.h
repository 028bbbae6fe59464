/* The strict reader of a connection's bytes, in front of libmicrohttpd: what the library would read otherwise than
 * RFC 9110 and 9112 say, so otherwise than a proxy in front may have read it, never gets to it.
 *
 *     socket ──> http_receive ──> http_intake_read ──┬─ as it came ──> libmicrohttpd ──> http_server
 *                                                    └─ a fault: what ends the request goes to libmicrohttpd,
 *                                                       the rest of the connection is dropped
 *
 * Refused: a request line that is not method SP target SP version (9112, section 3); a field line that is not
 * token ":" value (9112, 5; 9110, 5.1 and 5.5), so white space before the colon, folded lines, bare CR or LF, NUL; a
 * framing that is not clear (9112, 6.1 to 6.3); chunks that are not as 9112, 7.1 has them. Left out, because it means
 * nothing here and the library reads it wrong: empty lines before a request (9112, 2.2), white space behind a length or
 * coding, chunk extensions, trailer fields.
 *
 * Since libmicrohttpd sees whole and clear requests only, http_intake and the library count the same requests: by its
 * number a faulty request is told from the good ones before it on the connection. Pure; owned by the loop's thread. */
#ifndef TALLY_COMMON_HTTP_HTTP_INTAKE_H
#define TALLY_COMMON_HTTP_HTTP_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

/* What the next byte belongs to. */
enum http_intake_state {
    INTAKE_START, /* the start of a request, or an empty line before it */
    INTAKE_EMPTY_LF,
    INTAKE_METHOD,
    INTAKE_TARGET,
    INTAKE_VERSION, /* up to its CR */
    INTAKE_VERSION_LF,
    INTAKE_LINE, /* the start of a field line, or the empty line at the end */
    INTAKE_NAME,
    INTAKE_BEFORE_VALUE,
    INTAKE_VALUE,
    INTAKE_LENGTH,      /* the value of Content-Length */
    INTAKE_CODING,      /* the value of Transfer-Encoding */
    INTAKE_AFTER_VALUE, /* the white space behind either */
    INTAKE_VALUE_LF,
    INTAKE_HEAD_LF,
    INTAKE_BODY,
    INTAKE_CHUNK_SIZE,
    INTAKE_CHUNK_BLANK,     /* white space before an extension */
    INTAKE_CHUNK_EXTENSION, /* up to its CR */
    INTAKE_CHUNK_SIZE_LF,
    INTAKE_CHUNK_DATA,
    INTAKE_CHUNK_DATA_CR,
    INTAKE_CHUNK_DATA_LF,
    INTAKE_TRAILER, /* the start of a trailer line, or the empty line at the end */
    INTAKE_TRAILER_NAME,
    INTAKE_TRAILER_VALUE,
    INTAKE_TRAILER_VALUE_LF,
    INTAKE_TRAILERS_LF,
    INTAKE_FAULTY, /* everything is dropped */
};

enum {
    /* The longest name that is looked at, "transfer-encoding", and one more. */
    INTAKE_NAME_SIZE = 18,
};

/* The fields that frame a request. */
enum http_intake_field { INTAKE_OTHER_FIELD, INTAKE_CONTENT_LENGTH, INTAKE_TRANSFER_ENCODING };

/* Zero-initialised: nothing was read yet. */
struct http_intake {
    enum http_intake_state state;
    uint32_t request;    /* number of the request that is being read, or was last; the first is 1 */
    const char *fault;   /* static sentence; NULL: none */
    struct text pending; /* what libmicrohttpd is still to be given after a fault */
    /* of the line being read */
    unsigned count; /* empty lines; or bytes of the target, the version, a length, a coding, a chunk's size so far */
    enum http_intake_field field;
    unsigned name_len;           /* of what earlier pieces brought of the name */
    char name[INTAKE_NAME_SIZE]; /* the rest of a longer one is not kept */
    /* of the request being read */
    bool is_http_1_0;
    bool has_content_length;
    bool has_transfer_encoding;
    uint64_t left;    /* bytes of the body, or of the chunk, still to come */
    unsigned dropped; /* bytes of chunk extensions and trailer fields, which are left out */
};

/* Reads `len` bytes that came on the connection. data is rewritten in place; returns how many bytes of it libmicrohttpd
 * is to be given. After a fault http_intake_take_pending has more. */
size_t http_intake_read(struct http_intake *intake, char *data, size_t len);
/* What is still to be given after a fault: writes at most `room` bytes, returns how many. */
size_t http_intake_take_pending(struct http_intake *intake, char *out, size_t room);

/* The fault of the request of that number (libmicrohttpd's count: the first on the connection is 1), a static sentence
 * that names the rule; NULL if it has none. */
static inline const char *http_intake_fault(const struct http_intake *intake, uint32_t request)
{
    return intake->request == request ? intake->fault : NULL;
}

#endif
