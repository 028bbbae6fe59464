#include "common/process/pprof.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/base/decimal.h"
#include "common/http/http_query.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/process/pprof_access.h"
#include "common/profile/cpu_profile.h"
#include "common/profile/heap_profile.h"
#include "common/thread/background.h"

enum {
    SECONDS_MAX = 300,
    CPU_SECONDS = 30,  /* as in Go */
    HEAP_SECONDS = 10, /* when no samples are taken all the time */
    QUERY_SIZE = 128,
    LOOK_MS = 50,
    /* Beside the seconds: the names of all functions are read. */
    WRITE_MS = 30 * 1000,
};

static const struct metric_family profiles_family = {
    .name = "tally_profiles_total",
    .help = "Profiles that were asked for and begun.",
    .type = METRIC_COUNTER,
    .labels = {"kind"},
};

static const char *const kinds[] = {"cpu", "heap"};

struct task {
    const char *kind; /* a label */
    int (*take)(const struct task *task, struct profile *ret_profile, struct error *error);
    int seconds;
    struct operator_answer *answer; /* NULL: nothing is asked */
    int socket;                     /* of who asks */
};

static struct {
    /* immutable after pprof_start */
    const struct config *config;
    struct background thread;
    /* guarded by lock */
    pthread_mutex_t lock;
    bool is_open;
    bool is_busy; /* from when a profile is asked for until it is told */
    struct task task;
} pprof = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the pprof thread ---- */

