#include "common/log/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "tests/fakes/wait_for.h"

/* While a test runs, `fd` (stdout or stderr) is a pipe whose other end the test holds. */
struct captured {
    int fd;
    int saved_fd;
    int read_fd;
};

static struct captured capture(int fd)
{
    fflush(NULL);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const struct captured captured = {.fd = fd, .saved_fd = dup(fd), .read_fd = ends[0]};
    dup2(ends[1], fd);
    close(ends[1]);
    return captured;
}

/* Gives the real file back, and into text what is still in the pipe. */
static void release(const struct captured *captured, struct buffer *text)
{
    dup2(captured->saved_fd, captured->fd);
    close(captured->saved_fd);
    char chunk[65536];
    ssize_t len;
    while ((len = read(captured->read_fd, chunk, sizeof(chunk))) > 0) {
        buffer_append(text, chunk, (size_t)len);
    }
    close(captured->read_fd);
}

static void start(enum log_level level)
{
    struct error error;
    if (log_start(level, LOG_FORMAT_JSON, &error) != 0) {
        fail_msg("%s", error.message);
    }
}

static uint64_t count_lines(const struct buffer *text)
{
    uint64_t count = 0;
    for (size_t i = 0; i < text->len; i++) {
        count += text->data[i] == '\n';
    }
    return count;
}

static bool contains(const struct buffer *text, const char *part)
{
    return text->len > 0 && memmem(text->data, text->len, part, strlen(part)) != NULL;
}

static void test_stop_writes_everything_that_was_logged(void **state)
{
    (void)state;
    const uint64_t dropped_before = log_dropped();
    const struct captured out = capture(STDOUT_FILENO);
    start(LOG_LEVEL_INFO);
    for (int i = 0; i < 100; i++) {
        log_info("test", "event", LOG_INT("number", i));
    }
    log_stop(1000);
    struct buffer text = {0};
    release(&out, &text);
    assert_int_equal(count_lines(&text), 100);
    assert_int_equal(log_dropped(), dropped_before);
    assert_true(contains(&text, "\"msg\":\"event\",\"component\":\"test\",\"number\":0}\n"));
    assert_true(contains(&text, "\"number\":99}\n"));
    buffer_done(&text);
}

static void test_lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    const struct captured out = capture(STDOUT_FILENO);
    start(LOG_LEVEL_WARN);
    log_debug("test", "no");
    log_info("test", "no");
    log_warn("test", "yes");
    log_error("test", "yes");
    log_stop(1000);
    struct buffer text = {0};
    release(&out, &text);
    assert_int_equal(count_lines(&text), 2);
    assert_false(contains(&text, "no"));
    buffer_done(&text);
}

static void test_an_event_is_written_without_waiting_for_more(void **state)
{
    (void)state;
    const struct captured out = capture(STDOUT_FILENO);
    start(LOG_LEVEL_INFO);
    log_info("test", "event");
    struct pollfd poll_fd = {.fd = out.read_fd, .events = POLLIN};
    const int readable = poll(&poll_fd, 1, 5000);
    log_stop(1000);
    struct buffer text = {0};
    release(&out, &text);
    assert_int_equal(readable, 1);
    buffer_done(&text);
}

static void test_outside_start_and_stop_events_go_to_stderr(void **state)
{
    (void)state;
    struct captured err = capture(STDERR_FILENO);
    log_warn("test", "the logger is not running");
    struct buffer text = {0};
    release(&err, &text);
    assert_int_equal(count_lines(&text), 1);
    assert_true(contains(&text, "the logger is not running"));
    buffer_done(&text);
}

enum { BLOCKED_LINES = 20000 };

static void test_a_blocked_stdout_blocks_nobody_and_no_line_goes_uncounted(void **state)
{
    (void)state;
    const uint64_t dropped_before = log_dropped();
    const struct captured out = capture(STDOUT_FILENO);
    start(LOG_LEVEL_INFO);
    static char padding[500];
    memset(padding, 'x', sizeof(padding) - 1);
    const int64_t start_us = clock_monotonic_us();
    for (int i = 0; i < BLOCKED_LINES; i++) {
        log_info("test", "event", LOG_STR("padding", padding));
    }
    const int64_t logged_us = clock_monotonic_us();
    log_stop(50);
    const int64_t stopped_us = clock_monotonic_us();
    struct buffer text = {0};
    release(&out, &text);
    const uint64_t dropped = log_dropped() - dropped_before;
    /* Generous: the machine may be busy. A blocked caller would never have come back. */
    assert_true(logged_us - start_us < WAIT_FOR_MAX_US);
    assert_true(stopped_us - logged_us < WAIT_FOR_MAX_US);
    assert_true(dropped > BLOCKED_LINES / 2);
    assert_true(count_lines(&text) > 0);
    assert_int_equal(count_lines(&text) + dropped, BLOCKED_LINES);
    buffer_done(&text);
}

static void *read_later(void *arg)
{
    const struct captured *out = arg;
    usleep(100 * 1000);
    static char chunk[65536];
    size_t *count = malloc(sizeof(*count));
    *count = 0;
    ssize_t len;
    while ((len = read(out->read_fd, chunk, sizeof(chunk))) > 0) {
        for (ssize_t i = 0; i < len; i++) {
            *count += chunk[i] == '\n';
        }
    }
    return count;
}

