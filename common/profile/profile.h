/* Stacks, and what was counted at each: what a profile is made of, in the format that `go tool pprof` reads
 * (proto/perftools/profiles/profile.proto). Owned by one thread. */
#ifndef TALLY_COMMON_PROFILE_PROFILE_H
#define TALLY_COMMON_PROFILE_PROFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"

enum {
    PROFILE_VALUES = 2,
    PROFILE_LABEL_SIZE = 16,
    /* Stacks that differ, and their frames: with what is made of them some tens of MB. */
    PROFILE_STACKS_MAX = 32 * 1024,
    PROFILE_FRAMES_MAX = 1024 * 1024,
};

/* pprof's words: "cpu" in "nanoseconds". */
struct profile_unit {
    const char *type;
    const char *unit;
};

/* What the values are. The texts are static. */
struct profile_kind {
    struct profile_unit values[PROFILE_VALUES]; /* pprof shows the last one, unless asked for another */
    struct profile_unit period;
    const char *drop_frames; /* functions that are left out, and what they call: a regular expression; "": none */
};

struct profile {
    const struct profile_kind *kind;
    int64_t period;
    int64_t start_us; /* since 1970 */
    int64_t duration_us;
    uint64_t lost;         /* samples that found no room */
    struct buffer frames;  /* addresses within the calls, uint64_t each */
    struct buffer samples; /* struct profile_sample each; equal stacks of equal labels are one */
    uint32_t *table;       /* places of samples by their hash; NULL before the first */
};

void profile_init(struct profile *profile, const struct profile_kind *kind, int64_t period);
void profile_done(struct profile *profile);

/* frames: innermost first; of all but the first the call is just before. label: of the thread, PROFILE_LABEL_SIZE - 1
 * bytes at most; "": none. */
void profile_add(struct profile *profile, void *const *frames, size_t depth, const char *label,
                 const int64_t values[PROFILE_VALUES]);
/* Appends the message. Returns 0, or -1 with error filled. */
int profile_write(const struct profile *profile, struct buffer *out, struct error *error) MUST_CHECK;

#endif
