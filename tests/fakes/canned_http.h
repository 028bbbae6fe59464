/* A TCP server on the loopback that reads one request a connection and answers all of them with the same bytes:
 * whatever a test wants an HTTP client to meet. */
#ifndef TALLY_TESTS_FAKES_CANNED_HTTP_H
#define TALLY_TESTS_FAKES_CANNED_HTTP_H

struct canned_http;

/* answer: the bytes (NUL-terminated, not copied) that follow each request; NULL: none ever, the connection stays open.
 * Returns NULL on failure. */
struct canned_http *canned_http_start(const char *answer);
/* Joins its thread. NULL is fine. */
void canned_http_stop(struct canned_http *server);
int canned_http_port(const struct canned_http *server);
/* The last request read, NUL-terminated; valid until the server is stopped. Call it after an answer has come. */
const char *canned_http_request(const struct canned_http *server);

#endif