static void test_after_a_stall_the_lines_of_the_ring_arrive(void **state)
{
    (void)state;
    const uint64_t dropped_before = log_dropped();
    const struct captured out = capture(STDOUT_FILENO);
    start(LOG_LEVEL_INFO);
    for (int i = 0; i < 1500; i++) { /* about 135 KB: more than the pipe holds, less than the ring does */
        log_info("test", "event", LOG_INT("number", i));
    }
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_later, (void *)(uintptr_t)&out), 0);
    log_stop(10 * 1000);
    dup2(out.saved_fd, out.fd);
    close(out.saved_fd);
    size_t *count = NULL;
    pthread_join(reader, (void **)&count);
    close(out.read_fd);
    assert_int_equal(*count, 1500);
    assert_int_equal(log_dropped(), dropped_before);
    free(count);
}

/* A terminal says that it is writable and then takes a part only: the writer is stuck within its write. */
static void test_a_stopped_terminal_does_not_hold_up_stop(void **state)
{
    (void)state;
    const int terminal_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal_fd >= 0 && grantpt(terminal_fd) == 0 && unlockpt(terminal_fd) == 0);
    const int user_fd = open(ptsname(terminal_fd), O_WRONLY | O_NOCTTY | O_CLOEXEC);
    assert_true(user_fd >= 0);
    fflush(stdout);
    const int saved_fd = dup(STDOUT_FILENO);
    dup2(user_fd, STDOUT_FILENO);
    start(LOG_LEVEL_INFO);
    for (int i = 0; i < 2000; i++) {
        log_info("test", "event", LOG_INT("number", i));
    }
    const uint64_t dropped_before = log_dropped();
    const int64_t start_us = clock_monotonic_us();
    log_stop(50);
    const int64_t stopped_us = clock_monotonic_us();
    dup2(saved_fd, STDOUT_FILENO);
    close(saved_fd);
    close(user_fd);
    close(terminal_fd);
    assert_true(stopped_us - start_us < WAIT_FOR_MAX_US); /* nobody reads: it would be stuck for good */
    assert_true(log_dropped() > dropped_before);
}

static void test_a_reader_that_is_gone_costs_lines_and_no_more(void **state)
{
    (void)state;
    const uint64_t dropped_before = log_dropped();
    const struct captured out = capture(STDOUT_FILENO);
    close(out.read_fd);
    start(LOG_LEVEL_INFO);
    log_info("test", "event");
    log_info("test", "event");
    log_stop(1000);
    dup2(out.saved_fd, out.fd);
    close(out.saved_fd);
    assert_int_equal(log_dropped() - dropped_before, 2);
}

static void test_a_full_disk_costs_lines_and_no_more(void **state)
{
    (void)state;
    const uint64_t dropped_before = log_dropped();
    fflush(stdout);
    const int saved_fd = dup(STDOUT_FILENO);
    const int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    dup2(full_fd, STDOUT_FILENO);
    close(full_fd);
    start(LOG_LEVEL_INFO);
    for (int i = 0; i < 10; i++) {
        log_info("test", "event");
    }
    log_stop(1000);
    dup2(saved_fd, STDOUT_FILENO);
    close(saved_fd);
    assert_int_equal(log_dropped() - dropped_before, 10);
}

enum { THREADS = 4, LINES_A_THREAD = 300 };

static void *log_lines(void *arg)
{
    for (int i = 0; i < LINES_A_THREAD; i++) {
        log_info("test", "event", LOG_STR("thread", arg), LOG_INT("number", i));
    }
    return NULL;
}

static void test_lines_of_many_threads_do_not_mix(void **state)
{
    (void)state;
    const struct captured out = capture(STDOUT_FILENO);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_later, (void *)(uintptr_t)&out), 0);
    start(LOG_LEVEL_INFO);
    static char names[THREADS][16];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        snprintf(names[i], sizeof(names[i]), "t%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, log_lines, names[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    log_stop(5000);
    dup2(out.saved_fd, out.fd);
    close(out.saved_fd);
    size_t *count = NULL;
    pthread_join(reader, (void **)&count);
    close(out.read_fd);
    assert_int_equal(*count, THREADS * LINES_A_THREAD);
    free(count);
}

static void test_stop_without_start_does_nothing(void **state)
{
    (void)state;
    log_stop(0);
    log_stop(1000);
}

static void test_a_limiter_allows_one_event_in_ten_seconds_and_counts_the_rest(void **state)
{
    (void)state;
    struct log_limiter limiter = {0};
    const int64_t start_us = INT64_C(5000000000);
    uint64_t count = 0;
    assert_true(log_limiter_allows(&limiter, start_us, &count));
    assert_int_equal(count, 1);
    for (int i = 1; i < 10; i++) {
        assert_false(log_limiter_allows(&limiter, start_us + i * 1000000, &count));
    }
    assert_int_equal(count, 1);
    assert_true(log_limiter_allows(&limiter, start_us + 10 * 1000000, &count));
    assert_int_equal(count, 10);
    assert_false(log_limiter_allows(&limiter, start_us + 11 * 1000000, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_writes_everything_that_was_logged),
        cmocka_unit_test(test_lines_below_the_level_are_not_written),
        cmocka_unit_test(test_an_event_is_written_without_waiting_for_more),
        cmocka_unit_test(test_outside_start_and_stop_events_go_to_stderr),
        cmocka_unit_test(test_a_blocked_stdout_blocks_nobody_and_no_line_goes_uncounted),
        cmocka_unit_test(test_after_a_stall_the_lines_of_the_ring_arrive),
        cmocka_unit_test(test_a_reader_that_is_gone_costs_lines_and_no_more),
        cmocka_unit_test(test_a_full_disk_costs_lines_and_no_more),
        cmocka_unit_test(test_lines_of_many_threads_do_not_mix),
        cmocka_unit_test(test_stop_without_start_does_nothing),
        cmocka_unit_test(test_a_limiter_allows_one_event_in_ten_seconds_and_counts_the_rest),
        /* The last one: its writer is still stuck. */
        cmocka_unit_test(test_a_stopped_terminal_does_not_hold_up_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
