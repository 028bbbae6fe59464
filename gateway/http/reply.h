/* Answers: headers that every answer carries, problem documents (RFC 9457), and the metrics of it. Each function but
 * reply_add_header and reply_set_freshness answers the request and ends its state. No answer may be kept by a cache but
 * a 200 that is_cacheable or has a freshness. Loop thread only. */
#ifndef TALLY_GATEWAY_HTTP_REPLY_H
#define TALLY_GATEWAY_HTTP_REPLY_H

#include "common/contract/status.h"
#include "gateway/http/request_state.h"

/* Errors that HTTP knows and gRPC does not. */
enum http_problem {
    PROBLEM_FORBIDDEN,
    PROBLEM_NOT_FOUND,
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_CONTENT_TOO_LARGE,
    PROBLEM_UNSUPPORTED_MEDIA_TYPE
};

/* Adds a header to the answer to come, at most four. name is static; value lives until then. */
void reply_add_header(struct request_state *state, const char *name, const char *value);

/* Lets caches keep the answer to come, if it is a 200 to GET: it is so old, and may be given up to an age of
 * max_age_ms. They are told whole seconds, the age rounded up and max_age_ms down, so that what is left is never more
 * than there is (Age and Cache-Control: RFC 9111, sections 5.1 and 5.2.2.1). Of one that is too old, or with a
 * max_age_ms below a second, or asked for with an Authorization, only the age is told, and no cache keeps it. Neither
 * is negative. */
void reply_set_freshness(struct request_state *state, int64_t age_ms, int64_t max_age_ms);

/* JSON that was written into request->reply. */
void reply_json(struct request_state *state, int http_status);
/* The same for another type. is_cacheable: caches may keep it. */
void reply_document(struct request_state *state, int http_status, const char *content_type, bool is_cacheable);
/* 204 to OPTIONS, and what a browser asks before it lets a page call. allow: the value of the Allow header. */
void reply_options(struct request_state *state, const char *allow);
/* A problem document, instead of what request->reply holds. detail: a sentence that names field and rule; NULL for the
 * usual one of that status. */
void reply_problem(struct request_state *state, enum status status, const char *detail);
void reply_http_problem(struct request_state *state, enum http_problem problem, const char *detail);

#endif
