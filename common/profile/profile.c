#include "common/profile/profile.h"

#include <stdlib.h>
#include <string.h>

#include "common/profile/profile_message.h"

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
}

void profile_add(struct profile *profile, void *const *frames, size_t depth, const char *label,
                 const int64_t values[PROFILE_VALUES])
{
    struct profile_sample sample = {.first = profile->frames.len / sizeof(uint64_t), .depth = depth};
    if (sample.first + depth > PROFILE_FRAMES_MAX) {
        profile->lost++;
        return;
    }
    memcpy(sample.values, values, sizeof(sample.values));
    strncpy(sample.label, label, sizeof(sample.label) - 1);
    for (size_t i = 0; i < depth; i++) {
        const uint64_t address = (uint64_t)(uintptr_t)frames[i] - (i > 0);
        buffer_append(&profile->frames, &address, sizeof(address));
    }
    buffer_append(&profile->samples, &sample, sizeof(sample));
}

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
