#include "common/profile/profile.h"

#include <stdlib.h>
#include <string.h>

#include "common/profile/profile_message.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NO_SAMPLE UINT32_MAX

enum { TABLE_SIZE = 2 * PROFILE_STACKS_MAX }; /* a power of 2 */

void profile_init(struct profile *profile, const struct profile_kind *kind, int64_t period)
{
    *profile = (struct profile){.kind = kind, .period = period};
    buffer_init(&profile->frames);
    buffer_init(&profile->samples);
}

void profile_done(struct profile *profile)
{
    buffer_done(&profile->frames);
    buffer_done(&profile->samples);
    free(profile->table);
}

/* ---- samples ---- */

static size_t sample_count(const struct profile *profile)
{
    return profile->samples.len / sizeof(struct profile_sample);
}

static size_t frame_count(const struct profile *profile)
{
    return profile->frames.len / sizeof(uint64_t);
}

static struct profile_sample *sample_at(const struct profile *profile, size_t place)
{
    return (struct profile_sample *)(void *)profile->samples.data + place;
}

static bool is_equal(const struct profile *profile, const struct profile_sample *a, const struct profile_sample *b)
{
    const uint64_t *frames = (const uint64_t *)(const void *)profile->frames.data;
    return a->hash == b->hash && a->depth == b->depth && memcmp(a->label, b->label, sizeof(a->label)) == 0 &&
           memcmp(frames + a->first, frames + b->first, a->depth * sizeof(*frames)) == 0;
}

static uint64_t hash_of(const struct profile *profile, const struct profile_sample *sample)
{
    const uint64_t *frames = (const uint64_t *)(const void *)profile->frames.data;
    const uint64_t seed = XXH3_64bits(sample->label, sizeof(sample->label));
    return XXH3_64bits_withSeed(frames + sample->first, sample->depth * sizeof(*frames), seed);
}

/* Where its equal is, or would be. Half of the table is free at least. */
static uint32_t *find(const struct profile *profile, const struct profile_sample *sample)
{
    uint64_t i = sample->hash;
    for (;; i++) {
        uint32_t *place = &profile->table[i % TABLE_SIZE];
        if (*place == NO_SAMPLE || is_equal(profile, sample_at(profile, *place), sample)) {
            return place;
        }
    }
}

static bool make_table(struct profile *profile)
{
    if (profile->table == NULL && (profile->table = malloc(TABLE_SIZE * sizeof(*profile->table))) != NULL) {
        memset(profile->table, 0xFF, TABLE_SIZE * sizeof(*profile->table)); /* NO_SAMPLE */
    }
    profile->samples.failed |= profile->table == NULL;
    return profile->table != NULL;
}

/* Its frames are the profile's last ones. Returns whether it is a new stack. */
static bool put(struct profile *profile, struct profile_sample *sample)
{
    sample->hash = hash_of(profile, sample);
    uint32_t *place = find(profile, sample);
    if (*place == NO_SAMPLE) {
        *place = (uint32_t)sample_count(profile);
        buffer_append(&profile->samples, sample, sizeof(*sample));
        return true;
    }
    for (size_t i = 0; i < PROFILE_VALUES; i++) {
        sample_at(profile, *place)->values[i] += sample->values[i];
    }
    return false;
}

void profile_add(struct profile *profile, void *const *frames, size_t depth, const char *label,
                 const int64_t values[PROFILE_VALUES])
{
    struct profile_sample sample = {.first = frame_count(profile), .depth = depth};
    const size_t frames_len = profile->frames.len;
    if (sample.first + depth > PROFILE_FRAMES_MAX || sample_count(profile) == PROFILE_STACKS_MAX) {
        profile->lost++;
        return;
    }
    memcpy(sample.values, values, sizeof(sample.values));
    strncpy(sample.label, label, sizeof(sample.label) - 1);
    for (size_t i = 0; i < depth; i++) {
        const uint64_t address = (uint64_t)(uintptr_t)frames[i] - (i > 0);
        buffer_append(&profile->frames, &address, sizeof(address));
    }
    if (profile->frames.failed || profile->samples.failed || !make_table(profile)) {
        return;
    }
    if (!put(profile, &sample)) {
        profile->frames.len = frames_len;
    }
}

/* ---- the message ---- */

int profile_write(const struct profile *profile, struct buffer *out, struct error *error)
{
    struct arena arena;
    int result = -1;
    struct symbols *symbols = symbols_open(error);
    if (symbols == NULL) {
        return -1;
    }
    arena_init(&arena);
    const Perftools__Profiles__Profile *message =
        profile->frames.failed || profile->samples.failed ? NULL : profile_message_make(profile, symbols, &arena);
    if (message != NULL && buffer_reserve(out, perftools__profiles__profile__get_packed_size(message)) == 0) {
        out->len += perftools__profiles__profile__pack(message, (uint8_t *)out->data + out->len);
        result = 0;
    } else {
        error_set(error, "out of memory");
    }
    arena_done(&arena);
    symbols_close(symbols);
    return result;
}
