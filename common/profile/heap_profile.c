#include "common/profile/heap_profile.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/text.h"

enum { FRAMES_MAX = 128, PATH_SIZE = 64, PIECE = 64 * 1024 };

static const struct profile_kind heap_kind = {
    .values = {{"inuse_objects", "count"}, {"inuse_space", "bytes"}},
    .period = {"space", "bytes"},
    .drop_frames = "malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|memalign|operator new.*|_Zn.*",
};

/* jemalloc reads this before main(): see its manual, "TUNING". Sampling can be turned on, and is off. */
extern const char *malloc_conf;
const char *malloc_conf = "prof:true,prof_active:false,lg_prof_sample:19";

/* jemalloc's, if the program is linked with it. Returns 0 or an errno. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *value, size_t value_len) __attribute__((weak));

bool heap_profile_is_there(void)
{
    bool can = false;
    size_t size = sizeof(can);
    return mallctl != NULL && mallctl("opt.prof", &can, &size, NULL, 0) == 0 && can;
}

int heap_profile_set_active(bool is_active, struct error *error)
{
    int failure = mallctl != NULL ? mallctl("prof.reset", NULL, NULL, NULL, 0) : ENOSYS;
    if (failure == 0) {
        failure = mallctl("prof.active", NULL, NULL, &is_active, sizeof(is_active));
    }
    if (failure != 0) {
        error_set(error, "the allocator does not take samples: %s", strerror(failure));
        return -1;
    }
    return 0;
}

bool heap_profile_is_active(void)
{
    bool is_active = false;
    size_t size = sizeof(is_active);
    return mallctl != NULL && mallctl("prof.active", &is_active, &size, NULL, 0) == 0 && is_active;
}

/* ---- what jemalloc writes ---- */

/*     heap_v2/524288
 *       t*: 2: 300 [0: 0]                 all threads: objects: bytes, and since the start
 *     @ 0x7f01 0x7f02                     a stack, innermost first
 *       t*: 1: 100 [0: 0]
 *       t3: 1: 100 [0: 0]                 of one thread
 *
 *     MAPPED_LIBRARIES: ... */

static size_t read_frames(struct text line, void *frames[FRAMES_MAX])
{
    size_t count = 0;
    while (line.len > 0 && count < FRAMES_MAX) {
        const struct text word = text_cut(&line, ' ');
        char *end;
        /* What is cut ends with a blank, or with the line. */
        const uintptr_t address = (uintptr_t)strtoull(word.data, &end, 16);
        if (end == word.data + word.len && word.len > 0) {
            frames[count++] = (void *)address; /* NOLINT(performance-no-int-to-ptr): it is one */
        }
    }
    return count;
}

/* "  t*: 2: 300 [...": false if it is another line. */
static bool read_sums(struct text line, int64_t *ret_objects, int64_t *ret_bytes)
{
    const struct text who = text_cut(&line, ':');
    if (!text_equal(who, TEXT("  t*")) || line.len == 0) {
        return false;
    }
    text_cut(&line, ' ');
    const struct text objects = text_cut(&line, ':');
    text_cut(&line, ' ');
    const struct text bytes = text_cut(&line, ' ');
    return decimal_parse(objects, ret_objects) && decimal_parse(bytes, ret_bytes);
}

/* How many of the innermost frames are the allocator's: what is allocated is its caller's. */
static size_t allocator_frames(void *const *frames, size_t depth)
{
    Dl_info allocator;
    Dl_info info;
    size_t count = 0;
    if (mallctl == NULL ||
        dladdr((void *)(uintptr_t)mallctl, &allocator) == 0) { /* NOLINT(performance-no-int-to-ptr) */
        return 0;
    }
    while (count + 1 < depth && dladdr(frames[count], &info) != 0 && info.dli_fbase == allocator.dli_fbase) {
        count++;
    }
    return count;
}

/* An object of so many bytes is sampled with the probability 1 - e^(-bytes/rate): each stands for its inverse. */
static void add_stack(struct profile *profile, void *const *frames, size_t depth, int64_t objects, int64_t bytes)
{
    if (objects <= 0 || bytes <= 0 || depth == 0) {
        return;
    }
    const double size = (double)bytes / (double)objects;
    const double scale = 1 / -expm1(-size / (double)profile->period);
    const int64_t values[PROFILE_VALUES] = {llround((double)objects * scale), llround((double)bytes * scale)};
    const size_t inner = allocator_frames(frames, depth);
    profile_add(profile, frames + inner, depth - inner, "", values);
}

int heap_profile_read(struct text text, struct profile *ret_profile, struct error *error)
{
    void *frames[FRAMES_MAX];
    size_t depth = 0;
    int64_t objects;
    int64_t bytes;
    struct text first = text_cut(&text, '\n');
    profile_init(ret_profile, &heap_kind, 0);
    const struct text format = text_cut(&first, '/');
    if (!text_equal(format, TEXT("heap_v2")) || !decimal_parse(first, &ret_profile->period) ||
        ret_profile->period <= 0) {
        error_set(error, "what jemalloc has written is no heap_v2");
        return -1;
    }
    while (text.len > 0) {
        struct text line = text_cut(&text, '\n');
        if (line.len > 0 && line.data[0] == '@') {
            text_cut(&line, ' ');
            depth = read_frames(line, frames);
        } else if (read_sums(line, &objects, &bytes)) {
            add_stack(ret_profile, frames, depth, objects, bytes);
        } else if (text_equal(line, TEXT("MAPPED_LIBRARIES:"))) {
            break;
        }
    }
    return 0;
}

/* ---- a dump ---- */

/* Appends what the file holds, and a NUL, which ends the last number. */
static int read_whole(int fd, struct buffer *out, struct error *error)
{
    ssize_t count = 1;
    if (lseek(fd, 0, SEEK_SET) != 0) {
        count = -1;
    }
    while (count > 0 && buffer_reserve(out, PIECE) == 0) {
        count = read(fd, out->data + out->len, PIECE);
        out->len += count > 0 ? (size_t)count : 0;
    }
    if (count < 0) {
        error_set(error, "cannot read what jemalloc has written: %s", strerror(errno));
        return -1;
    }
    buffer_append(out, "", 1);
    return 0;
}

/* Into a file that has no name. */
static int dump(int fd, struct error *error)
{
    char path[PATH_SIZE];
    const char *name = path;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const int failure = mallctl != NULL ? mallctl("prof.dump", NULL, NULL, &name, sizeof(name)) : ENOSYS;
    if (failure != 0) {
        error_set(error, "jemalloc does not tell: %s", strerror(failure));
        return -1;
    }
    return 0;
}

int heap_profile_take(struct profile *ret_profile, struct error *error)
{
    struct buffer text;
    buffer_init(&text);
    profile_init(ret_profile, &heap_kind, 0);
    const int fd = memfd_create("heap", MFD_CLOEXEC);
    int result = -1;
    if (fd < 0) {
        error_set(error, "memfd_create: %s", strerror(errno));
    } else if (dump(fd, error) == 0 && read_whole(fd, &text, error) == 0) {
        result = text.failed ? -1 : heap_profile_read((struct text){text.data, text.len - 1}, ret_profile, error);
        if (text.failed) {
            error_set(error, "out of memory");
        }
    }
    ret_profile->start_us = clock_realtime_us();
    if (fd >= 0) {
        close(fd);
    }
    buffer_done(&text);
    return result;
}
