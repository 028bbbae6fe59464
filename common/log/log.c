/* log_write ──> line on the caller's stack ──> ring (bytes of whole lines) ──> writer thread ──> stdout */
#include "common/log/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/log/log_line.h"
#include "common/log/log_ring.h"
#include "common/thread/thread.h"

enum {
    /* A pipe takes this much in one piece, and does not block on it after poll says it is writable. */
    CHUNK_BYTES = PIPE_BUF,
    /* How soon the writer notices that log_stop was called while stdout is blocked. */
    POLL_SLICE_MS = 20,
    /* How long after its time-out log_stop waits for a writer that is stuck within a write. */
    STUCK_AFTER_MS = 100,
    LIMITER_INTERVAL_US = 10 * 1000 * 1000,
};

_Static_assert((int)LOG_LINE_MAX <= (int)CHUNK_BYTES, "a line is written in one piece");

static struct {
    /* Set by log_start, read by every thread. */
    atomic_int format;
    /* Any thread. */
    atomic_int level;
    atomic_uint_fast64_t dropped;
    atomic_int_fast64_t give_up_us; /* monotonic time from which on the writer writes nothing */
    /* writer is owned by the thread that calls log_start and log_stop; lock and work are any thread's. */
    pthread_t writer;
    pthread_mutex_t lock;
    pthread_cond_t work; /* the ring got a line, or running changed */
    /* Guarded by lock. */
    bool running;
    struct log_ring ring;
} logger = {
    .format = LOG_FORMAT_CONSOLE,
    .level = LOG_LEVEL_INFO,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
};

static uint64_t count_lines(const char *data, size_t len)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < len; i++) {
        lines += data[i] == '\n';
    }
    return lines;
}

static void drop(const char *data, size_t len)
{
    atomic_fetch_add_explicit(&logger.dropped, count_lines(data, len), memory_order_relaxed);
}

/* Waits for lines. Returns 0 once log_stop was called and none is left. */
static size_t next_chunk(char chunk[CHUNK_BYTES])
{
    pthread_mutex_lock(&logger.lock);
    while (logger.ring.len == 0 && logger.running) {
        pthread_cond_wait(&logger.work, &logger.lock);
    }
    const size_t len = log_ring_pop(&logger.ring, chunk, CHUNK_BYTES);
    pthread_mutex_unlock(&logger.lock);
    return len;
}

/* Waits until fd can be written to; false once give_up_us has come. */
static bool wait_writable(int fd)
{
    for (;;) {
        if (clock_monotonic_us() >= atomic_load(&logger.give_up_us)) {
            return false;
        }
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        if (poll(&poll_fd, 1, POLL_SLICE_MS) > 0) {
            return true; /* also on an error: write says which */
        }
    }
}

static void write_chunk(int fd, const char *data, size_t len)
{
    while (len > 0 && wait_writable(fd)) {
        const ssize_t written = write(fd, data, len);
        if (written > 0) {
            data += written;
            len -= (size_t)written;
        } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
            break; /* reader gone, disk full: these lines are lost, later ones may not be */
        }
    }
    drop(data, len);
}

static void *writer_main(void *unused)
{
    (void)unused;
    char chunk[CHUNK_BYTES];
    size_t len;
    while ((len = next_chunk(chunk)) > 0) {
        write_chunk(STDOUT_FILENO, chunk, len);
    }
    return NULL;
}

/* Returns what running was before. */
static bool set_running(bool running)
{
    pthread_mutex_lock(&logger.lock);
    const bool before = logger.running;
    logger.running = running;
    pthread_cond_signal(&logger.work);
    pthread_mutex_unlock(&logger.lock);
    return before;
}

/* What a stuck writer left. */
static void drop_rest(void)
{
    pthread_mutex_lock(&logger.lock);
    char chunk[CHUNK_BYTES];
    size_t len;
    while ((len = log_ring_pop(&logger.ring, chunk, sizeof(chunk))) > 0) {
        drop(chunk, len);
    }
    pthread_mutex_unlock(&logger.lock);
}

int log_start(enum log_level level, enum log_format format, struct error *error)
{
    atomic_store(&logger.level, (int)level);
    atomic_store(&logger.format, (int)format);
    atomic_store(&logger.give_up_us, INT64_MAX);
    set_running(true);
    /* The writer takes no signals: a reader gone shows as EPIPE. */
    if (thread_start(&logger.writer, "log", writer_main, NULL, error) != 0) {
        set_running(false);
        return -1;
    }
    return 0;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load_explicit(&logger.level, memory_order_relaxed);
}

static struct timespec realtime_after_ms(int ms)
{
    const int64_t time_us = clock_realtime_us() + (int64_t)ms * 1000;
    return (struct timespec){.tv_sec = (time_t)(time_us / 1000000), .tv_nsec = (long)(time_us % 1000000) * 1000};
}

void log_stop(int timeout_ms)
{
    atomic_store(&logger.give_up_us, clock_monotonic_us() + (int64_t)timeout_ms * 1000);
    if (!set_running(false)) {
        return;
    }
    const struct timespec limit = realtime_after_ms(timeout_ms + STUCK_AFTER_MS);
    if (pthread_timedjoin_np(logger.writer, NULL, &limit) != 0) {
        /* The writer is stuck in write: a stopped terminal says that it is writable and then takes only a part. The
         * thread is left behind: cancelling it would be worse, and the process is about to end. */
        pthread_detach(logger.writer);
        drop_rest();
    }
}

uint64_t log_dropped(void)
{
    return atomic_load_explicit(&logger.dropped, memory_order_relaxed);
}

/* Before log_start and after log_stop: writes at once, or drops the line if stderr is blocked. */
static void write_to_stderr(const char *line, size_t len)
{
    struct pollfd poll_fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&poll_fd, 1, 0) <= 0 || write(STDERR_FILENO, line, len) != (ssize_t)len) {
        drop(line, len);
    }
}

void log_write(enum log_level level, const char *component, const char *msg, const struct log_field *fields,
               size_t field_count)
{
    if ((int)level < atomic_load_explicit(&logger.level, memory_order_relaxed)) {
        return;
    }
    const struct log_event event = {
        .level = level,
        .time_us = clock_realtime_us(),
        .component = component,
        .msg = msg,
        .fields = fields,
        .field_count = field_count,
    };
    char line[LOG_LINE_MAX];
    const enum log_format format = (enum log_format)atomic_load_explicit(&logger.format, memory_order_relaxed);
    const size_t len = log_line_format(line, sizeof(line), format, &event);

    pthread_mutex_lock(&logger.lock);
    const bool running = logger.running;
    const bool pushed = running && log_ring_push(&logger.ring, line, len);
    if (pushed) {
        pthread_cond_signal(&logger.work);
    }
    pthread_mutex_unlock(&logger.lock);

    if (!running) {
        write_to_stderr(line, len);
    } else if (!pushed) {
        drop(line, len);
    }
}

bool log_limiter_allows(struct log_limiter *limiter, int64_t now_us, uint64_t *ret_count)
{
    limiter->held_back++;
    if (now_us < limiter->next_us) {
        return false;
    }
    *ret_count = limiter->held_back;
    limiter->held_back = 0;
    limiter->next_us = now_us + LIMITER_INTERVAL_US;
    return true;
}
