#include "common/http/http_progress.h"

enum {
    /* While a request waits: a look each millisecond for as many turns as the longest header block takes in pieces of
     * 128 bytes, then, since thousands may be waiting for a stuck service, more rarely. */
    LOOKS_MAX = 64,
    LOOK_MS = 1,
    RARE_LOOK_MS = 10,
};

void http_progress_begin_turn(struct http_progress *progress)
{
    progress->settled = false;
    progress->runs_of_turn = 0;
    progress->quiet_runs = 0;
}

bool http_progress_begin_run(struct http_progress *progress)
{
    if (progress->settled || progress->runs_of_turn == HTTP_PROGRESS_RUNS_A_TURN_MAX) {
        return false;
    }
    progress->runs_of_turn++;
    progress->run++;
    progress->arriving = 0;
    progress->ended = false;
    return true;
}

void http_progress_end_run(struct http_progress *progress)
{
    progress->quiet_runs = progress->ended || progress->arriving > 0 ? 0 : progress->quiet_runs + 1;
    /* One quiet run settles the turn; two while a response is on its way, since sending it and resetting the connection
     * are not seen. */
    progress->settled = progress->quiet_runs >= (progress->sending > 0 ? 2 : 1);
}

int http_progress_sleep_ms(const struct http_progress *progress)
{
    if (!progress->settled || progress->answered > 0) {
        return 0;
    }
    if (progress->waiting > 0) {
        return progress->looks < LOOKS_MAX ? LOOK_MS : RARE_LOOK_MS;
    }
    return -1;
}

void http_progress_slept(struct http_progress *progress, bool had_event)
{
    progress->looks = had_event ? 0 : progress->looks + 1;
}
