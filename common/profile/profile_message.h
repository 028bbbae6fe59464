/* A profile as the message of proto/perftools/profiles/profile.proto: what profile.c and profile_message.c share. */
#ifndef TALLY_COMMON_PROFILE_PROFILE_MESSAGE_H
#define TALLY_COMMON_PROFILE_PROFILE_MESSAGE_H

#include "common/base/arena.h"
#include "common/profile/profile.h"
#include "common/profile/symbols.h"
#include "perftools/profiles/profile.pb-c.h"

struct profile_sample {
    size_t first; /* place of its innermost frame among the profile's */
    size_t depth;
    int64_t values[PROFILE_VALUES];
    char label[PROFILE_LABEL_SIZE]; /* NULs behind its end */
    uint64_t hash;                  /* of frames and label */
};

/* The message, in the arena, until that or the symbols are gone; NULL when out of memory. */
const Perftools__Profiles__Profile *profile_message_make(const struct profile *profile, struct symbols *symbols,
                                                         struct arena *arena) MUST_CHECK;

#endif
