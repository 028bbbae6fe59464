/* When an HTTP loop must run libmicrohttpd again, and how long it may sleep.
 *
 * One run sends the header and body of a response, the next one resets the connection, and a request that arrived in
 * between needs a third: with one run a turn, each next answer would wait for the next event.
 *
 * The library's epoll is edge-triggered and each run reads one piece, so bytes may be left in a socket for which no
 * event comes any more. While no request waits for its answer, MHD_get_timeout tells of such bytes: it is 0. While one
 * waits, it is always 0: then the loop runs the library again after a run with visible progress, and otherwise each
 * millisecond for a while.
 *
 * Pure; owned by the loop's thread. */
#ifndef TALLY_COMMON_HTTP_HTTP_PROGRESS_H
#define TALLY_COMMON_HTTP_HTTP_PROGRESS_H

#include <stdbool.h>

/* Zero-initialised before the first turn. */
struct http_progress {
    /* kept by the server */
    unsigned waiting;  /* requests that the application owes an answer */
    unsigned answered; /* answered, the response not yet queued */
    unsigned sending;  /* queued, not sent in full */
    unsigned arriving; /* requests that got a piece in the last run and are not complete */
    bool ended;        /* a response was queued, a request or a connection ended, in the last run */
    /* kept by the functions below */
    unsigned run;          /* number of the last run */
    unsigned runs_of_turn; /* so far */
    unsigned quiet_runs;   /* how many of the last of these had no visible progress */
    bool settled;          /* the turn's runs ended without visible progress */
    unsigned looks;        /* turns in a row that saw neither an event nor progress */
};

enum { HTTP_PROGRESS_RUNS_A_TURN_MAX = 3 };

void http_progress_begin_turn(struct http_progress *progress);
/* Whether the library is to be run once more in this turn. If so, the caller runs it and calls
 * http_progress_end_run. */
bool http_progress_begin_run(struct http_progress *progress);
void http_progress_end_run(struct http_progress *progress);

/* After a turn: milliseconds until the library is to be run again without an event; -1: the library knows. */
int http_progress_sleep_ms(const struct http_progress *progress);
/* The loop has slept. had_event: the library has an event, or there was no time to sleep. */
void http_progress_slept(struct http_progress *progress, bool had_event);

#endif