/* Who has closed its side does not wait for this answer. */
static bool is_gone(const struct task *task)
{
    struct pollfd poll_fd = {.fd = task->socket, .events = POLLRDHUP};
    return atomic_load_explicit(&task->answer->is_gone, memory_order_relaxed) ||
           (poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

/* For what waits. False: nobody wants to know any more. ctx: the task. */
static bool wait_a_little(void *ctx, int pause_ms)
{
    return background_pause(&pprof.thread, pause_ms) && !is_gone(ctx);
}

static int take_cpu(const struct task *task, struct profile *ret_profile, struct error *error)
{
    struct task asked = *task;
    return cpu_profile_take(task->seconds, wait_a_little, &asked, ret_profile, error);
}

/* What is allocated in these seconds and still there after them; or, when samples are taken all the time, all that is
 * there. */
static int take_heap(const struct task *task, struct profile *ret_profile, struct error *error)
{
    struct task asked = *task;
    const bool was_active = heap_profile_is_active();
    struct error ignored;
    if (!was_active && heap_profile_set_active(true, error) != 0) {
        return -1;
    }
    for (int ms = 0; ms < task->seconds * 1000 && wait_a_little(&asked, LOOK_MS); ms += LOOK_MS) {
        /* it is being sampled */
    }
    const int result = heap_profile_take(ret_profile, error);
    if (!was_active) {
        (void)!heap_profile_set_active(false, &ignored);
    }
    return result;
}

static int answer_error(struct operator_answer *answer, const struct error *error)
{
    return operator_answer_problem(answer, 500, "no-profile", "No profile", error->message);
}

static int answer_stopping(struct operator_answer *answer)
{
    return operator_answer_problem(answer, 503, "stopping", "Stopping", "The program stops.");
}

static int make(const struct task *task)
{
    struct error error;
    struct profile profile = {.kind = NULL};
    int result = task->take(task, &profile, &error);
    const bool is_stopping = background_is_stopping(&pprof.thread);
    if (is_stopping || is_gone(task)) {
        profile_done(&profile);
        return is_stopping ? answer_stopping(task->answer) : 200;
    }
    if (result == 0) {
        result = profile_write(&profile, &task->answer->body, &error);
    }
    profile_done(&profile);
    return result == 0 ? 200 : answer_error(task->answer, &error);
}

static struct task take_task(void)
{
    pthread_mutex_lock(&pprof.lock);
    const struct task task = pprof.task;
    pthread_mutex_unlock(&pprof.lock);
    return task;
}

static void end_task(const struct task *task, int status)
{
    pthread_mutex_lock(&pprof.lock);
    pprof.is_busy = false;
    pprof.task.answer = NULL;
    pthread_mutex_unlock(&pprof.lock);
    operator_answer_finish(task->answer, status);
}

static void run(void *ctx)
{
    (void)ctx;
    do {
        const struct task task = take_task();
        if (task.answer != NULL) {
            end_task(&task, make(&task));
        }
    } while (background_pause(&pprof.thread, LOOK_MS));
}

int pprof_init(const struct config *config, struct error *error)
{
    pprof.config = config;
    if (!config->debug.pprof) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        metrics_register(&profiles_family, &kinds[i]);
    }
    return config->debug.heap_profile ? heap_profile_set_active(true, error) : 0;
}

int pprof_start(struct error *error)
{
    if (!pprof.config->debug.pprof) {
        return 0;
    }
    if (background_start(&pprof.thread, "pprof", run, NULL, error) != 0) {
        return -1;
    }
    pthread_mutex_lock(&pprof.lock);
    pprof.is_open = true;
    pthread_mutex_unlock(&pprof.lock);
    return 0;
}

void pprof_stop(void)
{
    pthread_mutex_lock(&pprof.lock);
    pprof.is_open = false;
    pthread_mutex_unlock(&pprof.lock);
    background_join(&pprof.thread);
    const struct task left = take_task();
    if (left.answer != NULL) {
        end_task(&left, answer_stopping(left.answer));
    }
}

/* ---- what is asked ---- */

/* Returns 0, or the status of the refusal. */
static int refuse(struct operator_answer *answer)
{
    if (!pprof.config->debug.pprof) {
        return operator_answer_problem(answer, 404, "not-found", "Not found",
                                       "Profiles are off: debug.pprof is false.");
    }
    const char *reason = pprof_access_refuses(pprof.config, answer->request);
    return reason != NULL ? operator_answer_problem(answer, 403, "not-allowed", "Not allowed", reason) : 0;
}

/* *seconds: what it is when nothing is said. Returns 0, or the status of the refusal. */
static int read_seconds(struct operator_answer *answer, int *seconds)
{
    char raw[QUERY_SIZE];
    struct text name;
    struct text value;
    int64_t number;
    const int len = http_request_query(answer->request, raw, sizeof(raw));
    struct http_query query = http_query_of(raw, len < 0 ? 0 : (size_t)len);
    enum http_query_step step = len < 0 ? HTTP_QUERY_MALFORMED : http_query_next(&query, &name, &value);
    for (; step == HTTP_QUERY_PARAMETER; step = http_query_next(&query, &name, &value)) {
        if (!text_equal(name, TEXT("seconds")) || !decimal_parse(value, &number) || number < 1 ||
            number > SECONDS_MAX) {
            break;
        }
        *seconds = (int)number;
    }
    return step == HTTP_QUERY_END ? 0
                                  : operator_answer_problem(answer, 400, "malformed-request", "Malformed request",
                                                            "The one parameter is seconds, from 1 to 300.");
}

/* Returns OPERATOR_LATER, or the status of the refusal. */
static int ask(struct operator_answer *answer, const struct task *wanted)
{
    pthread_mutex_lock(&pprof.lock);
    const bool is_open = pprof.is_open;
    const bool is_taken = is_open && !pprof.is_busy;
    if (is_taken) {
        pprof.is_busy = true;
        pprof.task = *wanted;
        answer->takes_long = true;
        http_request_expect(answer->request, wanted->seconds * 1000 + WRITE_MS);
    }
    pthread_mutex_unlock(&pprof.lock);
    if (is_taken) {
        metrics_add(metrics_register(&profiles_family, &wanted->kind), 1);
        log_info("pprof", "a profile is taken", LOG_STR("kind", wanted->kind), LOG_INT("seconds", wanted->seconds),
                 LOG_STR("for", http_request_peer(answer->request).address));
        return OPERATOR_LATER;
    }
    return is_open ? operator_answer_problem(answer, 409, "profile-in-progress", "A profile is being taken",
                                             "One is taken at a time, and somebody waits for one.")
                   : operator_answer_problem(answer, 503, "no-profile", "No profile", "The program starts, or stops.");
}

static int write_later(struct operator_answer *answer, struct task task)
{
    const int refusal = read_seconds(answer, &task.seconds);
    if (refusal != 0) {
        return refusal;
    }
    if (answer->request->method == HTTP_HEAD) {
        return 200; /* nobody would see it */
    }
    task.answer = answer;
    task.socket = http_request_socket(answer->request);
    return ask(answer, &task);
}

int pprof_write_profile(void *ctx, struct operator_answer *answer)
{
    const int refusal = refuse(answer);
    (void)ctx;
    if (refusal != 0) {
        return refusal;
    }
    return write_later(answer, (struct task){.kind = kinds[0], .take = take_cpu, .seconds = CPU_SECONDS});
}

int pprof_write_heap(void *ctx, struct operator_answer *answer)
{
    const bool is_always = pprof.config->debug.heap_profile;
    const int refusal = refuse(answer);
    (void)ctx;
    if (refusal != 0) {
        return refusal;
    }
    if (!heap_profile_is_there()) {
        return operator_answer_problem(answer, 501, "not-implemented", "Not implemented",
                                       "This build has no allocator that takes samples.");
    }
    return write_later(answer,
                       (struct task){.kind = kinds[1], .take = take_heap, .seconds = is_always ? 0 : HEAP_SECONDS});
}

int pprof_write_index(void *ctx, struct operator_answer *answer)
{
    const int refusal = refuse(answer);
    (void)ctx;
    if (refusal == 0) {
        buffer_append_text(&answer->body, TEXT("For `go tool pprof http://HOST:PORT/debug/pprof/...`:\n\n"
                                               "profile?seconds=30  where CPU time goes, in the next seconds\n"
                                               "heap                what is allocated, and by whom\n"
                                               "cmdline             how the program was started\n"));
    }
    return refusal == 0 ? 200 : refusal;
}

int pprof_write_cmdline(void *ctx, struct operator_answer *answer)
{
    const int refusal = refuse(answer);
    (void)ctx;
    if (refusal != 0) {
        return refusal;
    }
    FILE *file = fopen("/proc/self/cmdline", "re");
    char piece[QUERY_SIZE];
    size_t len;
    while (file != NULL && (len = fread(piece, 1, sizeof(piece), file)) > 0) {
        buffer_append(&answer->body, piece, len); /* arguments with a NUL each, as Go has it */
    }
    if (file != NULL) {
        fclose(file);
    }
    return 200;
}
