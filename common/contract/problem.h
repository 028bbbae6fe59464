/* Problem documents (RFC 9457): the body of every error that the HTTP interfaces answer. Pure. */
#ifndef TALLY_COMMON_CONTRACT_PROBLEM_H
#define TALLY_COMMON_CONTRACT_PROBLEM_H

#include "common/base/buffer.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* Appends {"type":"/problems/<slug>","title","status","detail","outcome"}. slug: "not-found", of a-z and '-'. title:
 * the same for every problem of a type. detail: about this problem; names a field and a rule, never internals. outcome:
 * what became of a write, from outcome_name; NULL if the request was no write: then it is left out. All UTF-8. */
void problem_write(struct buffer *out, const char *slug, const char *title, int http_status, const char *detail,
                   const char *outcome);

#endif
